"""Cameras and rotations with numpy alone: the few formulas of `whmr.geometry` that are needed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

LENS_KEYS = ('focal_length', 'vfov')
ROTATION_KEYS = ('world2cam_rotmat', 'pitch', 'roll')


class Camera(NamedTuple):
    """What is known of a photo's camera; None = not known.

    Shapes: focal_length: full px.  world2cam_rotmat: (3, 3) x_cam = R x_world.
    """

    focal_length: float | None = None
    world2cam_rotmat: np.ndarray | None = None


def read_camera(fields: Mapping[str, Any] | None, image_height: int) -> Camera:
    """From what a user writes down.

    Args:
        fields: At most one of `focal_length` (full px) and `vfov` (vertical, rad), and
            `world2cam_rotmat` (3 x 3, from any world whose +y is gravity; its yaw is removed) or
            `pitch` and `roll` (rad, pitch > 0 looks down).
        image_height: Of the photo, px.

    Raises:
        ValueError: On an unknown field, one too many, one missing, or an impossible value.
    """
    given = dict(fields or {})
    unknown = sorted(set(given) - {*LENS_KEYS, *ROTATION_KEYS})
    if unknown:
        raise ValueError(f'camera: unknown fields {unknown}; known: {LENS_KEYS + ROTATION_KEYS}')
    if set(LENS_KEYS) <= set(given):
        raise ValueError('camera: give focal_length or vfov, not both')
    return Camera(_focal_length(given, image_height), _rotation(given))


def pitch_roll_to_rotmat(pitch: float, roll: float) -> np.ndarray:
    """World-to-camera rotation `Rx(pitch) @ Rz(roll)`.

    Args:
        pitch: Positive when the camera looks down, rad.
        roll: Rotation about the optical axis, rad.

    Shapes: returns: (3, 3), `x_cam = R @ x_world`.
    """
    cx, sx, cz, sz = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    return np.array([[cz, -sz, 0.0], [cx * sz, cx * cz, -sx], [sx * sz, sx * cz, cx]])


def rotmat_to_pitch_roll(world2cam_rotmat: np.ndarray) -> tuple[float, float]:
    """Pitch and roll of a world-to-camera rotation, rad; a yaw does not change them.

    Args:
        world2cam_rotmat: From any world whose +y is gravity.

    Shapes: world2cam_rotmat: (3, 3).
    """
    gx, gy, gz = world2cam_rotmat[:, 1]
    return float(np.arctan2(gz, gy)), float(-np.arctan2(gx, np.hypot(gy, gz)))


def rotmat_to_axis_angle(rotmat: np.ndarray) -> np.ndarray:
    """Axis-angle vectors of rotation matrices, of length at most pi; NaN gives NaN.

    Args:
        rotmat: Rotation matrices.

    Shapes: rotmat: (..., 3, 3).  returns: (..., 3) rad.
    """
    m = np.asarray(rotmat, np.float64)
    diagonal = m[..., [0, 1, 2], [0, 1, 2]]
    skew = m[..., [2, 0, 1], [1, 2, 0]] - m[..., [1, 2, 0], [2, 0, 1]]  # 4 w (x, y, z)
    both = m + np.swapaxes(m, -1, -2)
    trace = diagonal.sum(-1, keepdims=True)
    # Four times the outer product of the quaternion (x, y, z, w) with itself; the row of its
    # largest entry is the best conditioned.
    outer = np.empty((*m.shape[:-2], 4, 4))
    outer[..., :3, :3] = both
    outer[..., [0, 1, 2], [0, 1, 2]] = 1 + 2 * diagonal - trace
    outer[..., :3, 3] = outer[..., 3, :3] = skew
    outer[..., 3, 3] = 1 + trace[..., 0]
    best = outer[..., [0, 1, 2, 3], [0, 1, 2, 3]].argmax(-1)
    row = np.take_along_axis(outer, best[..., None, None], -2)[..., 0, :]
    row = row * np.where(row[..., 3:] < 0, -1, 1)
    sine = np.linalg.norm(row[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, row[..., 3:])
    return np.where(sine == 0, 0.0, angle / np.where(sine == 0, 1.0, sine)) * row[..., :3]


def focal_to_vfov(focal_length: float, image_height: int) -> float:
    """Vertical field of view of a focal length, rad.

    Args:
        focal_length: In px.
        image_height: In px.
    """
    return float(2 * np.arctan(0.5 * image_height / focal_length))


def _focal_length(given: Mapping[str, Any], image_height: int) -> float | None:
    if 'vfov' in given:
        vfov = float(given['vfov'])
        if not 0 < vfov < np.pi:
            raise ValueError(f'camera: vfov={vfov} must lie between 0 and pi rad')
        return float(0.5 * image_height / np.tan(0.5 * vfov))
    if 'focal_length' not in given:
        return None
    focal_length = float(given['focal_length'])
    if not (np.isfinite(focal_length) and focal_length > 0):
        raise ValueError(f'camera: the focal length {focal_length} px must be positive')
    return focal_length


def _rotation(given: Mapping[str, Any]) -> np.ndarray | None:
    angles = [key for key in ('pitch', 'roll') if key in given]
    if 'world2cam_rotmat' in given and angles:
        raise ValueError('camera: give world2cam_rotmat, or pitch and roll, not both')
    if 'world2cam_rotmat' in given:
        matrix = np.asarray(given['world2cam_rotmat'], np.float64)
        if matrix.shape != (3, 3) or not (
            np.allclose(matrix.T @ matrix, np.eye(3), atol=1e-3) and np.linalg.det(matrix) > 0
        ):
            raise ValueError('camera: world2cam_rotmat is no 3 x 3 rotation matrix')
        return pitch_roll_to_rotmat(*rotmat_to_pitch_roll(matrix))
    if not angles:
        return None
    if len(angles) == 1:
        raise ValueError('camera: pitch and roll belong together, one is missing')
    pitch, roll = (float(given[key]) for key in angles)
    if not np.isfinite([pitch, roll]).all():
        raise ValueError(f'camera: pitch={pitch} and roll={roll} must be finite numbers, in rad')
    return pitch_roll_to_rotmat(pitch, roll)
