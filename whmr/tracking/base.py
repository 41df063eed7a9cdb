"""The contract of a tracker."""

from abc import ABC, abstractmethod

import numpy as np


class Tracker(ABC):
    """Tells who is who in frames that follow each other. Subclasses are registered in `TRACKERS`.

    A tracker is fed one frame after another and keeps what it needs of the past, which must not
    grow with the length of the video.
    """

    @abstractmethod
    def update(self, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Whose boxes these are, given all frames before.

        Args:
            boxes: Where people were found in the next frame.
            scores: How sure the detector is of each.

        Shapes: N people (may be 0).
            boxes: (N, 4) xyxy full px.  scores: (N,) in [0, 1].
            returns: (N,) int64: a number per person that is never used again for another one, or
                -1 for a box that is taken for nobody.

        Raises:
            ValueError: If the shapes do not fit.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget everybody, as at a cut: whoever comes next gets a new number."""


def check_detections(boxes: np.ndarray, scores: np.ndarray) -> None:
    """Refuse what are no boxes with scores.

    Shapes: boxes: (N, 4).  scores: (N,).

    Raises:
        ValueError: If the shapes are others, or a number is not finite.
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(
            f'boxes must be (N, 4) and scores (N,), got {boxes.shape} and {scores.shape}'
        )
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise ValueError('boxes and scores must be finite')
