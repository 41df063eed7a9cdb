"""The contract of a smoother."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Signal:
    """What is smoothed of one person, or of the camera, in one frame.

    Shapes: M rotations, D numbers.
        rotations: (M, 3, 3).  numbers: (D,).
    """

    rotations: np.ndarray
    numbers: np.ndarray


class Smoother(ABC):
    """Makes movement steady. Subclasses are registered in `SMOOTHERS`.

    Rotations are smoothed as rotations (on SO(3)), never entry by entry. What is kept of the past
    must not grow with the length of the video.
    """

    @abstractmethod
    def smooth(
        self, frames: Iterable[dict[int, Signal]], rate: float
    ) -> Iterator[dict[int, Signal]]:
        """The same signals, steadier; frames come out in order, perhaps some frames later.

        Args:
            frames: One after another: who -> signal. Who is not there is left out, and is
                somebody new if it is away for long.
            rate: Frames per second.
        """
