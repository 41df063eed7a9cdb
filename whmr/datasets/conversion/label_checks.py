"""Whether labels mean what we take them for: conventions that a file does not state."""

from collections.abc import Sequence

import numpy as np
import torch

from whmr.datasets.errors import SourceError
from whmr.geometry import axis_angle_to_rotmat

MIN_UPRIGHT = 0.3
AXES = {
    'x': (1.0, 0.0, 0.0),
    '-x': (-1.0, 0.0, 0.0),
    'y': (0.0, 1.0, 0.0),
    '-y': (0.0, -1.0, 0.0),
    'z': (0.0, 0.0, 1.0),
    '-z': (0.0, 0.0, -1.0),
}


def rotation_matrices(axis_angles: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Rotation matrices of axis-angles, in float64.

    Shapes: axis_angles: (..., 3) rad.  returns: (..., 3, 3).
    """
    return axis_angle_to_rotmat(torch.from_numpy(np.asarray(axis_angles, np.float64))).numpy()


def uprightness(orients: Sequence[np.ndarray], up: Sequence[float]) -> float:
    """Mean cosine between people's own up direction and what is said to point up.

    Most people of any large set are upright: below `MIN_UPRIGHT` the axis is another one.

    Args:
        orients: Body orientations in the data set's world; some hundred are enough.
        up: What points up there.

    Returns:
        The cosine; 1 without people.

    Shapes: N people.  orients: N of (3, 3).  up: (3,).
    """
    ups = _own_ups(orients)
    return float(ups.mean(0) @ np.asarray(up)) if len(ups) else 1.0


def check_up_axis(orients: Sequence[np.ndarray], up_axis: str, source: str) -> None:
    """Make sure that people stand along the axis that is said to point up.

    Args:
        orients: Body orientations in the data set's world; some hundred are enough.
        up_axis: A key of `AXES`.
        source: For the message.

    Raises:
        SourceError: They stand along another axis.

    Shapes: N people.  orients: N of (3, 3).
    """
    if uprightness(orients, AXES[up_axis]) >= MIN_UPRIGHT:
        return
    mean = _own_ups(orients).mean(0)
    best = max(AXES, key=lambda name: float(mean @ AXES[name]))
    raise SourceError(
        f'{source}: people do not stand along {up_axis!r} (their mean up direction is '
        f'{np.round(mean, 2).tolist()}); if its world has another axis up, say --up-axis={best}'
    )


def hip_angle(
    global_orient: np.ndarray, left_hip: Sequence[float], right_hip: Sequence[float]
) -> float:
    """Angle between the body's left according to its orientation and to its hip joints.

    It is a few degrees where both are right, whatever the pose and shape.

    Shapes: global_orient: (3,) rad, to the axes of the hips.  left_hip, right_hip: (3,).
        returns: degrees.
    """
    across = np.asarray(left_hip, np.float64) - np.asarray(right_hip, np.float64)
    left = rotation_matrices(global_orient)[:, 0]
    cosine = across @ left / max(float(np.linalg.norm(across)), 1e-12)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def reprojection_residual(
    points: np.ndarray, pixels: np.ndarray, conf: np.ndarray, camera: np.ndarray
) -> float:
    """How far 3D joints fall from 2D ones at the translation that suits them best.

    Args:
        points: 3D joints up to a translation, camera axes.
        pixels: 2D joints.
        conf: Joints with 0 do not count.
        camera: Intrinsics.

    Returns:
        The median distance, px; infinite if they would be behind the camera, NaN with fewer than
        four joints.

    Shapes: K joints.  points: (K, 3) m.  pixels: (K, 2) px.  conf: (K,).  camera: (3, 3).
    """
    there = (np.asarray(conf) > 0) & np.isfinite(points).all(1) & np.isfinite(pixels).all(1)
    if there.sum() < 4:
        return float('nan')
    points, pixels = np.asarray(points, np.float64)[there], np.asarray(pixels)[there]
    rays = (pixels - camera[:2, 2]) / camera[[0, 1], [0, 1]]
    left = np.zeros((len(points), 2, 3))
    left[:, [0, 1], [0, 1]] = 1
    left[:, :, 2] = -rays
    right = rays * points[:, 2:] - points[:, :2]
    place = np.linalg.lstsq(left.reshape(-1, 3), right.ravel(), rcond=None)[0]
    placed = points + place
    if (placed[:, 2] <= 0).any():
        return float('inf')
    found = placed[:, :2] / placed[:, 2:] * camera[[0, 1], [0, 1]] + camera[:2, 2]
    return float(np.median(np.linalg.norm(found - pixels, axis=1)))


def rigid_motion(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The rotation and shift that bring points best onto others (Kabsch; no scale).

    Args:
        source: Points.
        target: The same points elsewhere.

    Returns:
        R and t of `target = R source + t`, and the largest distance that is left.

    Shapes: P points.  source, target: (P, 3) m.  returns: (3, 3), (3,) m, m.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    middles = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((target - middles[1]).T @ (source - middles[0]))
    rotmat = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    shift = middles[1] - rotmat @ middles[0]
    left = np.linalg.norm(source @ rotmat.T + shift - target, axis=1)
    return rotmat, shift, float(left.max())


def _own_ups(orients: Sequence[np.ndarray]) -> np.ndarray:
    """People's own up directions (the model's y axis), without those that are not finite."""
    ups = np.array([orient[:, 1] for orient in orients]).reshape(-1, 3)
    return ups[np.isfinite(ups).all(1)]
