"""Stage III from photos against stage III from cached features: milliseconds per sample.

    python benchmarks/stage3_cache.py configs/whmr/whmr_lite_stage3.py --images 200

Random weights stand in for the trained trunk (they cost the same). Each way trains the orientation
module for an epoch through its own data loader; the cache's making is timed apart. `--workers 0`
counts CPU seconds, for machines that do other things.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import torch
from mmengine import Config
from mmengine.registry import init_default_scope

from whmr.engine.config import load_config
from whmr.engine.embedded import use_embedded
from whmr.engine.feature_cache import use_feature_cache
from whmr.engine.runner import HMRRunner
from whmr.registry import MODELS


def prepare(path: str, images: int, batch_size: int, workers: int, folder: Path) -> Config:
    """The config with a small world, no validation, and starting weights on disk."""
    cfg, _ = use_embedded(load_config(path))
    cfg.train_dataloader.update(batch_size=batch_size, num_workers=workers)
    cfg.train_dataloader.persistent_workers = workers > 0
    cfg.train_dataloader.dataset.num_images = images
    for name in ('val_dataloader', 'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg'):
        cfg[name] = None
    cfg.test_evaluator = cfg.visualizer = None
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    cfg.param_scheduler = None
    cfg.work_dir, cfg.launcher, cfg.log_level = str(folder / 'run'), 'none', 'ERROR'
    for node in [cfg.model.estimator, cfg.model.camera]:
        node.init_cfg = None
        if node.get('backbone'):
            node.backbone.weights = None
    init_default_scope('whmr')
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, folder / 'start.pth')
    cfg.load_from = str(folder / 'start.pth')
    return cfg


def epoch(cfg: Config, name: str, clock: Callable[[], float]) -> tuple[float, int]:
    """Seconds of one warm epoch, and its samples."""
    cfg.experiment_name = name
    runner = HMRRunner.from_cfg(cfg)
    runner.load_or_resume()
    runner.model.train()
    loader = runner.build_dataloader(runner._train_dataloader, seed=0)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    seconds, samples = 0.0, 0
    for _ in range(2):
        start, samples = clock(), 0
        for batch in loader:
            runner.model.train_step(batch, runner.optim_wrapper)
            first = next(iter(batch['inputs'].values()))
            samples += len(next(iter(first.values())) if isinstance(first, dict) else first)
        seconds = clock() - start
        if name == 'photos':
            break  # nothing to warm: an epoch is long
    return seconds, samples


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/whmr/whmr_lite_stage3.py')
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--workers', type=int, default=1, help='of the photos; the cache has none')

    args = parser.parse_args()
    clock = time.perf_counter if args.workers else time.process_time
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cfg = prepare(args.config, args.images, args.batch_size, args.workers, folder)
        seconds, samples = epoch(cfg, 'photos', clock)
        rows = [('photos', 0.0, 0.0, 1000 * seconds / samples)]
        for label, meshes in (('cached meshes', True), ('cached poses', False)):
            start = clock()
            cached = use_feature_cache(cfg, folder / label, meshes=meshes)
            making = clock() - start
            size = sum(file.stat().st_size for file in (folder / label).rglob('*.npy')) / samples
            seconds, _ = epoch(cached, label.replace(' ', '_'), clock)
            rows.append((label, 1000 * making / samples, size / 1024, 1000 * seconds / samples))
    print(f'{samples} samples per epoch, batch {args.batch_size}')
    print('| from | making, ms per sample | KiB per sample | epoch, ms per sample | speed-up |')
    print('|---|---|---|---|---|')
    for label, making, size, spent in rows:
        speed = rows[0][-1] / spent
        print(f'| {label} | {making:.1f} | {size:.1f} | {spent:.2f} | {speed:.1f} |')


if __name__ == '__main__':
    main()
