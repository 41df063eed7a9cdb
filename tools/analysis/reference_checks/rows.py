"""One line per compared number, and how far it may be off."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

# Outputs in evaluation: this many times the release's own noise, recorded per output, and never
# less than this share of the output's largest value (of 1, where that is smaller).
NOISE_FACTOR, SHARE = 4.0, 1e-5
# Training: nothing was recorded of its noise. It is the noise of evaluation, relative, of the
# noisiest output, times what a training step makes of it: for outputs and losses, for gradients.
# ResNet-50 amplifies it most, since each of its BatchNorms takes its statistics from four crops;
# there our side is computed in float64, so that only the release's own noise is left.
AMPLIFIED = {'vitpose': (10.0, 100.0), 'res50': (30.0, 400.0)}
ROUNDING = 1e-6


class Row(NamedTuple):
    """A compared quantity."""

    case: str
    kind: str  # output, loss, gradient, statistic
    name: str
    difference: float  # largest absolute difference
    scale: float  # largest absolute value in the reference
    tolerance: float

    @property
    def relative(self) -> float:
        """Difference in units of the largest value."""
        return self.difference / self.scale if self.scale else self.difference

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance; NaN never is."""
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        mark = '' if self.agrees else '   DISAGREES'
        return (
            f'{self.case:32s} {self.kind:9s} {self.name:44s} max abs {self.difference:8.2e}   '
            f'relative {self.relative:8.2e}   allowed {self.tolerance:8.2e}{mark}'
        )


def compare(
    case: str,
    kind: str,
    name: str,
    ours: np.ndarray | float,
    reference: np.ndarray | float,
    tolerance: float,
) -> Row:
    """The row of one quantity; another shape than the reference's is an infinite difference."""
    ours, reference = np.asarray(ours, np.float64), np.asarray(reference, np.float64)
    scale = float(np.abs(reference).max(initial=0.0))
    if ours.shape != reference.shape:
        return Row(case, kind, f'{name} {ours.shape}', np.inf, scale, tolerance)
    difference = float(np.abs(ours - reference).max(initial=0.0))
    return Row(case, kind, name, difference, scale, tolerance)


def output_tolerance(name: str, reference: np.ndarray, noise: Mapping[str, float]) -> float:
    """How far an output in evaluation may be off; see `NOISE_FACTOR` and `SHARE`."""
    scale = max(1.0, float(np.abs(reference).max(initial=0.0)))
    return max(NOISE_FACTOR * noise.get(name, 0.0), SHARE * scale)


def training_shares(
    recorded: Mapping[str, np.ndarray], noise: Mapping[str, float], backbone: str
) -> tuple[float, float]:
    """How far outputs and losses, and gradients, may be off in training; see `AMPLIFIED`."""
    shares = [
        level / max(1.0, float(np.abs(recorded[f'out_{name}']).max()))
        for name, level in noise.items()
        if f'out_{name}' in recorded
    ]
    near, far = AMPLIFIED[backbone]
    share = max([SHARE, *shares])
    return near * share, far * share


def worst(rows: list[Row]) -> Iterator[Row]:
    """The row with the largest relative difference of each kind and case.

    What is zero but for rounding in the reference (its whole value is within the tolerance) has no
    meaningful relative difference and is left out.
    """
    for key in sorted({(row.case, row.kind) for row in rows}):
        same = [row for row in rows if (row.case, row.kind) == key]
        numbers = [row for row in same if row.scale > row.tolerance or not row.agrees]
        yield max(numbers or same, key=lambda row: row.relative)
