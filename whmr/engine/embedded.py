"""Runs any config without downloads: the bundled body, a small synthetic world, few iterations."""

import copy
from collections.abc import Callable
from typing import Any

from mmengine import Config, ConfigDict

from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.config import is_part
from whmr.engine.missing import is_type, iter_dicts

MAX_ITERS = 20
MAX_EPOCHS = 1
NUM_IMAGES = {'train': 24, 'val': 8, 'test': 8}
MAX_BATCH_SIZE = 4
MAX_WORKERS = 2
LOG_INTERVAL = 5
EMBEDDED_SUFFIX = '_embedded'  # of an embedded run's work folder


def use_embedded(cfg: Config) -> tuple[Config, list[str]]:
    """Make a copy of a config that needs nothing but this package.

    Every `SMPL` becomes `FreeBody`; every data set becomes a small `SyntheticWorld` with the same
    pipeline; the schedule, batches and workers shrink; checkpoints to start from are those of
    embedded runs, or left out where they are missing. Figures from such a run say only that the
    config works.

    Args:
        cfg: A config; it is not changed.

    Returns:
        The copy, and one line for each kind of change.
    """
    cfg = copy.deepcopy(cfg)
    lines = _replace_bodies(cfg)
    for split in NUM_IMAGES:
        loader = cfg.get(f'{split}_dataloader')
        if loader:
            lines += _replace_dataset(loader, split)
    lines += _shorten(cfg)
    lines += _drop_missing_weights(cfg)
    return cfg, lines


def banner(lines: list[str]) -> str:
    """A block of text that nobody overlooks in a log."""
    bar = '=' * 88
    head = 'EMBEDDED RUN: stand-ins for data and body; its figures mean nothing beyond "it runs"'
    return '\n'.join(['', bar, head, *(f'  - {line}' for line in lines), bar])


def _replace_bodies(cfg: Config) -> list[str]:
    count = 0
    for key, value in cfg.items():
        for node in list(iter_dicts(value)):
            if is_type(node, 'SMPL'):
                node.clear()
                node['type'] = 'FreeBody'
                count += not is_part(key)
    return [f'body model SMPL -> FreeBody ({count} places)'] if count else []


def _first(node: Any, wanted: Callable[[ConfigDict], bool]) -> ConfigDict | None:
    return next((inner for inner in iter_dicts(node) if wanted(inner)), None)


def _replace_dataset(loader: ConfigDict, split: str) -> list[str]:
    old, count = loader['dataset'], NUM_IMAGES[split]
    world = _first(old, lambda node: is_type(node, 'SyntheticWorld'))
    if world is not None:
        new = copy.deepcopy(world)
        new['num_images'] = min(new.get('num_images', count), count)
    else:
        piped = _first(old, lambda node: 'pipeline' in node)
        new = ConfigDict(
            type='SyntheticWorld',
            split=split,
            num_images=count,
            pipeline=[] if piped is None else piped['pipeline'],
            test_mode=split != 'train',
        )
    loader['dataset'] = new
    batch_size = loader.get('batch_size', 1)
    loader['batch_size'] = min(batch_size, MAX_BATCH_SIZE)
    loader['num_workers'] = min(loader.get('num_workers', 0), MAX_WORKERS)
    loader.pop('num_batch_per_epoch', None)
    return [
        f'{split}_dataloader: {old["type"]} -> SyntheticWorld with {new["num_images"]} images, '
        f'batch size {batch_size} -> {loader["batch_size"]}'
    ]


def _shorten(cfg: Config) -> list[str]:
    train = cfg.get('train_cfg')
    if not train:
        return []
    name, limit = ('max_iters', MAX_ITERS) if 'max_iters' in train else ('max_epochs', MAX_EPOCHS)
    old = train.get(name, limit)
    train[name] = min(old, limit)
    train['val_begin'] = 1
    train['val_interval'] = min(train.get('val_interval', limit), train[name])
    train.pop('dynamic_intervals', None)
    hooks = cfg.get('default_hooks') or {}
    if hooks.get('logger'):
        hooks['logger']['interval'] = min(hooks['logger'].get('interval', 10), LOG_INTERVAL)
    saver = hooks.get('checkpoint') or {}
    if saver.get('interval', -1) > 0:
        unit = 'max_epochs' if saver.get('by_epoch', True) else 'max_iters'
        saver['interval'] = min(saver['interval'], train[name] if unit == name else MAX_ITERS)
    return [f'schedule: {name} {old} -> {train[name]}']


def _drop_missing_weights(cfg: Config) -> list[str]:
    lines = []
    for node in list(iter_dicts(cfg.get('model'))):
        init = node.get('init_cfg')
        if init is None:
            continue
        kept = []
        for entry in init if isinstance(init, (list, tuple)) else [init]:
            checkpoint = entry['checkpoint'] if is_type(entry, 'StrictPretrained') else None
            if checkpoint is None:
                kept.append(entry)
            elif _is_there(checkpoint + EMBEDDED_SUFFIX):
                kept.append(ConfigDict(entry, checkpoint=checkpoint + EMBEDDED_SUFFIX))
                lines.append(f'weights of {checkpoint}{EMBEDDED_SUFFIX}, an embedded run, too')
            elif _is_there(checkpoint):
                kept.append(ConfigDict(entry, any_body=True))
            else:
                lines.append(
                    f'RANDOM WEIGHTS instead of {checkpoint}, which is missing '
                    f'({node.get("type", "?")})'
                )
        if isinstance(init, (list, tuple)):
            node['init_cfg'] = kept or None
        else:
            node['init_cfg'] = kept[0] if kept else None
    source = cfg.get('load_from')
    if source and not cfg.get('resume') and '://' not in source and not _is_there(source):
        lines.append(f'RANDOM WEIGHTS instead of {source}, which is missing (load_from)')
        cfg['load_from'] = None
    return list(dict.fromkeys(lines))


def _is_there(checkpoint: str) -> bool:
    try:
        resolve_checkpoint(checkpoint)
    except FileNotFoundError:
        return False
    return True
