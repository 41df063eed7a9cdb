"""Foreign files give their tensors, and nothing that they name is run."""

import argparse
import collections
import os
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from whmr.checkpoints import CheckpointError, read_foreign, read_torch

WEIGHTS = {'model.a': torch.arange(3.0), 'model.b': torch.ones(2, 2)}
formats = pytest.mark.parametrize('new_format', [True, False], ids=['zip', 'before torch 1.6'])


class Attack:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f'touch {self.path}',)


class Called(Attack):
    """Calls what Python offers to every program."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, (f'open({str(self.path)!r}, "w")',)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Classes of packages that are not here once the file is written."""
    lightning, yacs = ModuleType('pytorch_lightning'), ModuleType('yacs')
    lightning.callbacks = ModuleType('pytorch_lightning.callbacks')
    yacs.config = ModuleType('yacs.config')
    made = {}
    for module, name, base in (
        (lightning.callbacks, 'ModelCheckpoint', object),
        (lightning.callbacks, 'AttributeDict', dict),
        (yacs.config, 'CfgNode', dict),
    ):
        made[name] = type(name, (base,), {'__module__': module.__name__})
        setattr(module, name, made[name])
    for module in (lightning, lightning.callbacks, yacs, yacs.config):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return argparse.Namespace(**made)


def check(read: dict[str, torch.Tensor]) -> None:
    assert list(read) == list(WEIGHTS)
    for key, value in WEIGHTS.items():
        torch.testing.assert_close(read[key], value)


@formats
def test_what_lightning_keeps_beside_the_weights_is_ignored(
    tmp_path: Path, foreign: Any, new_format: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = foreign.CfgNode({'inner': foreign.CfgNode({'sizes': [1, 2]})})
    node.frozen = True
    callback = foreign.ModelCheckpoint()
    callback.best = np.float64(0.5)
    content = {
        'epoch': 3,
        'callbacks': {foreign.ModelCheckpoint: {'best': np.float64(0.5), 'object': callback}},
        'hyper_parameters': foreign.AttributeDict(config=node, path=Path('x'), rate=0.1),
        'options': argparse.Namespace(lists=collections.defaultdict(list, a=[1])),
        'history': np.arange(4.0),
        'state_dict': collections.OrderedDict(WEIGHTS),
    }
    path = tmp_path / 'camcalib.ckpt'
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    for name in [name for name in sys.modules if name.startswith(('pytorch_lightning', 'yacs'))]:
        monkeypatch.delitem(sys.modules, name)
    check(read_foreign(path))
    with pytest.raises(CheckpointError, match=r'pytorch_lightning\.callbacks\.\w+.* foreign code'):
        read_torch(path)


@formats
@pytest.mark.parametrize(('attack', 'name'), [(Attack, r'\w+\.system'), (Called, 'builtins.eval')])
def test_code_is_refused_and_not_run(
    tmp_path: Path, new_format: bool, attack: type, name: str
) -> None:
    touched = tmp_path / 'touched'
    path = tmp_path / 'evil.pth'
    content = {'state_dict': WEIGHTS, 'options': attack(touched)}
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(CheckpointError, match=rf'evil\.pth was refused: .* object {name}'):
        read_foreign(path)
    assert not touched.exists()


def test_an_unknown_class_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'model.pt'
    torch.save({'state_dict': WEIGHTS, 'x': Attack.__class__}, path)
    with pytest.raises(CheckpointError, match=r'was refused: .* object builtins\.type'):
        read_foreign(path)


@pytest.mark.parametrize('wrapper', [None, 'state_dict', 'model', 'model_state_dict', 'network'])
def test_state_dict_is_found(tmp_path: Path, wrapper: str | None) -> None:
    content = WEIGHTS if wrapper is None else {'epoch': 1, wrapper: WEIGHTS}
    torch.save(content, tmp_path / 'model.pth.tar')
    check(read_foreign(tmp_path / 'model.pth.tar'))


def test_safetensors(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / 'model.safetensors')
    read = read_foreign(tmp_path / 'model.safetensors')
    check({key: read[key] for key in WEIGHTS})


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1, 2], 'it holds a list'),
        ({}, 'it holds a dict'),
        ({'epoch': 1, 'optimizer': {}}, 'no state dict under .*its keys: epoch, optimizer'),
        ({'model': {'a': torch.ones(1), 'b': 3}}, "'b' of the state dict is no tensor: int"),
        ({'model': {1: torch.ones(1)}}, '1 of the state dict is no tensor'),
    ],
)
def test_files_without_a_state_dict(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / 'model.pth')
    with pytest.raises(CheckpointError, match=message):
        read_foreign(tmp_path / 'model.pth')


@formats
def test_truncated_files(tmp_path: Path, new_format: bool) -> None:
    path = tmp_path / 'model.pth'
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=new_format)
    data = path.read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 5):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match='damaged, cut off, or no checkpoint'):
            read_foreign(path)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'no\.pth does not exist'):
        read_foreign(tmp_path / 'no.pth')
    (tmp_path / 'text.pth').write_text('hello')
    with pytest.raises(CheckpointError, match='no checkpoint'):
        read_foreign(tmp_path / 'text.pth')
    (tmp_path / 'x.safetensors').write_bytes(b'1234567890')
    with pytest.raises(CheckpointError, match='no safetensors file'):
        read_foreign(tmp_path / 'x.safetensors')
    with tarfile.open(tmp_path / 'old.pth', 'w') as file:
        file.add(tmp_path / 'text.pth', 'pickle')
    with pytest.raises(CheckpointError, match='tar format of before 2017'):
        read_foreign(tmp_path / 'old.pth')
