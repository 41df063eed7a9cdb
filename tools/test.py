"""Test a checkpoint on a config's test set."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Before torch is imported: waiting threads that spin make a busy CPU many times slower, and
# MMEngine looks for CUDA once and for all.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
if '--device=cpu' in sys.argv or ('--device', 'cpu') in zip(sys.argv, sys.argv[1:]):
    os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

from mmengine import Config
from mmengine.dist import is_main_process

from whmr.engine import cli
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.runner import HMRRunner
from whmr.evaluation import PerSampleMetric
from whmr.fileio import write_text
from whmr.registry import METRICS

EXAMPLES = """examples:
  python tools/test.py configs/whmr/whmr_lite_stage2.py work_dirs/whmr_lite_stage2
  python tools/test.py CONFIG CHECKPOINT --summary metrics.json --dump predictions.npz
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
        'checkpoint', help='checkpoint file, or the folder of a training run (its last one)'
    )
    parser.add_argument(
        '--dump',
        metavar='FILE',
        help='write the predictions, one row per person (.npz), and beside it the errors of each '
        'person, one FILE_METRIC.csv per metric',
    )
    parser.add_argument(
        '--dump-vertices', action='store_true', help='write meshes into the --dump file, too'
    )
    parser.add_argument('--summary', metavar='FILE', help='write the metrics (.json)')
    return parser


def dump_errors(cfg: Config, path: Path) -> None:
    """Let every metric that measures samples one by one write its errors beside `path`."""
    evaluators = cfg.test_evaluator
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        metric = METRICS.get(evaluator['type'])
        if metric is not None and issubclass(metric, PerSampleMetric):
            name = f'{path.stem}_{metric.__name__}.csv'
            evaluator.setdefault('dump_path', str(path.with_name(name)))


def test(args: argparse.Namespace) -> None:
    """Test as the arguments say."""
    cli.check_device(args.device)
    cfg = cli.read_run_config(args)
    if cfg.get('test_dataloader') is None or cfg.get('test_evaluator') is None:
        raise cli.ConfigError(f'{args.config} has no test_dataloader and test_evaluator')
    if args.dump_vertices and not args.dump:
        raise cli.ConfigError('--dump-vertices needs --dump FILE')
    # Testing averaged weights needs `load_from`: they are loaded when the run has begun.
    checkpoint = resolve_checkpoint(args.checkpoint)
    cfg.resume = False
    cfg.load_from = str(checkpoint)
    cfg = cli.settle_files(cfg, embedded=args.embedded, training=False)
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        cfg[name] = None
    for name in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg[name] = None
    if cfg.get('test_cfg') is None:
        cfg.test_cfg = {}
    if args.dump:
        dump = {'type': 'DumpPredictionsHook', 'path': args.dump, 'vertices': args.dump_vertices}
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), dump]
        dump_errors(cfg, Path(args.dump))
    with cli.building():
        runner = HMRRunner.from_cfg(cfg)
        _ = runner.test_loop  # the data set, too, before the run begins
    metrics = runner.test()
    if args.summary and is_main_process():
        summary = {
            'config': args.config,
            'checkpoint': str(checkpoint),
            'embedded': args.embedded,
            'date': time.strftime('%Y-%m-%d %H:%M:%S'),
            'num_samples': len(runner.test_dataloader.dataset),
            'metrics': {name: float(value) for name, value in metrics.items()},
        }
        write_text(Path(args.summary), json.dumps(summary, indent=2) + '\n')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(test, cli.parse_arguments(build_parser(), argv))


if __name__ == '__main__':
    sys.exit(main())
