"""A typo in a config or on the command line never passes in silence."""

import argparse
from pathlib import Path

import pytest
from mmengine import Config

from whmr.engine import ConfigError, apply_options, check_names, load_config
from whmr.engine.config import OptionAction

TEXT = """
_size = 8
train_pipeline = [dict(type='LoadImage'), dict(type='GetBox', padding=1.2)]
model = dict(type='ToyModel', backbone=dict(width=_size), heads=[dict(dropout=0.1)] * 2)
train_dataloader = dict(batch_size=4, dataset=dict(type='D', pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.1))
train_cfg = dict(by_epoch=False, max_iters=10)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'whmr_toy.py'
    path.write_text(TEXT)
    return path


def test_options_change_what_exists(path: Path) -> None:
    cfg = load_config(
        path,
        {
            'optim_wrapper.optimizer.lr': 0.5,
            'model.heads.1.dropout': 0.0,
            'train_dataloader.dataset.pipeline.1.padding': 1.0,
            '+model.norm': True,
            '+sync_bn': 'torch',
        },
    )
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert [head.dropout for head in cfg.model.heads] == [0.1, 0.0]
    assert cfg.train_dataloader.dataset.pipeline[1].padding == 1.0
    assert cfg.model.norm is True and cfg.sync_bn == 'torch'


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('optim_wrapper.optimizer.lrr', r'did you mean optim_wrapper\.optimizer\.lr'),
        ('optimizer.lr', r'did you mean optim_wrapper\.optimizer\.lr'),
        ('model.backbon.width', r'did you mean model\.backbone\.width'),
        ('model.heads.2.dropout', r'did you mean model\.heads\.'),
        ('max_iters', r'did you mean train_cfg\.max_iters'),
        ('model.type.x', r'no such key'),
        ('qqqqqq', r'no such key \(a new key is added with \+qqqqqq='),
        ('+optim_wrapper.optimizer.lr', r"exists already, leave out the '\+'"),
        ('+trian_cfg', r"nothing reads the top-level name 'trian_cfg'; did you mean 'train_cfg'"),
        (
            'train_pipeline.1.padding',
            r'does nothing; .*did you mean train_dataloader\.dataset\.pipeline\.1\.padding',
        ),
    ],
)
def test_options_that_name_nothing_are_errors(path: Path, key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path, {key: 1})
    assert '\n' not in str(caught.value) and key in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('train_dataloder', "did you mean 'train_dataloader'"),
        ('custom_hook', "did you mean 'custom_hooks'"),
        ('learning_rate', "name 'learning_rate'; .a helper variable's name begins with '_'"),
    ],
)
def test_unknown_top_level_names_are_errors(path: Path, name: str, message: str) -> None:
    path.write_text(f'{TEXT}\n{name} = 1\n')
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert 'whmr_toy.py' in str(caught.value)


def test_known_names_pass() -> None:
    check_names(
        dict(model={}, work_dir='', default_scope='whmr', grad_flow={}, _x=1, val_pipeline=[])
    )


def test_a_missing_config_names_its_neighbours(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'does not exist; .* has: whmr_toy\.py'):
        load_config(path.with_name('whmr_toi.py'))


def test_a_broken_config_is_named(path: Path) -> None:
    path.write_text('model = dict(')
    with pytest.raises(ConfigError, match=r'whmr_toy\.py cannot be read'):
        load_config(path)


def test_options_are_parsed_and_checked(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction)
    args = parser.parse_args(['--cfg-options', 'a.b=1e-3', 'c=[1,2]', 'd=None', '+e=x=y'])
    assert args.cfg_options == {'a.b': 1e-3, 'c': [1, 2], 'd': None, '+e': 'x=y'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'nothing'])
    assert "'nothing' is no KEY=VALUE pair" in capsys.readouterr().err


def test_apply_options_leaves_other_entries_alone() -> None:
    cfg = Config(dict(model=dict(a=1, b=dict(c=2))))
    apply_options(cfg, {'model.b.c': 3})
    assert cfg.model == dict(a=1, b=dict(c=3))
