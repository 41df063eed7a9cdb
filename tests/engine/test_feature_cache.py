"""Training from cached features: the same losses as without, and refusals."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from torch import nn

from whmr.body_models import FreeBody
from whmr.datasets import FeatureCacheError
from whmr.engine.errors import ConfigError
from whmr.engine.feature_cache import use_feature_cache
from whmr.engine.runner import HMRRunner
from whmr.registry import BACKBONES, BODY_MODELS, DATASETS, HOOKS, MODELS
from whmr.testing import tiny_pipeline
from whmr.testing.samples import TinyDataset

NUM = 6
CROP = (64, 64)


@DATASETS.register_module(force=True)
class TinyPeople(TinyDataset):
    """`TinyDataset`, by its name in a config."""

    def __init__(self, num, pipeline):
        super().__init__(num, pipeline=pipeline, body=shared_body())


@BACKBONES.register_module(force=True)
class TinyBackbone(nn.Module):
    """One convolution."""

    out_channels = 16

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 9, stride=8)
        self.norm = nn.BatchNorm2d(16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(images)).relu()


@cache
def shared_body() -> FreeBody:
    """One body for all: making it takes a while."""
    return FreeBody()


BODY_MODELS.register_module('SharedBody', force=True, module=shared_body)


@HOOKS.register_module(force=True)
class KeepLosses(Hook):
    """Keeps the loss of every iteration."""

    history: list[float] = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.history.append(outputs['loss'].item())


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('whmr'):
        yield


def config(folder: Path, *, augment: bool = True, epochs: int = 2, **model: object) -> Config:
    body, backbone = dict(type='SharedBody'), dict(type='TinyBackbone')
    people = dict(
        type='TinyPeople', num=NUM, pipeline=tiny_pipeline(CROP, full_side=64, train=augment)
    )
    return Config(
        dict(
            default_scope='whmr',
            work_dir=str(folder / 'run'),
            launcher='none',
            experiment_name=folder.name,
            model=dict(
                type='WorldHMR',
                body_model=body,
                data_preprocessor=dict(type='HMRDataPreprocessor', body_model=body),
                estimator=dict(
                    type='HMR',
                    body_model=body,
                    backbone=backbone,
                    head=dict(type='IterativeRegressor', feat_dim=16, hidden_dim=16),
                ),
                camera=dict(type='CamCalib', backbone=backbone),
                orientation=dict(type='OrientCorrect', feat_dim=16, hidden_dim=16),
                losses=dict(
                    keypoints_3d=dict(type='Keypoint3DLoss'),
                    vertices=dict(type='VertexLoss'),
                    pose=dict(type='PoseLoss'),
                ),
                **model,
            ),
            train_dataloader=dict(
                batch_size=4,
                num_workers=0,
                sampler=dict(type='ResumableSampler', shuffle=True),
                dataset=people,
            ),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)),
            custom_hooks=[dict(type='KeepLosses')],
            randomness=dict(seed=0),
            load_from=str(folder / 'start.pth'),
            log_level='ERROR',
        )
    )


@pytest.fixture
def setting(tmp_path: Path) -> Callable[..., Config]:
    """A config whose starting weights are on disk."""

    def make(**changes: object) -> Config:
        cfg = config(tmp_path, **changes)
        if not Path(cfg.load_from).exists():
            model = MODELS.build(copy.deepcopy(cfg.model))
            for layer in (model.estimator.head.decpose, model.orientation.decode):
                torch.nn.init.normal_(layer.weight, std=0.02)
            torch.save({'state_dict': model.state_dict()}, cfg.load_from)
        return cfg

    return make


def train(cfg: Config) -> tuple[list[float], HMRRunner]:
    KeepLosses.history = []
    runner = HMRRunner.from_cfg(copy.deepcopy(cfg))
    runner.train()
    return list(KeepLosses.history), runner


@pytest.mark.parametrize(
    ('augment', 'versions', 'meshes'), [(False, 1, True), (True, 2, True), (True, 2, False)]
)
def test_losses_and_weights_are_those_of_the_uncached_run(
    setting, tmp_path, augment, versions, meshes
):
    cfg = setting(augment=augment)
    expected, plain = train(cfg)
    before = copy.deepcopy(cfg)
    cached = use_feature_cache(cfg, tmp_path / 'cache', num_versions=versions, meshes=meshes)
    assert cfg.to_dict() == before.to_dict()
    got, runner = train(cached)
    assert len(got) == 4
    assert got == pytest.approx(expected, rel=1e-5)
    ours, theirs = runner.model.state_dict(), plain.model.state_dict()
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=2e-5, rtol=1e-4)


def test_epochs_take_turns(setting, tmp_path):
    cfg = setting(epochs=3)
    cached = use_feature_cache(cfg, tmp_path / 'cache', num_versions=2)
    dataset = DATASETS.build(cached.train_dataloader.dataset)
    versions = []
    for epoch in range(3):
        dataset.set_epoch(epoch)
        versions.append(dataset[1]['inputs']['cached']['input.world2cam_rotmat'])
    torch.testing.assert_close(versions[2], versions[0], rtol=0, atol=0)
    assert not torch.equal(versions[1], versions[0])
    with pytest.raises(IndexError):
        dataset[NUM]


def test_an_interrupted_cache_goes_on(setting, tmp_path):
    cfg = setting()
    folder = tmp_path / 'cache'
    cached = use_feature_cache(cfg, folder, num_versions=2, part_size=2)
    parts = sorted(folder.rglob('*.npy'))
    assert len(parts) == 6
    contents = [part.read_bytes() for part in parts]
    stamp = parts[0].stat().st_mtime_ns
    parts[3].unlink()
    with pytest.raises(FeatureCacheError, match='1 parts are missing'):
        DATASETS.build(cached.train_dataloader.dataset)
    use_feature_cache(cfg, folder, num_versions=2)
    assert [part.read_bytes() for part in parts] == contents
    assert parts[0].stat().st_mtime_ns == stamp
    parts[2].write_bytes(contents[2][:-8])
    dataset = DATASETS.build(cached.train_dataloader.dataset)
    with pytest.raises(FeatureCacheError, match='damaged'):
        dataset[4]


def test_a_cache_of_something_else_is_refused(setting, tmp_path):
    cfg = setting()
    folder = tmp_path / 'cache'
    cached = use_feature_cache(cfg, folder)

    def refused(message: str, change: Callable[[Config], None], **options: object) -> None:
        other = copy.deepcopy(cfg)
        change(other)
        with pytest.raises(FeatureCacheError, match=message):
            use_feature_cache(other, folder, **options)

    def other_weights(other: Config) -> None:
        state = torch.load(cfg.load_from, weights_only=True)
        state['state_dict']['estimator.head.fc1.bias'] += 1
        other.load_from = str(tmp_path / 'other.pth')
        torch.save(state, other.load_from)

    refused('trunk_weights', other_weights)
    refused(
        r'data\.pipeline\.2\.prob: nothing there, 0.1 now',
        lambda c: c.train_dataloader.dataset.pipeline[2].update(prob=0.1),
    )
    refused('data.num: 6 there, 5 now', lambda c: c.train_dataloader.dataset.update(num=5))
    refused(
        'trunk.rotation_source: nothing there, "known" now',
        lambda c: c.model.update(rotation_source='known'),
    )
    refused('versions: 1 there, 3 now', lambda c: None, num_versions=3)
    refused('meshes: false there, true now', lambda c: None, meshes=True)
    # What does not change the features does not matter; another folder is taken by itself.
    other = copy.deepcopy(cfg)
    other.model.orientation.update(num_iters=3, dropout=0.1)
    other.model.losses.pop('pose')
    use_feature_cache(other, folder)
    # A run that starts from other weights after all is stopped before it trains.
    other_weights(cached)
    with pytest.raises(ConfigError, match='another checkpoint'):
        train(cached)
    (folder / 'manifest.json').write_text('{', encoding='utf-8')
    with pytest.raises(FeatureCacheError, match='damaged'):
        use_feature_cache(cfg, folder)


def test_what_cannot_be_cached_is_refused(setting, tmp_path):
    cfg = setting()
    cfg.load_from = None
    with pytest.raises(ConfigError, match='random weights'):
        use_feature_cache(cfg, tmp_path / 'cache')
    with pytest.raises(ConfigError, match=r"\['estimator'\] would train"):
        use_feature_cache(setting(frozen=('camera',)), tmp_path / 'cache')
    cfg.model = cfg.model.estimator
    with pytest.raises(ConfigError, match='trains a HMR'):
        use_feature_cache(cfg, tmp_path / 'cache')
    assert not (tmp_path / 'cache').exists()


def test_cached_features_train_frozen_trunks_only(setting):
    model = MODELS.build(setting(frozen=('camera',)).model)
    with pytest.raises(ValueError, match=r"\['estimator'\] of WorldHMR train"):
        model({'orientation': None}, targets=object(), mode='loss')
    with pytest.raises(ValueError, match="mode='tensor' needs photos"):
        model({'orientation': None})
