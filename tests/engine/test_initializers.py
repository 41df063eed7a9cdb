"""A module that starts from an earlier result gets exactly that, or says what is wrong."""

from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from whmr.body_models import FreeBody
from whmr.engine import CheckpointError, StrictPretrained, write_checkpoint
from whmr.registry import WEIGHT_INITIALIZERS


class Child(BaseModule):
    """Its own initialisation fills it with sevens."""

    def __init__(self) -> None:
        super().__init__(init_cfg=dict(type='Constant', layer='Linear', val=7.0))
        self.linear = nn.Linear(2, 2)


class Parent(BaseModule):
    def __init__(self, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.left = Child()
        self.right = Child()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = Parent()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    write_checkpoint(tmp_path / 'iter_5.pth', {'state_dict': model.state_dict()})
    (tmp_path / 'last_checkpoint').write_text('iter_5.pth')
    return tmp_path


def scoped(**config: object) -> dict:
    return dict(type='whmr.StrictPretrained', **config)


def test_registered_under_its_own_name() -> None:
    assert WEIGHT_INITIALIZERS.get('StrictPretrained') is StrictPretrained


@pytest.mark.parametrize('name', ['iter_5.pth', ''])
def test_children_do_not_overwrite_what_was_loaded(saved: Path, name: str) -> None:
    model = Parent(scoped(checkpoint=str(saved / name)))
    model.init_weights()
    expected = torch.load(saved / 'iter_5.pth', weights_only=True)['state_dict']
    for key, value in model.state_dict().items():
        assert torch.equal(value, expected[key]), key


def test_one_child_from_one_part_of_a_file(saved: Path) -> None:
    model = Parent(
        scoped(checkpoint=str(saved / 'iter_5.pth'), prefix='right', source_prefix='left.')
    )
    model.init_weights()
    expected = torch.load(saved / 'iter_5.pth', weights_only=True)['state_dict']
    assert torch.equal(model.right.linear.weight, expected['left.linear.weight'])
    assert (model.left.linear.weight == 7).all()  # initialised by itself


def test_several_parts(saved: Path) -> None:
    path = str(saved / 'iter_5.pth')
    model = Parent(
        [
            scoped(checkpoint=path, prefix='left', source_prefix='right'),
            scoped(checkpoint=path, prefix='right', source_prefix='left'),
        ]
    )
    model.init_weights()
    expected = torch.load(path, weights_only=True)['state_dict']
    assert torch.equal(model.left.linear.weight, expected['right.linear.weight'])
    assert torch.equal(model.right.linear.weight, expected['left.linear.weight'])


def test_weights_that_do_not_fit_are_listed(saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r'4 keys missing .left.linear.weight'):
        StrictPretrained(str(saved), source_prefix='left')(Parent())
    with pytest.raises(ValueError, match=r"no submodule 'middle'; its children are: left, right"):
        StrictPretrained(str(saved), 'middle')(Parent())


def test_a_missing_result_says_what_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where nothing has been trained
    for path in ('work_dirs/whmr_lite_stage1', 'work_dirs/whmr_lite_stage1/iter_9.pth'):
        with pytest.raises(FileNotFoundError, match=r"the config 'whmr_lite_stage1': train that"):
            StrictPretrained(path)(Parent())
    with pytest.raises(FileNotFoundError, match=r'vitpose\.pth does not exist; get it first'):
        StrictPretrained('data/pretrained/vitpose.pth')(Parent())


def test_weights_of_another_body_are_refused_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / 'iter_1.pth'
    state = {f'linear.{key}': value for key, value in nn.Linear(2, 2).state_dict().items()}
    write_checkpoint(path, {'state_dict': state, 'meta': {'topology': ['smpl']}})
    model = Child()
    model.body = FreeBody()
    with pytest.raises(CheckpointError, match=r'iter_1\.pth was .* topology smpl, .* free_body'):
        StrictPretrained(str(path))(model)
    StrictPretrained(str(path), any_body=True)(model)
    assert torch.equal(model.linear.bias, state['linear.bias'])
