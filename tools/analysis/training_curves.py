"""Draw the loss and the validation error of training runs.

    python tools/analysis/training_curves.py work_dirs/whmr_lite_stage1 work_dirs/camcalib_lite \\
        --out docs/images/training.png

A panel for each work folder, read from the `scalars.json` that MMEngine's logger writes beside the
log. A run that was stopped and resumed has several: they are joined, the later one where they
overlap. The validation curve is the first of `--metrics` that the run measured.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whmr.engine import cli
from whmr.fileio import atomic_path

DEFAULT_METRICS = ('world/W-MPJPE', 'camera/MPJPE', 'camera/camera rotation error (deg)')


@dataclass
class Curves:
    """What one run logged.

    Args:
        loss: Iteration -> training loss.
        validation: Metric -> iteration -> value.
    """

    loss: dict[int, float] = field(default_factory=dict)
    validation: dict[str, dict[int, float]] = field(default_factory=dict)


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('runs', nargs='+', type=Path, metavar='WORK_DIR', help='training runs')
    parser.add_argument('--out', type=Path, required=True, help='picture (.png, .svg, .pdf)')
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=DEFAULT_METRICS,
        help='what is drawn of the validations: the first one that a run has (default: '
        f'{", ".join(DEFAULT_METRICS)})',
    )
    parser.add_argument('--columns', type=int, default=3, help='panels in a row (default: 3)')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def read_curves(run: Path) -> Curves:
    """Read the logs of a work folder, oldest first.

    Raises:
        FileNotFoundError: There is none.
    """
    files = sorted(run.glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{run}: no */vis_data/scalars.json: not the work folder of a training run'
        )
    curves = Curves()
    for path in files:
        last = 0
        for line in path.read_text(encoding='utf-8').splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line of a run that was killed
            step = int(record.get('step', 0))
            if 'loss' in record:
                last = step
                curves.loss[step] = float(record['loss'])
                continue
            # `LoggerHook(log_metric_by_epoch=True)` says 0 in runs that count no epochs.
            for name, value in record.items():
                curves.validation.setdefault(name, {})[step or last] = float(value)
    return curves


def draw(runs: dict[str, Curves], metrics: Sequence[str], columns: int, out: Path) -> None:
    """Draw a panel for each run."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    columns = min(columns, len(runs))
    rows = math.ceil(len(runs) / columns)
    figure, panels = pyplot.subplots(
        rows, columns, figsize=(4.2 * columns, 3.0 * rows), squeeze=False, layout='constrained'
    )
    for panel in panels.flat[len(runs) :]:
        panel.set_axis_off()
    for panel, (name, curves) in zip(panels.flat, runs.items()):
        panel.plot(*_points(curves.loss), color='tab:blue', linewidth=1)
        panel.set_title(name, fontsize=10)
        panel.set_xlabel('iteration')
        panel.set_ylabel('training loss', color='tab:blue')
        metric = next((each for each in metrics if each in curves.validation), None)
        if metric is not None:
            other = panel.twinx()
            other.plot(*_points(curves.validation[metric]), 'o-', color='tab:orange', markersize=3)
            other.set_ylabel(metric, color='tab:orange')
            other.set_ylim(bottom=0)
    with atomic_path(out) as partial:
        figure.savefig(partial, format=out.suffix.lstrip('.') or 'png', dpi=110)
    pyplot.close(figure)


def _points(curve: dict[int, float]) -> tuple[list[int], list[float]]:
    steps = sorted(curve)
    return steps, [curve[step] for step in steps]


def run(args: argparse.Namespace) -> None:
    """Read every run, draw them."""
    if args.columns < 1:
        raise cli.ConfigError(f'--columns: expected 1 or more, got {args.columns}')
    names = [path.name for path in args.runs]
    runs = {
        name if names.count(name) == 1 else str(path): read_curves(path)
        for name, path in zip(names, args.runs)
    }
    draw(runs, args.metrics, args.columns, args.out)
    for name, curves in runs.items():
        last = max(curves.loss, default=0)
        values = {
            metric: round(values[max(values)], 2)
            for metric, values in curves.validation.items()
            if metric in args.metrics
        }
        print(f'{name}: {last} iterations, loss {curves.loss.get(last, math.nan):.4g}, {values}')
    print(f'{args.out} written')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
