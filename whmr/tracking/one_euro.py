"""The One-Euro filter."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from whmr.registry import SMOOTHERS
from whmr.tracking.rotation_steps import rotation_step, take_step
from whmr.tracking.smoother import Signal, Smoother


@dataclass
class _State:
    frame: int
    signal: Signal
    turning: np.ndarray  # (M, 3) rad / s
    moving: np.ndarray  # (D,) per s


@SMOOTHERS.register_module()
class OneEuroSmoother(Smoother):
    """A low-pass filter that lets fast movement through (Casiez et al., CHI 2012).

    Looks only back: serves a live picture, and lags a little behind. On rotations the difference
    of two is the turn between them, and each rotation has its own speed.

    Args:
        min_cutoff: Hz; lower is steadier at rest.
        speed_weight: Hz per rad/s (or per unit/s of a number); higher lags less in movement.
        speed_cutoff: Hz, of the filter of the speed itself.
        forget_after: Seconds; who is away for longer starts anew.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        *,
        min_cutoff: float = 1.0,
        speed_weight: float = 0.5,
        speed_cutoff: float = 1.0,
        forget_after: float = 0.5,
    ) -> None:
        if min(min_cutoff, speed_cutoff) <= 0 or min(speed_weight, forget_after) < 0:
            raise ValueError(
                'OneEuroSmoother: min_cutoff and speed_cutoff must be positive, speed_weight and '
                'forget_after 0 or more'
            )
        self.min_cutoff = min_cutoff
        self.speed_weight = speed_weight
        self.speed_cutoff = speed_cutoff
        self.forget_after = forget_after

    def smooth(
        self, frames: Iterable[dict[int, Signal]], rate: float
    ) -> Iterator[dict[int, Signal]]:
        """See `Smoother.smooth`; frames come out at once."""
        states: dict[int, _State] = {}
        for now, frame in enumerate(frames):
            oldest = now - max(1, self.forget_after * rate)
            states = {who: state for who, state in states.items() if state.frame >= oldest}
            for who, signal in frame.items():
                states[who] = self._step(states.get(who), signal, now, rate)
            yield {who: states[who].signal for who in frame}

    def _step(self, state: _State | None, new: Signal, now: int, rate: float) -> _State:
        if state is None:
            still = np.zeros(new.rotations.shape[:-1])
            return _State(now, new, still, np.zeros_like(new.numbers))
        period = (now - state.frame) / rate
        turn = rotation_step(state.signal.rotations, new.rotations)
        move = new.numbers - state.signal.numbers
        share = _share(self.speed_cutoff, period)
        turning = state.turning + share * (turn / period - state.turning)
        moving = state.moving + share * (move / period - state.moving)
        speed = np.linalg.norm(turning, axis=-1, keepdims=True)
        turn_share = _share(self.min_cutoff + self.speed_weight * speed, period)
        move_share = _share(self.min_cutoff + self.speed_weight * np.abs(moving), period)
        signal = Signal(
            take_step(state.signal.rotations, turn_share * turn),
            state.signal.numbers + move_share * move,
        )
        return _State(now, signal, turning, moving)


def _share(cutoff: float | np.ndarray, period: float) -> float | np.ndarray:
    """How much of a step a low-pass filter takes."""
    reach = 2 * np.pi * cutoff * period
    return reach / (reach + 1)
