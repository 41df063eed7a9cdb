"""W-MPJPE and up-vector error against the error of the rotation that is fed in.

    python tools/analysis/noise_curve.py configs/whmr/whmr_lite_stage3.py \\
        --rows configs/orient_correct/whmr_lite_direct.py configs/whmr/whmr_lite_stage3.py

The true camera rotation is tilted by 0 to 20 degrees about random axes. Multiplying by it passes
the error on; what OrientCorrect and its rivals (`--rows`) make of it is measured for modules that
are trained on the calibrator's rotations, as in stage III, and for modules that are trained on
tilted ones (up to `--train-degrees`). Features, training and the files in docs/results are those
of results_table.py; with matplotlib there is a picture, too.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from mmengine.registry import DefaultScope
from orientation_study.report import Figures, cell, markdown_table, summarise, write_results
from orientation_study.scoring import score
from orientation_study.study import Study, read_row, set_up
from results_table import add_study_arguments, read_settings
from torch import nn

from whmr.engine import cli
from whmr.fileio import atomic_path
from whmr.models import RotationMultiply, Uncorrected

COLUMNS = ('W-MPJPE', 'up-vector error (deg)')
# Of one row: for each level of noise, the figures of each seed.
Curve = list[list[Figures]]


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='stage III config whose frozen parts serve all rows')
    parser.add_argument('--rows', nargs='*', default=[], metavar='CONFIG', help='what is trained')
    parser.add_argument('--name', default='noise_curve', help='of the table (default: %(default)s)')
    parser.add_argument(
        '--out', default='docs/results', metavar='DIR', help='(default: %(default)s)'
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument(
        '--degrees', nargs='+', type=float, default=[0.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0]
    )
    parser.add_argument('--train-degrees', type=float, default=20.0)
    add_study_arguments(parser)
    return parser


def measure(study: Study, args: argparse.Namespace) -> dict[str, dict[str, Curve]]:
    """The curve of each row on each test set."""
    modules: dict[str, list[nn.Module]] = {
        'uncorrected': [Uncorrected()],
        'multiplied': [RotationMultiply()],
    }
    for row in args.rows:
        orientation, _ = read_row(row)
        for name, source, degrees in (
            (f'`{Path(row).stem}`', 'predicted', 0.0),
            (f'`{Path(row).stem}`, trained with noise', 'known', args.train_degrees),
        ):
            modules[name] = [study.trained(orientation, s, source, degrees) for s in args.seeds]
            print(f'trained: {name}', flush=True)
    curves: dict[str, dict[str, Curve]] = {}
    for test, features in study.tests.items():
        curves[test] = {
            name: [
                [score(m, features, source='known', degrees=d, seed=s) for s, m in enumerate(group)]
                for d in args.degrees
            ]
            for name, group in modules.items()
        }
    return curves


def tables(curves: Mapping[str, Mapping[str, Curve]], degrees: Sequence[float]) -> list[str]:
    """A table for each test set and figure."""
    parts = []
    for test, rows in curves.items():
        for column in COLUMNS:
            lines = [
                [name, *(cell(summarise(runs)[column]) for runs in curve)]
                for name, curve in rows.items()
            ]
            header = [column, *(f'{level:g} deg' for level in degrees)]
            parts += [f'## {test}, {column}', markdown_table(header, lines)]
    return parts


def draw(path: Path, curves: Mapping[str, Mapping[str, Curve]], degrees: Sequence[float]) -> bool:
    """Draw the curves; False where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use('Agg')
    from matplotlib import pyplot

    size = (5 * len(COLUMNS), 4 * len(curves))
    figure, axes = pyplot.subplots(
        len(curves), len(COLUMNS), figsize=size, squeeze=False, layout='constrained'
    )
    for line, (test, rows) in zip(axes, curves.items(), strict=True):
        for axis, column in zip(line, COLUMNS, strict=True):
            for name, curve in rows.items():
                figures = [summarise(runs)[column] for runs in curve]
                means = [figure['mean'] for figure in figures]
                deviations = [figure['deviation'] for figure in figures]
                axis.errorbar(degrees, means, deviations, label=name.replace('`', ''), capsize=2)
            axis.set(
                title=test, xlabel='error of the rotation (deg)', ylabel=column, ylim=(0, None)
            )
            axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    with atomic_path(path) as partial:
        figure.savefig(partial, format='svg', metadata={'Date': None})
    pyplot.close(figure)
    return True


def run(args: argparse.Namespace) -> None:
    """Train what is not trained, measure, write tables and picture."""
    set_up(args.num_threads)
    with DefaultScope.overwrite_default_scope('whmr'):
        study = Study(args.config, read_settings(args))
        curves = measure(study, args)
    stem = Path(args.out) / args.name
    body = [
        'The true rotation of the camera, tilted by so many degrees about random axes, is fed in. '
        f'Mean ± deviation over the seeds {args.seeds}; mm where no unit is said. Frozen parts, '
        f'data and schedule: `{args.config}`.'
    ]
    if draw(stem.with_suffix('.svg'), curves, args.degrees):
        body.append(f'![curves]({stem.name}.svg)')
    body += tables(curves, args.degrees)
    record = {'config': args.config, 'seeds': args.seeds, 'degrees': args.degrees}
    record |= {'train_degrees': args.train_degrees, 'settings': vars(study.settings)}
    write_results(stem, 'Error of the rotation that is fed in', body, {**record, 'rows': curves})
    print('\n\n'.join(body[1:]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
