"""Checkpoint files: safe to read, whole when written, strict when loaded."""

import os
import pickle
from collections import OrderedDict
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file
from torch import nn

from whmr.engine import (
    CheckpointError,
    find_last_checkpoint,
    load_weights,
    read_checkpoint,
    resolve_checkpoint,
    write_checkpoint,
)
from whmr.engine.plain import from_plain, to_plain


class Colour(Enum):
    RED = 1


class RunsCode:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.path}',)


def two_layers(width: int = 4) -> nn.Sequential:
    return nn.Sequential(OrderedDict(first=nn.Linear(3, width), norm=nn.BatchNorm1d(width)))


def test_plain_data_survives_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    buffer = HistoryBuffer([1.0, 2.5], [1, 3], max_length=7)
    buffer.update(4, 2)
    state = two_layers().state_dict()
    checkpoint = {
        'state_dict': state,
        'message_hub': {'log_scalars': OrderedDict(loss=buffer, empty=HistoryBuffer())},
        'meta': {
            'best': np.float64(0.25),
            'count': np.int32(3),
            'name': np.str_('x'),
            'flag': np.bool_(True),
            'path': Path('a/b'),
            'table': np.arange(6, dtype=np.float32).reshape(2, 3),
            'names': np.array(['a', 'b']),
            'nested': [{'t': (1, 2.0, None)}, torch.zeros(2, dtype=torch.int64)],
            3: 'integer key',
            'device': torch.device('cpu'),
            'dtype': torch.float16,
            'shape': torch.Size([1, 2]),
        },
    }
    path = tmp_path / 'a.pth'
    write_checkpoint(path, checkpoint)
    assert torch.load(path, weights_only=True)['meta']['best'] == 0.25
    read = read_checkpoint(path)
    log, count = read['message_hub']['log_scalars']['loss'].data
    assert log.tolist() == [1.0, 2.5, 4.0] and count.tolist() == [1, 3, 2]
    assert read['message_hub']['log_scalars']['loss'].max_length == 7
    assert isinstance(read['message_hub']['log_scalars']['empty'], HistoryBuffer)
    meta = read['meta']
    assert type(meta['best']) is float and type(meta['count']) is int and type(meta['name']) is str
    assert meta['flag'] is True and meta['path'] == 'a/b' and meta['names'] == ['a', 'b']
    assert meta['table'].dtype == np.float32 and meta['table'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert meta['nested'][0] == {'t': (1, 2.0, None)} and meta[3] == 'integer key'
    assert meta['shape'] == torch.Size([1, 2]) and meta['dtype'] is torch.float16
    for key, value in state.items():
        assert torch.equal(read['state_dict'][key], value)
    assert read['state_dict']._metadata['norm'] == {'version': 2}


@pytest.mark.parametrize('value', [object(), {1, 2}, Colour.RED, lambda: 0])
def test_what_has_no_plain_form_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(TypeError, match=r'checkpoint\.meta\.things\[1\] is a '):
        to_plain({'meta': {'things': [0, value]}})


def test_plain_form_is_its_own_inverse_on_plain_data() -> None:
    data = {'a': [1, (2, 'x')], 'b': None}
    assert from_plain(to_plain(data)) == data


def test_a_file_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    trace, path = tmp_path / 'trace', tmp_path / 'evil.pth'
    torch.save({'state_dict': {'w': torch.zeros(1)}, 'meta': RunsCode(trace)}, path)
    with pytest.raises(CheckpointError, match=r'evil\.pth was refused: .*posix\.system'):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps({'state_dict': RunsCode(trace)}, protocol=2))
    with pytest.raises(CheckpointError, match=r'evil\.pth'):
        read_checkpoint(path)
    assert not trace.exists()


def test_the_loader_that_mmengine_calls_is_safe_too(tmp_path: Path) -> None:
    from mmengine.runner import load_checkpoint

    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': {}, 'meta': RunsCode(tmp_path / 'trace')}, path)
    with pytest.raises(CheckpointError, match='was refused'):
        load_checkpoint(two_layers(), str(path))


@pytest.mark.parametrize('keep', [0, 1, 100, 2000])
@pytest.mark.parametrize('zipped', [True, False])
def test_a_cut_file_is_named(tmp_path: Path, keep: int, zipped: bool) -> None:
    path = tmp_path / 'cut.pth'
    torch.save({'state_dict': {'w': torch.ones(2000)}}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1, 2], 'it holds a list'),
        ({'epoch': 3, 'model': {}}, "holds no 'state_dict' .its keys: epoch, model"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / 'other.pth'
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)


def test_bare_weights_and_safetensors_are_read(tmp_path: Path) -> None:
    state = two_layers().state_dict()
    torch.save(state, tmp_path / 'bare.pth')
    save_file(dict(state), tmp_path / 'weights.safetensors')
    for name in ('bare.pth', 'weights.safetensors'):
        model = two_layers()
        load_weights(model, tmp_path / name)
        assert torch.equal(model.first.weight, state['first.weight'])
    (tmp_path / 'weights.safetensors').write_bytes(b'nothing')
    with pytest.raises(CheckpointError, match=r'weights\.safetensors is damaged'):
        read_checkpoint(tmp_path / 'weights.safetensors')


def test_load_weights_takes_a_prefix(tmp_path: Path) -> None:
    source = nn.ModuleDict({'hmr': two_layers(), 'other': nn.Linear(1, 1)})
    state = {f'module.{key}': value for key, value in source.state_dict().items()}
    write_checkpoint(tmp_path / 'a.pth', {'state_dict': state})
    model = two_layers()
    load_weights(model, tmp_path / 'a.pth', 'hmr')
    assert torch.equal(model.first.weight, source['hmr'].first.weight)
    with pytest.raises(
        CheckpointError, match=r"no weights under 'backbone\.'; it holds: hmr, other"
    ):
        load_weights(model, tmp_path / 'a.pth', 'backbone')


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path: Path) -> None:
    other = nn.Sequential(OrderedDict(first=nn.Linear(3, 5), last=nn.Linear(2, 2)))
    write_checkpoint(tmp_path / 'other.pth', {'state_dict': other.state_dict()})
    model = two_layers()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_weights(model, tmp_path / 'other.pth')
    text = str(caught.value)
    assert '\n' not in text and 'other.pth does not fit this Sequential' in text
    assert '4 keys missing (norm.weight, norm.bias, norm.running_mean, ...)' in text
    assert '2 keys unexpected (last.weight, last.bias)' in text
    assert 'first.weight (5x3 in the file, 4x3 in the model)' in text
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_lenient_load_takes_what_fits_and_reports_the_rest(tmp_path: Path) -> None:
    other = nn.Sequential(OrderedDict(first=nn.Linear(3, 4), last=nn.Linear(2, 2)))
    write_checkpoint(tmp_path / 'other.pth', {'state_dict': other.state_dict()})
    model = two_layers()
    report = load_weights(model, tmp_path / 'other.pth', strict=False)
    assert torch.equal(model.first.weight, other.first.weight)
    assert report.unexpected == ['last.weight', 'last.bias']
    assert report.missing[:2] == ['norm.weight', 'norm.bias'] and not report.mismatched


def test_the_last_checkpoint_is_found_after_the_folder_moved(tmp_path: Path) -> None:
    assert find_last_checkpoint(tmp_path) is None
    with pytest.raises(FileNotFoundError, match='holds no checkpoint'):
        resolve_checkpoint(tmp_path)
    for name in ('iter_9.pth', 'iter_100.pth', 'best_error_iter_200.pth'):
        (tmp_path / name).touch()
    assert find_last_checkpoint(tmp_path) == tmp_path / 'iter_100.pth'
    (tmp_path / 'last_checkpoint').write_text('/moved/away/iter_9.pth')
    assert find_last_checkpoint(tmp_path) == tmp_path / 'iter_9.pth'
    (tmp_path / 'last_checkpoint').write_text('')  # a kill between creating and writing it
    assert find_last_checkpoint(tmp_path) == tmp_path / 'iter_100.pth'
    (tmp_path / 'last_checkpoint').write_text('iter_7.pth')  # removed by hand
    assert resolve_checkpoint(tmp_path) == tmp_path / 'iter_100.pth'
