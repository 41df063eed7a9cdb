"""Frames of people who turn steadily."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from whmr.geometry import axis_angle_to_rotmat
from whmr.tracking import TrackFrame


def turned(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3) rad."""
    return axis_angle_to_rotmat(torch.from_numpy(np.asarray(vectors, np.float64))).numpy()


@pytest.fixture
def rotmat() -> Callable[[np.ndarray], np.ndarray]:
    """Rotation matrices of rotation vectors."""
    return turned


@pytest.fixture
def frame_of() -> Callable[..., TrackFrame]:
    """Makes a frame: `angle` rad about y in every rotation, `at` m to the right."""

    def make(
        number: int, tracks: tuple[int, ...] = (0,), *, angle: float = 0.0, at: float = 0.0
    ) -> TrackFrame:
        count = len(tracks)
        turn = turned(np.array([0.0, angle, 0.0]))
        return TrackFrame(
            number=np.array(number),
            shot=np.array(0),
            world2cam_rotmat=turned(np.array([0.1, 0.0, 0.0])),
            vfov=np.array(0.9),
            focal_source=np.array('predicted'),
            rotation_source=np.array('predicted'),
            track_ids=np.array(tracks, np.int64).reshape(-1),
            boxes=np.tile([at, 0.0, at + 50, 100.0], (count, 1)),
            scores=np.full(count, 0.9),
            betas=np.full((count, 10), float(number)),
            rotations=np.tile(turn, (count, 25, 1, 1)).reshape(count, 25, 3, 3),
            placement=np.tile([at, 0.0, np.log(5 / 1000), np.log(1000)], (count, 1)),
            interpolated=np.zeros(count, bool),
        )

    return make
