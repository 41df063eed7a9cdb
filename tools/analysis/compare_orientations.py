"""Evaluate a trained WorldHMR with several ways to turn the body into the world.

The camera-space result is the same for all: uncorrected (camera axes taken for the world's),
multiplied by the predicted (or the true) camera rotation, and OrientCorrect as trained (W-HMR
Table 2).
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from mmengine.logging import print_log
from torch import nn

from whmr.engine import cli
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.runner import HMRRunner
from whmr.fileio import write_text
from whmr.models import RotationMultiply, Uncorrected, WorldHMR

ROTATIONS = {'predicted': 'predicted', 'known': 'true', 'none': 'identity'}
SHOWN = (
    'world/W-MPJPE',
    'world/PA-MPJPE',
    'world/W-PVE',
    'world/up-vector error (deg)',
    'camera/MPJPE',
)


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cli.add_common_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or the folder of a training run')
    parser.add_argument(
        '--known-rotation',
        action='store_true',
        help='also multiply by the true camera rotation; every sample must have one',
    )
    parser.add_argument('--summary', metavar='FILE', help='write all metrics (.json)')
    return parser


def evaluate(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Metrics of each way, by its name."""
    cli.check_device(args.device)
    cfg = cli.read_run_config(args)
    cfg.resume, cfg.load_from = False, str(resolve_checkpoint(args.checkpoint))
    cfg = cli.settle_files(cfg, embedded=args.embedded, training=False)
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        cfg[name] = None
    for name in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg[name] = None
    with cli.building():
        runner = HMRRunner.from_cfg(cfg)
        if not isinstance(runner.model, WorldHMR):
            raise cli.ConfigError(f'{args.config} builds no WorldHMR: it has no orientation module')
        _ = runner.test_loop
    runner.load_or_resume()
    trained = runner.model.orientation
    own = runner.model.rotation_source
    ways: dict[str, tuple[nn.Module, str]] = {
        'uncorrected': (Uncorrected(), own),
        f'multiplied by the {ROTATIONS[own]} rotation': (RotationMultiply(), own),
    }
    if args.known_rotation:
        ways[f'multiplied by the {ROTATIONS["known"]} rotation'] = (RotationMultiply(), 'known')
    ways[type(trained).__name__] = (trained, own)
    results = {}
    for name, (orientation, source) in ways.items():
        runner.model.orientation, runner.model.rotation_source = orientation, source
        results[name] = {key: float(value) for key, value in runner.test().items()}
    return results


def table(results: dict[str, dict[str, float]]) -> str:
    """The results as a Markdown table, mm where no unit is said."""
    columns = [name for name in SHOWN if name in next(iter(results.values()))]
    rows = [['orientation', *(name.split('/')[1] for name in columns)]]
    rows += [[way, *(f'{metrics[c]:.1f}' for c in columns)] for way, metrics in results.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        '| ' + ' | '.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + ' |'
        for row in rows
    ]
    lines.insert(1, '|' + '|'.join('-' * (w + 2) for w in widths) + '|')
    return '\n'.join(lines)


def run(args: argparse.Namespace) -> None:
    """Evaluate, print the table, write the summary."""
    results = evaluate(args)
    print_log('\n' + table(results), logger='current')
    if args.summary:
        write_text(Path(args.summary), json.dumps(results, indent=2) + '\n')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, cli.parse_arguments(build_parser(), argv))


if __name__ == '__main__':
    sys.exit(main())
