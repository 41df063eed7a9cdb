"""Compare ways to turn bodies into the world, over seeds and test sets (W-HMR Tables 2, 6, 7).

    python tools/analysis/results_table.py orientation configs/whmr/whmr_lite_stage3.py \\
        --rows configs/orient_correct/whmr_lite_direct.py configs/whmr/whmr_lite_stage3.py \\
        --splits test test_tilted --seeds 0 1 2

The frozen parts of the first config run once over its training set (`--versions` augmentations of
it) and over each test set; their features are kept by `whmr.engine.feature_cache`, as
`tools/train.py --feature-cache` does. The rows that need no training come first: uncorrected,
multiplied by the predicted and by the true rotation, and the labelled orientation, which shows what
errors of pose and shape alone amount to. Each config of `--rows` is one more: its
orientation module, trained from scratch for each seed by the first config's losses and schedule on
those features, fed the rotation that the config says. `A:B` is a transplant: trained on A's own
features, tested on B's.

Trained modules are kept in `work_dirs/orientation_study` under a name made of all that they depend
on: a run that was stopped goes on, and what is trained serves other tables. The table is written to
docs/results/NAME.md and .json, with config, seeds, commit and date.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from mmengine.registry import DefaultScope
from orientation_study.report import (
    Figures,
    cell,
    markdown_table,
    summarise,
    write_results,
)
from orientation_study.scoring import COLUMNS
from orientation_study.study import Settings, Study, read_row, set_up

from whmr.engine import cli
from whmr.models import RotationMultiply, Uncorrected

Runs = list[dict[str, Figures]]


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('name', help='of the table: docs/results/NAME.md')
    parser.add_argument('config', help='stage III config whose frozen parts serve all rows')
    parser.add_argument(
        '--rows', nargs='*', default=[], metavar='CONFIG', help='what is trained; A:B transplants'
    )
    parser.add_argument('--title', default='World-space orientation', help='of the table')
    parser.add_argument(
        '--out', default='docs/results', metavar='DIR', help='(default: %(default)s)'
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    add_study_arguments(parser)
    return parser


def add_study_arguments(parser: argparse.ArgumentParser) -> None:
    """What the tools share that work on cached features."""
    parser.add_argument(
        '--splits', nargs='+', default=[], help="of SyntheticWorld (default: the config's test set)"
    )
    parser.add_argument(
        '--train-images', type=int, help='of SyntheticWorld (default: as in the config)'
    )
    parser.add_argument('--test-images', type=int, help='of each split (default: as in the config)')
    parser.add_argument(
        '--versions', type=int, default=2, help='augmentations of each sample (default: 2)'
    )
    parser.add_argument('--max-iters', type=int, help='of training (default: as in the config)')
    parser.add_argument('--num-threads', type=int, default=1, help='(default: 1)')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')


def read_settings(args: argparse.Namespace) -> Settings:
    """What the shared arguments say."""
    return Settings(
        versions=args.versions,
        splits=tuple(args.splits),
        train_images=args.train_images,
        test_images=args.test_images,
        max_iters=args.max_iters,
    )


def untrained(study: Study) -> dict[str, Runs]:
    """The ways that have no weights."""
    return {
        'uncorrected': [study.scores(Uncorrected())],
        'multiplied by the predicted rotation': [study.scores(RotationMultiply())],
        'multiplied by the true rotation': [study.scores(RotationMultiply(), 'known')],
        'labelled orientation': [study.scores(None, 'known')],
    }


def trained(study: Study, row: str, seeds: Sequence[int]) -> Runs:
    """The figures of one row for each seed."""
    path, _, tested = row.partition(':')
    source_study = Study(path, study.settings) if tested else study
    test_study = Study(tested, study.settings) if tested else study
    orientation, source = read_row(path)
    runs = []
    for seed in seeds:
        module = source_study.trained(orientation, seed, source)
        runs.append(test_study.scores(module, source))
        print(f'{row}, seed {seed}: {_headline(runs[-1])}', flush=True)
    return runs


def _headline(figures: Mapping[str, Figures]) -> str:
    return ', '.join(f'{test} W-MPJPE {values["W-MPJPE"]:.1f}' for test, values in figures.items())


def tables(rows: Mapping[str, Runs]) -> list[str]:
    """A heading and a table for each test set."""
    parts = []
    first = next(iter(rows.values()))[0]
    for test in first:
        base = summarise([run[test] for run in rows['uncorrected']])['W-MPJPE']['mean']
        lines = []
        for name, runs in rows.items():
            figures = summarise([run[test] for run in runs])
            ratio = figures['W-MPJPE']['mean'] / base
            lines.append([name, *(cell(figures[column]) for column in COLUMNS), f'{ratio:.2f}'])
        header = ['orientation', *COLUMNS, 'W-MPJPE / uncorrected']
        parts += [f'## {test}', markdown_table(header, lines)]
    return parts


def run(args: argparse.Namespace) -> None:
    """Train what is not trained, score everything, write the table."""
    set_up(args.num_threads)
    with DefaultScope.overwrite_default_scope('whmr'):
        study = Study(args.config, read_settings(args))
        rows = untrained(study)
        for row in args.rows:
            rows[row_name(row)] = trained(study, row, args.seeds)
    body = [
        f'Errors in mm where no unit is said; mean ± deviation over the seeds {args.seeds}. Frozen '
        f'parts, data and schedule: `{args.config}`; rows with a config are trained from scratch.',
        *tables(rows),
    ]
    record = {'config': args.config, 'seeds': args.seeds, 'settings': vars(study.settings)}
    write_results(Path(args.out) / args.name, args.title, body, {**record, 'rows': rows})
    print('\n\n'.join(body[1:]))


def row_name(row: str) -> str:
    """A row's config without the folders of all."""
    return ' on '.join(f'`{Path(part).stem}`' for part in row.split(':'))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
