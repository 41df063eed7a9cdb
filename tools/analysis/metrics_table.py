"""Metrics in camera space of trained models, a row for each (W-HMR Table 5).

    python tools/analysis/metrics_table.py table5 --title 'Design' --splits test test_tilted \\
        --rows none=configs/ablation/lite_baseline.py:work_dirs/lite_baseline_2 \\
        V=configs/ablation/lite_v.py:work_dirs/lite_v_2

Each row is NAME=CONFIG:CHECKPOINT[,CHECKPOINT...]; several checkpoints (seeds) give mean and
deviation. Models are tested on their config's own test set, or on splits of SyntheticWorld. The
table is written to docs/results/NAME.md and .json, with configs, checkpoints, commit and date.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from distortion_table import test_runner, test_sets
from mmengine import Config
from orientation_study.report import Figures, cell, markdown_table, summarise, write_results

from whmr.engine import cli
from whmr.engine.checkpoint import resolve_checkpoint

COLUMNS = ('MPJPE', 'PA-MPJPE', 'PVE', '2D error (px)', 'focal error (%)')


@dataclass(frozen=True)
class Row:
    """A model: its name in the table, its config, and the checkpoints of its seeds."""

    name: str
    config: str
    checkpoints: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> 'Row':
        """Read NAME=CONFIG:CHECKPOINT[,CHECKPOINT...].

        Raises:
            argparse.ArgumentTypeError: Something is missing.
        """
        name, _, rest = text.partition('=')
        config, _, checkpoints = rest.partition(':')
        if not (name and config and checkpoints):
            raise argparse.ArgumentTypeError(f'{text!r}: expected NAME=CONFIG:CHECKPOINT')
        return cls(name, config, tuple(checkpoints.split(',')))


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('name', help='of the table: docs/results/NAME.md')
    parser.add_argument(
        '--rows',
        nargs='+',
        required=True,
        type=Row.parse,
        metavar='NAME=CONFIG:CHECKPOINT',
        help='the models',
    )
    parser.add_argument('--title', default='Camera-space metrics', help='of the table')
    parser.add_argument(
        '--out', default='docs/results', metavar='DIR', help='(default: %(default)s)'
    )
    parser.add_argument(
        '--splits', nargs='+', default=[], help="of SyntheticWorld (default: the config's test set)"
    )
    parser.add_argument(
        '--work-dir', default='work_dirs/metrics_table', help='of the logs (default: %(default)s)'
    )
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def measure(cfg: Config, checkpoint: str) -> Figures:
    """The metrics of `camera/` on a config's test set."""
    runner = test_runner(cfg, checkpoint)
    with cli.building():
        _ = runner.test_loop  # the data set, too, before the run begins
    metrics = runner.test()
    return {name: float(metrics[f'camera/{name}']) for name in COLUMNS}


def tables(rows: Sequence[Row], figures: dict[str, dict[str, list[Figures]]]) -> list[str]:
    """A heading and a table for each test set."""
    parts = []
    for test, by_row in figures.items():
        lines = []
        for row in rows:
            values = summarise(by_row[row.name])
            lines.append([row.name, *(cell(values[column]) for column in COLUMNS)])
        parts += [f'## {test}', markdown_table(['model', *COLUMNS], lines)]
    return parts


def run(args: argparse.Namespace) -> None:
    """Test every model on every test set, write the table."""
    names = [row.name for row in args.rows]
    if len(set(names)) < len(names):
        raise cli.ConfigError(f'--rows: a name is given twice: {names}')
    figures: dict[str, dict[str, list[Figures]]] = {}
    for row in args.rows:
        for checkpoint in row.checkpoints:
            resolve_checkpoint(checkpoint)  # before any work is done
    for row in args.rows:
        given = argparse.Namespace(
            config=row.config, cfg_options=None, launcher='none', work_dir=args.work_dir
        )
        cfg = cli.settle_files(cli.read_run_config(given), embedded=False, training=False)
        for test, part in test_sets(cfg, args.splits).items():
            runs = [measure(part, checkpoint) for checkpoint in row.checkpoints]
            figures.setdefault(test, {})[row.name] = runs
            print(f'{row.name}, {test}: {runs}', flush=True)
    body = [
        'Errors in mm where no unit is said.',
        '\n'.join(
            f'- {row.name}: `{row.config}`, {", ".join(row.checkpoints)}' for row in args.rows
        ),
        *tables(args.rows, figures),
    ]
    record = {'models': [vars(row) for row in args.rows], 'rows': figures}
    write_results(Path(args.out) / args.name, args.title, body, record)
    print('\n\n'.join(body[2:]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
