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

from whmr.datasets import BadSampleError
from whmr.engine import cli
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.hooks.bad_photo_hook import NUM_BAD_SAMPLES
from whmr.engine.missing import is_type, iter_dicts
from whmr.engine.runner import HMRRunner
from whmr.evaluation import PerSampleMetric
from whmr.fileio import write_text
from whmr.registry import METRICS

EXAMPLES = """exit code: 0; 1 if photos could not be used (they are listed, the others count);
2 if the command itself is wrong

examples:
  python tools/test.py configs/whmr/whmr_lite_stage2.py work_dirs/whmr_lite_stage2
  python tools/test.py configs/orient_correct/hmr_lite_transplant.py
  python tools/test.py CONFIG CHECKPOINT --summary metrics.json --dump predictions.npz
  python tools/test.py CONFIG CHECKPOINT --show-dir pictures --show-num 40
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
        'checkpoint',
        nargs='?',
        help='checkpoint file, or the folder of a training run (its last one); without it the '
        "weights are those that the config's parts name (a transplant, which nothing trains)",
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
    parser.add_argument(
        '--show-dir', metavar='DIR', help='write pictures of photos with labels and predictions'
    )
    parser.add_argument(
        '--show-num',
        type=int,
        default=20,
        metavar='N',
        help='of how many photos, spread evenly over the test set (default: 20)',
    )
    parser.add_argument('--summary', metavar='FILE', help='write the metrics (.json)')
    return parser


def dump_errors(cfg: Config, path: Path) -> None:
    """Let every metric that measures samples one by one write its errors beside `path`."""
    evaluators = cfg.test_evaluator
    for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
        metric = METRICS.get(evaluator['type'])
        if metric is not None and issubclass(metric, PerSampleMetric):
            name = evaluator.get('protocol', metric.__name__)  # several protocols may be asked for
            name = f'{path.stem}_{name}.csv'
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
    checkpoint = resolve_checkpoint(args.checkpoint) if args.checkpoint else None
    if checkpoint is None and not any(
        is_type(n, 'StrictPretrained') for n in iter_dicts(cfg.model)
    ):
        raise cli.ConfigError(f'{args.config} names no weights: give a checkpoint')
    cfg.resume = False
    cfg.load_from = None if checkpoint is None else str(checkpoint)
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
    if args.show_dir:
        cfg.visualizer = {**(cfg.get('visualizer') or {}), 'type': 'HMRVisualizer'}
        show = {'type': 'VisualizationHook', 'num_test': args.show_num, 'show_dir': args.show_dir}
        cfg.default_hooks = {**(cfg.get('default_hooks') or {}), 'visualization': show}
    with cli.building():
        runner = HMRRunner.from_cfg(cfg)
        _ = runner.test_loop  # the data set, too, before the run begins
        if checkpoint is None:
            runner.model.init_weights()
    metrics = runner.test()
    num_bad = runner.message_hub.get_info(NUM_BAD_SAMPLES)
    if args.summary and is_main_process():
        summary = {
            'config': args.config,
            'checkpoint': None if checkpoint is None else str(checkpoint),
            'embedded': args.embedded,
            'date': time.strftime('%Y-%m-%d %H:%M:%S'),
            'num_samples': len(runner.test_dataloader.dataset),
            'num_bad_samples': num_bad,
            'metrics': {name: float(value) for name, value in metrics.items()},
            'settings': {
                metric.prefix: dict(metric.settings)
                for metric in runner.test_loop.evaluator.metrics
                if hasattr(metric, 'settings')
            },
        }
        write_text(Path(args.summary), json.dumps(summary, indent=2) + '\n')
    if num_bad:
        raise BadSampleError(
            f'{num_bad} of {len(runner.test_dataloader.dataset)} samples have no usable photo (see '
            'the log): the figures are over the others'
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(test, cli.parse_arguments(build_parser(), argv))


if __name__ == '__main__':
    sys.exit(main())
