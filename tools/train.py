"""Train a model from a config file."""

import argparse
import os
import sys
from collections.abc import Sequence

# Before torch is imported: waiting threads that spin make a busy CPU many times slower, and
# MMEngine looks for CUDA once and for all.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
if '--device=cpu' in sys.argv or ('--device', 'cpu') in zip(sys.argv, sys.argv[1:]):
    os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

from mmengine import Config

from whmr.engine import cli
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.feature_cache import use_feature_cache
from whmr.engine.runner import HMRRunner

EXAMPLES = """examples:
  python tools/train.py configs/whmr/whmr_lite_stage1.py
  python tools/train.py configs/whmr/whmr_r50_stage1.py --embedded     (nothing to download)
  python tools/train.py CONFIG --resume                 go on from the last checkpoint
  python tools/train.py CONFIG --amp --seed 1 --cfg-options optim_wrapper.optimizer.lr=1e-4
  bash tools/dist_train.sh CONFIG 4                     four processes
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on where a run was interrupted: from its last checkpoint, or from this one',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision (bfloat16 where the device has it, else float16 with loss scaling)',
    )
    parser.add_argument(
        '--feature-cache',
        nargs='?',
        const='auto',
        metavar='DIR',
        help='stage III only: compute what the frozen parts make of each sample once, keep it in '
        'DIR (default: a folder of its own in work_dirs/feature_cache), and train from that',
    )
    parser.add_argument(
        '--cache-versions',
        type=int,
        default=1,
        metavar='K',
        help='augmented versions of each sample in the feature cache; epochs take turns',
    )
    parser.add_argument(
        '--cache-meshes',
        action='store_true',
        help='keep meshes instead of poses in the feature cache: 40 times larger, somewhat faster',
    )
    parser.add_argument('--seed', type=int, help='seed of everything that is random')
    parser.add_argument(
        '--tensorboard', action='store_true', help='write TensorBoard events beside the log'
    )
    return parser


def apply_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Put the tool's own options into the config."""
    if args.seed is not None:
        cfg.randomness = {**cfg.get('randomness', {}), 'seed': args.seed}
    if args.resume is not None:
        cfg.resume = True
        automatic = args.resume == 'auto'
        cfg.load_from = None if automatic else str(resolve_checkpoint(args.resume))
    if args.amp:
        wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
        if wrapper not in ('OptimWrapper', 'AutocastOptimWrapper'):
            raise cli.ConfigError(f'--amp cannot be combined with optim_wrapper.type={wrapper!r}')
        cfg.optim_wrapper.type = 'AutocastOptimWrapper'
    if args.tensorboard:
        if cfg.get('visualizer') is None:
            cfg.visualizer = {'type': 'Visualizer', 'vis_backends': [{'type': 'LocalVisBackend'}]}
        backends = [dict(backend) for backend in cfg.visualizer.get('vis_backends') or ()]
        if not any(backend['type'] == 'TensorboardVisBackend' for backend in backends):
            backends.append({'type': 'TensorboardVisBackend'})
        cfg.visualizer.vis_backends = backends


def train(args: argparse.Namespace) -> None:
    """Train as the arguments say."""
    cli.check_device(args.device)
    cfg = cli.read_run_config(args)
    if cfg.get('train_cfg') is None:
        raise cli.ConfigError(f'{args.config} has no train_cfg: it is not made for training')
    apply_arguments(cfg, args)
    cfg = cli.settle_files(cfg, embedded=args.embedded, training=True)
    with cli.building():
        if args.feature_cache is not None:
            cfg = use_feature_cache(
                cfg,
                None if args.feature_cache == 'auto' else args.feature_cache,
                num_versions=args.cache_versions,
                meshes=args.cache_meshes,
            )
        runner = HMRRunner.from_cfg(cfg)
        _ = runner.train_loop, runner.val_loop  # build the data sets, too, before the run begins
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.train()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(train, cli.parse_arguments(build_parser(), argv))


if __name__ == '__main__':
    sys.exit(main())
