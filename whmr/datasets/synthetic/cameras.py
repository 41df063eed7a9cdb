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


@dataclass(frozen=True)
class Angle:
    """How one angle is drawn: mostly near a mean, else anywhere in a range.

    Args:
        mean: Of the normal distribution.
        sigma: Its standard deviation; 0 draws from the range alone.
        low: Least value.
        high: Largest value.
        near: Share of the draws from the normal distribution.
        mirrored: Give every other draw the other sign.

    Shapes: rad.
    """

    mean: float
    sigma: float
    low: float
    high: float
    near: float
    mirrored: bool = False

    def sample(self, rng: np.random.Generator) -> float:
        """One angle in [low, high], or its mirror image (rad).

        Shapes: none.
        """
        near = rng.random() < self.near
        value = rng.normal(self.mean, self.sigma) if near else rng.uniform(self.low, self.high)
        value = float(np.clip(value, self.low, self.high))
        return -value if self.mirrored and rng.random() < 0.5 else value


@dataclass(frozen=True)
class CameraDistribution:
    """How cameras are turned and how wide they see."""

    pitch: Angle
    roll: Angle
    vfov: Angle


_LIMIT = MAX_ANGLE - 1e-3
# Most photos look slightly down with little roll and a common lens; a fifth to two fifths of the
# draws cover the whole range of each.
COMMON_CAMERAS = CameraDistribution(
    pitch=Angle(0.12, 0.22, -_LIMIT, _LIMIT, near=0.7),
    roll=Angle(0.0, 0.07, -_LIMIT, _LIMIT, near=0.8),
    vfov=Angle(0.95, 0.25, *VFOV_RANGE, near=0.6),
)
# Cameras that are turned far, half of them farther than a calibrator can say.
TILTED_CAMERAS = CameraDistribution(
    pitch=Angle(0.0, 0.0, 0.4, 0.8, near=0.0),
    roll=Angle(0.0, 0.0, 0.1, 0.5, near=0.0, mirrored=True),
    vfov=Angle(0.0, 0.0, 0.5, 1.4, near=0.0),
)


def sample_angles(
    rng: np.random.Generator, cameras: CameraDistribution = COMMON_CAMERAS
) -> tuple[float, float, float]:
    """Pitch, roll and vertical field of view of a camera, rad.

    Args:
        rng: Source of chance.
        cameras: How they are drawn.

    Shapes: none.
    """
    return cameras.pitch.sample(rng), cameras.roll.sample(rng), cameras.vfov.sample(rng)


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
