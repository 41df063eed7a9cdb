"""What a camera calibrator says of each photo."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from whmr.structures.records import Record


class CameraLogits(NamedTuple):
    """Scores of each angle's bins.

    Shapes: B photos, N bins.
    """

    vfov: Tensor  # (B, N)
    pitch: Tensor  # (B, N)
    roll: Tensor  # (B, N)


@dataclass
class CameraEstimate(Record):
    """The camera of each photo. `estimate[image_index]` gives one row per crop.

    Shapes: B photos.
    """

    vfov: Tensor  # (B,) vertical field of view, rad
    pitch: Tensor  # (B,) rad, positive = looks down
    roll: Tensor  # (B,) rad
    world2cam_rotmat: Tensor  # (B, 3, 3) x_cam = R x_world, from pitch and roll
