"""Every config loads, stays small, builds on the free body, and rejects what it does not know."""

import ast
import copy
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mmengine import Config
from mmengine.registry import DefaultScope, Registry
from torch import nn

import whmr.registry
from whmr.engine.config import load_config
from whmr.engine.embedded import use_embedded
from whmr.engine.errors import ConfigError
from whmr.engine.optim import TrainableOptimWrapperConstructor

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
LEAVES = [path for path in sorted(CONFIGS.rglob('*.py')) if '_base_' not in path.parts]
TYPO = 'no_such_argument'


def name_of(path: Path) -> str:
    """The config, as the command line names it."""
    return path.relative_to(ROOT).as_posix()


each_config = pytest.mark.parametrize('path', LEAVES, ids=name_of)


@pytest.fixture(scope='module', autouse=True)
def whmr_scope() -> Iterator[None]:
    """Names are looked up as the Runner does: in our registries first."""
    with DefaultScope.overwrite_default_scope('whmr'):
        yield


@cache
def embedded(path: Path) -> Config:
    """The config with the bundled body and the synthetic world."""
    return use_embedded(load_config(path))[0]


@cache
def built(path: Path) -> nn.Module:
    """The config's model. Its parameters have shapes but no values: nothing is computed here."""
    cfg = copy.deepcopy(embedded(path).model)
    with torch.device('meta'):
        return whmr.registry.MODELS.build(cfg)


def base_levels(path: Path) -> int:
    """How many files deep a config's `_base_` goes, itself included."""
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            bases = ast.literal_eval(node.value)
            bases = [bases] if isinstance(bases, str) else bases
            return 1 + max(base_levels((path.parent / base).resolve()) for base in bases)
    return 1


def typed_dicts(node: Any, where: str = '') -> Iterator[tuple[str, dict]]:
    """Every dict that builds something, with its place in the config."""
    if isinstance(node, Mapping):
        if isinstance(node.get('type'), str):
            yield where, node
        for key, value in node.items():
            yield from typed_dicts(value, f'{where}.{key}' if where else str(key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from typed_dicts(value, f'{where}.{index}')


def registry_of(type_name: str) -> Registry | None:
    """The registry of this library, or MMEngine's root one, that knows a name."""
    for registry in vars(whmr.registry).values():
        if isinstance(registry, Registry) and registry.get(type_name) is not None:
            return registry
    return None


def test_there_are_configs() -> None:
    assert LEAVES


@each_config
def test_config_loads_and_is_small(path: Path) -> None:
    cfg = load_config(path)
    assert cfg.default_scope == 'whmr'
    lines = path.read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 40, f'{name_of(path)} has {len(lines)} lines; a leaf has at most 40'
    assert base_levels(path) <= 3, f'{name_of(path)}: more than 3 levels of _base_'
    steps = {'LoadImage', 'CropPerson', 'PackHMRInputs'}
    assert not steps & {
        node.value
        for node in ast.walk(ast.parse('\n'.join(lines)))
        if isinstance(node, ast.Constant)
    }, 'a leaf holds no pipeline'


def test_no_config_is_a_copy_of_another() -> None:
    texts: dict[str, Path] = {}
    for path in LEAVES:
        tree = ast.dump(ast.parse(path.read_text(encoding='utf-8')))
        assert tree not in texts, f'{name_of(path)} is a copy of {name_of(texts[tree])}'
        texts[tree] = path


@each_config
def test_model_builds_on_the_bundled_body(path: Path) -> None:
    model = built(path)
    topologies = {body.topology for body in model.modules() if hasattr(body, 'topology')}
    assert topologies == ({'free_body'} if 'body_model' in embedded(path).model else set())
    assert any(parameter.requires_grad for parameter in model.parameters())


@each_config
def test_everything_else_builds(path: Path) -> None:
    """Transforms, metrics, hooks and the optimiser; data sets are built where they are tested."""
    cfg = copy.deepcopy(embedded(path))
    for split in ('train', 'val', 'test'):
        for step in cfg[f'{split}_dataloader'].dataset.pipeline:
            whmr.registry.TRANSFORMS.build(step)
    for name in ('val_evaluator', 'test_evaluator'):
        metrics = cfg[name] if isinstance(cfg[name], list) else [cfg[name]]
        for metric in metrics:
            whmr.registry.METRICS.build(metric)
    for hook in [*cfg.get('default_hooks', {}).values(), *cfg.get('custom_hooks', [])]:
        whmr.registry.HOOKS.build(hook)
    constructor = TrainableOptimWrapperConstructor(
        cfg.optim_wrapper, cfg.optim_wrapper.pop('paramwise_cfg', None)
    )
    assert constructor(built(path)).param_groups


@each_config
def test_misspelt_arguments_are_rejected(path: Path) -> None:
    """A wrong name in any dict that builds something is an error that names it."""
    cfg = load_config(path)
    parts = {
        key: cfg[key]
        for key in ('model', 'default_hooks', 'custom_hooks', 'val_evaluator', 'test_evaluator')
        if cfg.get(key)
    }
    for split in ('train', 'val', 'test'):
        parts[f'{split}_pipeline'] = embedded(path)[f'{split}_dataloader'].dataset.pipeline
    found = 0
    for where, node in typed_dicts(parts):
        registry = registry_of(node['type'])
        assert registry is not None, f'{name_of(path)}: {where}: nothing is called {node["type"]}'
        with pytest.raises(TypeError, match=TYPO):
            registry.build({**node, TYPO: 1})
        found += 1
    assert found > 10


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (lambda cfg: cfg.model.grad_flow.update(crop_2d_to_boby=True), 'crop_2d_to_boby'),
        (lambda cfg: cfg.model.grad_flow.pop('crop_2d_to_body'), 'crop_2d_to_body'),
        (lambda cfg: cfg.model.grad_flow.update(crop_2d_to_body='yes'), 'crop_2d_to_body'),
        (lambda cfg: cfg.model.losses.update(vertex=dict(type='VertexLoss')), 'vertex'),
        (lambda cfg: cfg.model.update(body_modle=dict(type='FreeBody')), 'body_modle'),
    ],
    ids=['unknown switch', 'missing switch', 'no boolean', 'unknown loss', 'unknown child'],
)
def test_misspelt_model_settings_are_rejected(change: Any, error: str) -> None:
    cfg = copy.deepcopy(embedded(CONFIGS / 'whmr' / 'whmr_lite_stage1.py'))
    change(cfg)
    with torch.device('meta'), pytest.raises((TypeError, ValueError, KeyError), match=error):
        whmr.registry.MODELS.build(cfg.model)


@pytest.mark.parametrize(
    ('paramwise', 'error'),
    [
        (dict(norm_decay_mul=0.0), 'norm_decay_mul'),
        (dict(custom_keys=dict(backbon=dict(lr_mult=0.1))), None),
        (dict(custom_keys=dict(no_such_module=dict(lr_mult=0.1))), 'no_such_module'),
        (dict(custom_keys=dict(backbone=dict(lr_mul=0.1))), 'lr_mul'),
    ],
)
def test_misspelt_paramwise_settings_are_rejected(paramwise: dict, error: str | None) -> None:
    path = CONFIGS / 'whmr' / 'whmr_lite_stage1.py'
    wrapper = copy.deepcopy(embedded(path).optim_wrapper)

    def build() -> Any:
        return TrainableOptimWrapperConstructor(wrapper, paramwise)(built(path))

    if error is None:  # a part of a name is how MMEngine finds parameters
        rates = {group['lr'] for group in build().param_groups}
        assert sorted(rates) == pytest.approx([0.1 * wrapper.optimizer.lr, wrapper.optimizer.lr])
        return
    with pytest.raises((ValueError, TypeError), match=error):
        build()


def test_misspelt_top_level_names_are_rejected(tmp_path: Path) -> None:
    base = os.path.relpath(CONFIGS / 'whmr' / 'whmr_lite_stage1.py', tmp_path)
    config = tmp_path / 'typo.py'
    config.write_text(f'_base_ = {base!r}\ntrain_confg = dict(max_iters=1)\n', encoding='utf-8')
    with pytest.raises(ConfigError, match='train_confg'):
        load_config(config)


def test_model_index_lists_every_metafile() -> None:
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    metafiles = {name_of(path) for path in CONFIGS.rglob('metafile.yml')}
    assert set(index['Import']) == metafiles
    folders = {path.parent for path in LEAVES}
    unexplained = [name_of(folder) for folder in folders if not (folder / 'README.md').is_file()]
    assert not unexplained, f'no README.md in {unexplained}'
    for name in metafiles:
        models = yaml.safe_load((ROOT / name).read_text(encoding='utf-8'))['Models']
        missing = [m['Config'] for m in models if not (ROOT / m['Config']).is_file()]
        assert not missing, f'{name}: no config {missing}'


@pytest.mark.parametrize('stage', [1, 2, 3])
def test_every_leaf_of_a_stage_trains_by_the_rules_of_that_stage(stage: int) -> None:
    """What the gradient tests prove of the rules in `_base_/stages` is true of every config."""
    rules = Config.fromfile(CONFIGS / '_base_' / 'stages' / f'stage{stage}.py')
    leaves = sorted(CONFIGS.glob(f'whmr/**/*_stage{stage}.py'))
    assert leaves
    for leaf in leaves:
        model = load_config(leaf).model
        if stage == 3:
            assert model.frozen == rules.world.frozen, leaf
            assert model.losses == rules.world.losses, leaf
        else:
            assert model.grad_flow == rules.grad_flow, leaf
            assert model.losses == rules.losses, leaf
