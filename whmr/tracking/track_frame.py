"""The people of one frame of a video, as numbers that can be averaged."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import BinaryIO

import numpy as np

from whmr.tracking.rotation_steps import rotation_step, take_step

CAMERA, WORLD, BODY = 0, 1, slice(2, 25)  # where in `rotations`
PERSON_FIELDS = (
    'track_ids',
    'boxes',
    'scores',
    'betas',
    'rotations',
    'placement',
    'interpolated',
)


@dataclass(frozen=True)
class TrackFrame:
    """One frame: who is there, in which pose and where, and how the camera is turned.

    What a model does not estimate is NaN. `placement` holds a person's distance as its ratio to the
    focal length, because that, the person's size in the picture, is what is seen of it.

    Shapes: N people (may be 0), S betas.
        number: () of the frame in the video.  shot: () 0, 1, ...
        world2cam_rotmat: (3, 3) x_cam = R x_world.  vfov: () rad.
        focal_source, rotation_source: () text, where the camera comes from.
        track_ids: (N,) int64.  boxes: (N, 4) xyxy full px.  scores: (N,).  betas: (N, S).
        rotations: (N, 25, 3, 3) model -> camera, model -> world, then 23 parent-relative.
        placement: (N, 4) cam_t x and y in m, log(cam_t z / focal length) in log(m / px), log of the
            person's focal length in log(px).
        interpolated: (N,) bool, not seen but filled in between two frames.
    """

    number: np.ndarray
    shot: np.ndarray
    world2cam_rotmat: np.ndarray
    vfov: np.ndarray
    focal_source: np.ndarray
    rotation_source: np.ndarray
    track_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    betas: np.ndarray
    rotations: np.ndarray
    placement: np.ndarray
    interpolated: np.ndarray

    def __len__(self) -> int:
        return len(self.track_ids)

    def take(self, rows: np.ndarray) -> 'TrackFrame':
        """The same frame with some of its people.

        Shapes: rows: (M,) int or (N,) bool.
        """
        return replace(self, **{name: getattr(self, name)[rows] for name in PERSON_FIELDS})

    def joined(self, others: list['TrackFrame']) -> 'TrackFrame':
        """The same frame with the people of other records too, in the order of their tracks."""
        columns = {
            name: np.concatenate([getattr(part, name) for part in (self, *others)])
            for name in PERSON_FIELDS
        }
        return replace(self, **columns).take(np.argsort(columns['track_ids'], kind='stable'))

    def cam_t(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each person is, for its own focal length, and that focal length.

        Shapes: returns (N, 3) m, camera, and (N,) full px.
        """
        focal_length = np.exp(self.placement[:, 3])
        distance = np.exp(self.placement[:, 2]) * focal_length
        return np.column_stack([self.placement[:, :2], distance]), focal_length

    def write(self, file: BinaryIO) -> None:
        """Append the frame to an open file."""
        for field in fields(self):
            np.save(file, np.asarray(getattr(self, field.name)), allow_pickle=False)


def read_frames(file: BinaryIO, count: int) -> Iterator[TrackFrame]:
    """The frames that `TrackFrame.write` appended to a file, one at a time.

    Args:
        file: Open at its beginning.
        count: How many.
    """
    names = [field.name for field in fields(TrackFrame)]
    for _ in range(count):
        yield TrackFrame(**{name: np.load(file, allow_pickle=False) for name in names})


def between(before: TrackFrame, after: TrackFrame, share: float) -> TrackFrame:
    """People on their way from one frame to another: rotations turn steadily, numbers are mixed.

    Args:
        before: Of the people.
        after: Of the same people in the same order.
        share: 0 is `before`, 1 is `after`.
    """
    turned = share * rotation_step(before.rotations, after.rotations)
    mixed = {
        name: getattr(before, name) + share * (getattr(after, name) - getattr(before, name))
        for name in ('boxes', 'betas', 'placement')
    }
    return replace(
        before,
        scores=np.zeros_like(before.scores),
        rotations=take_step(before.rotations, turned),
        interpolated=np.ones_like(before.interpolated),
        **mixed,
    )
