"""Training an orientation module from features that its frozen trunk computed once."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from torch import nn
from torch.utils.data import DataLoader

from whmr.datasets import FeatureCache
from whmr.datasets.feature_cache import PART_SIZE
from whmr.engine.checkpoint import load_weights
from whmr.engine.errors import ConfigError
from whmr.engine.missing import iter_dicts
from whmr.engine.sampler import SampleIndex
from whmr.engine.seeding import SeedPerSample
from whmr.engine.trunk_hash import trunk_hash
from whmr.models import WorldHMR
from whmr.models.replay_preprocessor import pack
from whmr.registry import MODELS

BATCH_SIZE = 32
_NOT_THE_TRUNK = ('orientation', 'losses', 'frozen', 'init_cfg')
_NO_EFFECT = ('init_cfg', 'num_workers', 'weights', 'verify', 'lazy_init')


def use_feature_cache(
    cfg: Config,
    folder: str | Path | None = None,
    *,
    num_versions: int = 1,
    meshes: bool = False,
    seed: int = 0,
    part_size: int = PART_SIZE,
) -> Config:
    """Make a copy of a stage III config that trains from a cache, and make what the cache lacks.

    Everything but the orientation module is frozen in stage III (W-HMR Sec. 3.4), so what it reads
    of a sample depends on the sample's augmentation alone. That is computed for `num_versions`
    augmentations of each sample; training then goes through these in turn. Checkpoints,
    validation and testing are those of a run without cache.

    Args:
        cfg: The config of a run that trains a `WorldHMR`; it is not changed.
        folder: The cache; None: a folder of its own under `work_dirs/feature_cache`.
        num_versions: Augmented versions of each sample.
        meshes: Keep meshes (0.17 MB per sample and version) instead of the parameters (4 kB) that
            they are posed from in each iteration.
        seed: Seed of the augmentations. Where it is the run's own, the first `num_versions` epochs
            are those of a run without cache.
        part_size: Samples in a part of a new cache.

    Raises:
        ConfigError: The config trains more than the orientation module, or the disk is too small.
        FeatureCacheError: The folder holds a cache of another checkpoint or config.
    """
    cfg = copy.deepcopy(cfg)
    init_default_scope('whmr')
    model = _trunk(cfg)
    dataset_cfg = cfg.train_dataloader['dataset']
    key = {
        'trunk_weights': trunk_hash(model),
        'trunk': _plain({k: v for k, v in cfg.model.items() if k not in _NOT_THE_TRUNK}),
        'data': _plain(dataset_cfg),
        'annotations': _annotation_hashes(dataset_cfg),
        'seed': seed,
        'meshes': meshes,
    }
    if folder is None:
        name = hashlib.sha256(json.dumps([key, num_versions]).encode()).hexdigest()[:16]
        folder = Path('work_dirs') / 'feature_cache' / name
    cache = FeatureCache(folder)
    if cache.exists:
        cache.check(key, num_versions)
    loader = cfg.train_dataloader
    dataset = SeedPerSample(dataset_cfg)
    dataset.full_init()
    if not cache.exists:
        _begin(cache, model, dataset, key, num_versions=num_versions, part_size=part_size)
    _fill(cache, model, dataset, key, loader.get('num_workers', 0))
    loader['dataset'] = ConfigDict(
        type='CachedFeatures', folder=str(folder), key=json.dumps(key, sort_keys=True)
    )
    loader['num_workers'] = 0
    for name in ('persistent_workers', 'prefetch_factor'):
        loader.pop(name, None)
    preprocessor = cfg.model['data_preprocessor']
    cfg.model['data_preprocessor'] = ConfigDict(
        type='ReplayDataPreprocessor', preprocessor=preprocessor
    )
    hook = {'type': 'FeatureCacheHook', 'trunk_weights': key['trunk_weights']}
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), hook]
    return cfg


def _trunk(cfg: Config) -> WorldHMR:
    """The config's model with the weights that training would start from."""
    model = _with_weights(cfg)
    if trunk_hash(_with_weights(cfg)) != trunk_hash(model):
        raise ConfigError(
            '--feature-cache: frozen parts of the model have random weights: give the estimator '
            'and the camera an init_cfg (StrictPretrained), or the config a load_from'
        )
    return model.to(get_device()).eval()


def _with_weights(cfg: Config) -> WorldHMR:
    model = MODELS.build(copy.deepcopy(cfg.model))
    if not isinstance(model, WorldHMR):
        raise ConfigError(
            f'--feature-cache: the config trains a {type(model).__name__}; only the orientation '
            'module of a WorldHMR can train from cached features'
        )
    parts = {'estimator': model.estimator, 'donor': model.donor, 'camera': model.camera}
    free = [n for n, part in parts.items() if part is not None and n not in model.frozen]
    if free:
        raise ConfigError(f'--feature-cache: {free} would train too: name them in model.frozen')
    model.init_weights()
    if cfg.get('load_from') and not cfg.get('resume'):
        load_weights(model, cfg.load_from)
    return model


def _begin(
    cache: FeatureCache,
    model: WorldHMR,
    dataset: SeedPerSample,
    key: Mapping[str, Any],
    *,
    num_versions: int,
    part_size: int,
) -> None:
    """Write the manifest of a new cache, if the disk has room for it."""
    first = _features(model, [dataset[SampleIndex(0, seed=key['seed'], epoch=0)]], key)
    fields = {name: tuple(value.shape[1:]) for name, value in first.items()}
    size = 4 * sum(value[0].numel() for value in first.values()) * len(dataset) * num_versions
    cache.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache.folder).free
    if size > 0.95 * free:
        raise ConfigError(
            f'--feature-cache: {size / 2**30:.1f} GiB are needed in {cache.folder}, '
            f'{free / 2**30:.1f} are free: choose fewer --cache-versions, or no --cache-meshes'
        )
    cache.create(key, len(dataset), num_versions=num_versions, fields=fields, part_size=part_size)


def _fill(
    cache: FeatureCache,
    model: WorldHMR,
    dataset: SeedPerSample,
    key: Mapping[str, Any],
    num_workers: int,
) -> None:
    """Compute and write every part that is not there."""
    missing = cache.missing_parts()
    if missing and is_distributed():
        raise ConfigError('--feature-cache: make the cache first, with one process')
    batches = [
        [SampleIndex(i, seed=key['seed'], epoch=version) for i in rows[start : start + BATCH_SIZE]]
        for version, part in missing
        for rows in [cache.rows_of(part)]
        for start in range(0, len(rows), BATCH_SIZE)
    ]
    loader = DataLoader(dataset, batch_sampler=batches, collate_fn=list, num_workers=num_workers)
    samples = iter(loader)
    for number, (version, part) in enumerate(missing, start=1):
        done, rows = 0, []
        while done < len(cache.rows_of(part)):
            batch = next(samples)
            rows.append(_features(model, batch, key))
            done += len(batch)
        fields = {name: torch.cat([row[name] for row in rows]).numpy() for name in rows[0]}
        cache.write_part(version, part, fields)
        print_log(f'feature cache {cache.folder}: part {number} of {len(missing)}', 'current')


@torch.no_grad()
def _features(
    model: WorldHMR, samples: Sequence[Mapping[str, Any]], key: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    batch = model.data_preprocessor(pseudo_collate(list(samples)), True)
    targets = batch['targets']
    estimate, _, ready = model.prepare(batch['inputs'], batch['metas'], targets)
    packed = pack(ready, estimate, targets, meshes=key['meshes'])
    return {name: value.cpu() for name, value in packed.items()}


def _plain(node: Any) -> Any:
    """A config as JSON would give it back, without what does not change a number."""
    if isinstance(node, Mapping):
        return {str(k): _plain(v) for k, v in node.items() if k not in _NO_EFFECT}
    if isinstance(node, (list, tuple)):
        return [_plain(value) for value in node]
    if isinstance(node, nn.Module):
        return type(node).__name__
    return node if isinstance(node, (str, int, float, bool, type(None))) else str(node)


def _annotation_hashes(dataset_cfg: Mapping[str, Any]) -> dict[str, str]:
    """The content of every annotation file, so that a changed one makes another key."""
    hashes = {}
    for node in iter_dicts(dataset_cfg):
        path = Path(node.get('data_root') or '') / str(node.get('ann_file') or '')
        if node.get('ann_file') and path.is_file():
            digest = hashlib.sha256()
            with open(path, 'rb') as file:
                while block := file.read(2**20):
                    digest.update(block)
            hashes[str(path)] = digest.hexdigest()
    return hashes
