"""The Savitzky-Golay filter."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from whmr.registry import SMOOTHERS
from whmr.tracking.rotation_steps import rotation_step, take_step
from whmr.tracking.smoother import Signal, Smoother

MAX_HALF = 120  # frames to either side, which bounds the memory


@SMOOTHERS.register_module()
class SavitzkyGolaySmoother(Smoother):
    """Fits a polynomial to the frames around each frame and takes its value there.

    Looks back and ahead: no lag, and not for live pictures. At the ends of a track, and where
    frames are missing, the fit uses those that are there. Rotations are fitted in the tangent space
    of the frame's own rotation.

    Args:
        window: Seconds that a fit spans; on either side at least as many frames as `order` and at
            most 120 are taken.
        order: Of the polynomial.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(self, *, window: float = 0.5, order: int = 2) -> None:
        if not window > 0 or order < 0:
            raise ValueError(
                f'SavitzkyGolaySmoother: window={window} must be positive and order={order} 0 or '
                'more'
            )
        self.window = window
        self.order = order

    def smooth(
        self, frames: Iterable[dict[int, Signal]], rate: float
    ) -> Iterator[dict[int, Signal]]:
        """See `Smoother.smooth`; frames come out half a window later."""
        half = min(MAX_HALF, max(1, self.order, round(self.window * rate / 2)))
        around: deque[dict[int, Signal]] = deque(maxlen=2 * half + 1)
        for frame in frames:
            around.append(frame)
            if len(around) > half:
                yield self._fit(around, len(around) - 1 - half)
        last = list(around)
        for index in range(max(0, len(last) - half), len(last)):
            first = max(0, index - half)
            yield self._fit(last[first:], index - first)

    def _fit(self, around: Sequence[dict[int, Signal]], index: int) -> dict[int, Signal]:
        """The frame at `index`, seen together with those around it."""
        fitted = {}
        for who, own in around[index].items():
            times, near = zip(
                *((i - index, each[who]) for i, each in enumerate(around) if who in each)
            )
            powers = np.vander(times, min(self.order, len(times) - 1) + 1, increasing=True)
            weights = np.linalg.pinv(powers.astype(np.float64))[0]
            steps = rotation_step(own.rotations, np.stack([each.rotations for each in near]))
            numbers = np.stack([each.numbers for each in near])
            fitted[who] = Signal(
                take_step(own.rotations, np.tensordot(weights, steps, axes=1)), weights @ numbers
            )
        return fitted
