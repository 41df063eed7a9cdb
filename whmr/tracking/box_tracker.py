"""Tracking by the overlap of boxes with where people are expected."""

from dataclasses import dataclass

import numpy as np

from whmr.registry import TRACKERS
from whmr.tracking.base import Tracker, check_detections

# Standard deviations in heights of the box, per frame.
MEASURED = 0.05  # of a detected centre
PLACE_NOISE = 0.03  # of a place besides its velocity
VELOCITY_NOISE = 0.015  # by which a velocity changes
FIRST_VELOCITY = 0.1  # of somebody who was seen once


@dataclass
class _Track:
    """A person as a Kalman filter sees it: constant velocity of the box's centre.

    All coordinates have the same uncertainty in units of the height, so one 2 x 2 covariance (of
    place and velocity) serves them all.
    """

    number: int
    place: np.ndarray  # centre x, y, width, height, px
    velocity: np.ndarray  # of the centre, px per frame
    covariance: np.ndarray
    missed: int = 0  # frames since it was seen

    def predict(self) -> None:
        """Move on by one frame."""
        step = np.array([[1.0, 1.0], [0.0, 1.0]])
        noise = np.diag([PLACE_NOISE**2, VELOCITY_NOISE**2])
        self.place[:2] += self.velocity
        self.covariance = step @ self.covariance @ step.T + noise
        self.missed += 1

    def correct(self, seen: np.ndarray) -> None:
        """Take in where it was found."""
        gain = self.covariance[:, 0] / (self.covariance[0, 0] + MEASURED**2)
        error = seen - self.place
        self.place += gain[0] * error
        self.velocity += gain[1] * error[:2]
        self.covariance = self.covariance - np.outer(gain, self.covariance[0])
        self.missed = 0


@TRACKERS.register_module()
class BoxTracker(Tracker):
    """Links boxes to people whose expected boxes they overlap, the best links taken together.

    Each person moves on with its velocity (a Kalman filter, as in SORT, Bewley et al., ICIP 2016).
    Sure boxes are linked first; what is left of the people is linked to the unsure boxes, which
    come about when somebody is half hidden (the idea of ByteTrack, Zhang et al., ECCV 2022), and
    those that fit nobody are no people. Appearance is not looked at: two who vanish behind each
    other and change direction there may come out exchanged.

    Args:
        sure_score: Boxes with this score or more may be new people.
        min_overlap: IoU of a sure box with an expected one.
        min_unsure_overlap: The same for boxes with a lower score.
        max_missed: Frames that somebody may be away for.

    Raises:
        ImportError: If scipy is not installed.
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        *,
        sure_score: float = 0.5,
        min_overlap: float = 0.15,
        min_unsure_overlap: float = 0.4,
        max_missed: int = 30,
    ) -> None:
        shares = {
            'sure_score': sure_score,
            'min_overlap': min_overlap,
            'min_unsure_overlap': min_unsure_overlap,
        }
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise ValueError(f'BoxTracker: {name}={value} is outside [0, 1]')
        if max_missed < 0:
            raise ValueError(f'BoxTracker: max_missed={max_missed} must be 0 or more')
        try:
            from scipy.optimize import linear_sum_assignment
        except ImportError as error:
            raise ImportError(
                "BoxTracker needs scipy: pip install 'whmr[video]' (or pip install scipy)"
            ) from error
        self._assign = linear_sum_assignment
        self.sure_score = sure_score
        self.min_overlap = min_overlap
        self.min_unsure_overlap = min_unsure_overlap
        self.max_missed = max_missed
        self._tracks: list[_Track] = []
        self._next = 0

    def update(self, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """See `Tracker.update`."""
        check_detections(boxes, scores)
        boxes = boxes.astype(np.float64)
        for track in self._tracks:
            track.predict()
        numbers = np.full(len(boxes), -1, np.int64)
        sure = scores >= self.sure_score
        self._link(boxes, np.flatnonzero(sure), numbers, self.min_overlap)
        self._link(boxes, np.flatnonzero(~sure), numbers, self.min_unsure_overlap)
        self._tracks = [track for track in self._tracks if track.missed <= self.max_missed]
        for row in np.flatnonzero(sure & (numbers < 0)):
            covariance = np.diag([MEASURED**2, FIRST_VELOCITY**2])
            place = _centre_size(boxes[row])
            self._tracks.append(_Track(self._next, place, np.zeros(2), covariance))
            numbers[row] = self._next
            self._next += 1
        return numbers

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._tracks = []

    def _link(
        self, boxes: np.ndarray, rows: np.ndarray, numbers: np.ndarray, min_overlap: float
    ) -> None:
        """Give these boxes to people who have none in this frame yet."""
        free = [track for track in self._tracks if track.missed]
        expected = np.array([_corners(track.place) for track in free]).reshape(-1, 4)
        overlap = box_overlaps(boxes[rows], expected)
        # Pairs that may not be linked count nothing, so that they cannot push out a true pair.
        gain = np.where(overlap >= min_overlap, overlap, 0.0)
        for found, known in zip(*self._assign(gain, maximize=True)):
            if gain[found, known] > 0:
                free[known].correct(_centre_size(boxes[rows[found]]))
                numbers[rows[found]] = free[known].number


def box_overlaps(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with each other box.

    Shapes: ones: (N, 4) xyxy.  others: (M, 4) xyxy.  returns: (N, M) in [0, 1].
    """
    near = np.maximum(ones[:, None, :2], others[None, :, :2])
    far = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    common = np.clip(far - near, 0, None).prod(axis=-1)
    areas = [np.clip(each[:, 2:] - each[:, :2], 0, None).prod(axis=-1) for each in (ones, others)]
    union = areas[0][:, None] + areas[1][None] - common
    return common / np.maximum(union, 1e-9)


def _centre_size(box: np.ndarray) -> np.ndarray:
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])


def _corners(place: np.ndarray) -> np.ndarray:
    return np.concatenate([place[:2] - place[2:] / 2, place[:2] + place[2:] / 2])
