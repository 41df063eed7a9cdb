"""Cameras of the synthetic world: how they are turned and how wide they see."""

from dataclasses import dataclass

import numpy as np
import torch

from whmr.geometry import pitch_roll_to_rotmat

# The ranges that CamCalib decodes (rad).
MAX_ANGLE = 0.6
VFOV_RANGE = (0.2617, 2.1)


@dataclass(frozen=True)
class SampledCamera:
    """A camera at the origin of its world frame.

    Shapes: rad, px.
        world2cam_rotmat: (3, 3), Rx(pitch) Rz(roll).  intrinsics: (3, 3).
    """

    pitch: float
    roll: float
    vfov: float
    world2cam_rotmat: np.ndarray
    intrinsics: np.ndarray


def sample_angles(rng: np.random.Generator) -> tuple[float, float, float]:
    """Pitch, roll and vertical field of view of a camera, rad.

    Most photos look slightly down with little roll and a common lens; a fifth to two fifths of the
    draws cover the whole range of each.

    Shapes: none.
    """
    pitch = rng.normal(0.12, 0.22) if rng.random() < 0.7 else rng.uniform(-MAX_ANGLE, MAX_ANGLE)
    roll = rng.normal(0.0, 0.07) if rng.random() < 0.8 else rng.uniform(-MAX_ANGLE, MAX_ANGLE)
    vfov = rng.normal(0.95, 0.25) if rng.random() < 0.6 else rng.uniform(*VFOV_RANGE)
    limit = MAX_ANGLE - 1e-3
    return (
        float(np.clip(pitch, -limit, limit)),
        float(np.clip(roll, -limit, limit)),
        float(np.clip(vfov, *VFOV_RANGE)),
    )


def make_camera(
    pitch: float, roll: float, vfov: float, image_shape: tuple[int, int]
) -> SampledCamera:
    """A camera with square pixels and its principal point in the middle of the image.

    Args:
        pitch: Positive looks down.
        roll: Turn about the optical axis.
        vfov: Vertical field of view.
        image_shape: H, W.

    Shapes: as in `SampledCamera`.
    """
    height, width = image_shape
    focal = height / 2 / np.tan(vfov / 2)
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    angles = torch.tensor([pitch, roll], dtype=torch.float64)
    rotation = pitch_roll_to_rotmat(angles[0], angles[1]).numpy()
    return SampledCamera(pitch, roll, vfov, rotation, intrinsics)


def project(points: np.ndarray, camera: SampledCamera) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and depths of world points; behind the camera the pixels mean nothing.

    Shapes: P points.
        points: (P, 3) m, world.  returns: (P, 2) px, (P,) m.
    """
    in_camera = points @ camera.world2cam_rotmat.T
    depth = in_camera[:, 2]
    scaled = in_camera[:, :2] / np.where(np.abs(depth) < 1e-6, 1e-6, depth)[:, None]
    k = camera.intrinsics
    return scaled * [k[0, 0], k[1, 1]] + k[:2, 2], depth


def pixel_ray(pixel: np.ndarray, camera: SampledCamera) -> np.ndarray:
    """World direction of a pixel, with depth 1 along the optical axis.

    Shapes:
        pixel: (2,) px.  returns: (3,).
    """
    k = camera.intrinsics
    direction = np.array([(pixel[0] - k[0, 2]) / k[0, 0], (pixel[1] - k[1, 2]) / k[1, 1], 1.0])
    return camera.world2cam_rotmat.T @ direction
