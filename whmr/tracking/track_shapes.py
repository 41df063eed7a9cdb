"""The shape of each person over all frames it is seen in."""

import numpy as np

from whmr.tracking.bounded_sample import BoundedSample
from whmr.tracking.track_frame import TrackFrame

SAMPLE = 100  # frames of a person that its shape is the median of


class TrackShapes:
    """How long each track is, and its one shape: the median of its betas, number by number.

    Args:
        patience: Frames after which somebody who is away does not come back; its frames are let
            go then.
    """

    def __init__(self, *, patience: int) -> None:
        self.patience = patience
        self._open: dict[int, tuple[int, BoundedSample[np.ndarray]]] = {}
        self._closed: dict[int, tuple[int, np.ndarray]] = {}
        self._now = 0

    def add(self, frame: TrackFrame) -> None:
        """Take in the next frame."""
        for track, betas in zip(frame.track_ids.tolist(), frame.betas):
            sample = self._open[track][1] if track in self._open else BoundedSample(SAMPLE)
            sample.add(betas)
            self._open[track] = (self._now, sample)
        gone = [t for t, (when, _) in self._open.items() if self._now - when > self.patience]
        for track in gone:
            self._closed[track] = _summary(self._open.pop(track)[1])
        self._now += 1

    def finish(self) -> dict[int, tuple[int, np.ndarray]]:
        """Track -> in how many frames it was seen, and its betas.

        Shapes: S betas.
            returns: betas (S,).
        """
        rest = {track: _summary(sample) for track, (_, sample) in self._open.items()}
        return self._closed | rest


def _summary(sample: BoundedSample[np.ndarray]) -> tuple[int, np.ndarray]:
    return sample.count, np.median(np.stack(sample.values), axis=0)
