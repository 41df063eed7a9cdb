"""Compare our models with what the authors' release computed, output by output.

    python tools/analysis/reference_report.py [FOLDER]

FOLDER holds `eval_VARIANT.npz` (one forward pass in evaluation) and `train_VARIANT_stageN.npz` with
a `.json` beside it (one training step): by default our copy in `tests/data/reference`. The
release's weights follow from their keys, are converted by the real converter and loaded into the
models of `configs/whmr/release`; losses and gradient rules are those of the stage's config. Every
recorded number is compared; the worst of each kind is printed, or all with `--all`.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from reference_checks.evaluation import check_evaluation
from reference_checks.folder import DEFAULT, Case, ReferenceFolder
from reference_checks.model import build_variant
from reference_checks.rows import Row, worst
from reference_checks.training import check_training

from whmr.body_models import SMPL


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', nargs='?', type=Path, default=DEFAULT, help='reference numbers')
    parser.add_argument('--all', action='store_true', help='print every compared quantity')
    parser.add_argument(
        '--variant', help='compare this variant only, for example a_vitpose_markers'
    )
    return parser


class Checker:
    """Compares the runs of a folder; bodies and weights are made once.

    Args:
        path: The folder.
        scratch: An empty folder for the stand-in body's files.
    """

    def __init__(self, path: Path, scratch: Path) -> None:
        self.folder = ReferenceFolder(path)
        self.folder.write_body(scratch / 'smpl')
        self.body = SMPL(scratch / 'smpl')
        self._weights: tuple[str, dict] = ('', {})

    def cases(self) -> tuple[Case, ...]:
        """The folder's runs, those of a variant together."""
        return tuple(sorted(self.folder.cases, key=lambda case: (case.variant, case.stage or 0)))

    def check(self, case: Case, backbone_terms: Collection[str] | None = None) -> list[Row]:
        """Compare one run; see `check_training` for `backbone_terms`."""
        if self._weights[0] != case.variant:
            self._weights = ('', {})
            self._weights = (case.variant, self.folder.state_dict(case.variant))
        variant = build_variant(self.folder, case.variant, case.stage, self.body, self._weights[1])
        if case.stage is None:
            return check_evaluation(self.folder, case, variant)
        return check_training(self.folder, case, variant, backbone_terms)


def report(checker: Checker, variant: str | None) -> Iterator[list[Row]]:
    """The rows of each run, as they are ready."""
    for case in checker.cases():
        if variant in (None, case.variant):
            begin = time.perf_counter()
            rows = checker.check(case)
            print(f'{case.name}: {len(rows)} quantities, {time.perf_counter() - begin:.0f} s')
            yield rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0: everything agrees, 1: something does not, 2: there is nothing to compare."""
    args = build_parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            checker = Checker(args.folder, Path(scratch))
        except FileNotFoundError as error:
            print(f'error: {error}', file=sys.stderr)
            return 2
        rows = [row for part in report(checker, args.variant) for row in part]
    bad = [row for row in rows if not row.agrees]
    for row in rows if args.all else [*worst(rows), *bad]:
        print(row)
    print(f'{len(rows) - len(bad)} of {len(rows)} agree')
    return 1 if bad or not rows else 0


if __name__ == '__main__':
    raise SystemExit(main())
