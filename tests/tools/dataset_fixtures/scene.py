"""A person before a camera whose every label is known: what the fixtures of data sets are made of.

The person is the free body (its joints stand for SMPL's), in a data set's own world: y up or z up,
with a yaw that the library must remove.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch

from whmr.body_models import FreeBody
from whmr.geometry import euler_to_rotmat, rotmat_to_axis_angle

# From a data set's world to x right, y down, z forward.
TO_Y_DOWN = {
    'y': np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
    'z': np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
}


@dataclass(frozen=True)
class Scene:
    """N poses of one person, one camera each.

    Shapes: (N, ...) m, rad, px (OpenCV's: pixel centres at whole numbers).
        joints: (N, 54, 3) data set's world; in_camera: the same in camera axes.
        poses: (N, 72) in the data set's world; trans: (N, 3); rotmat, world2cam: (N, 3, 3);
        cam_transl: (N, 3); camera: (3, 3); orient_world: (N, 3, 3) model to our world.
    """

    joints: np.ndarray
    in_camera: np.ndarray
    poses: np.ndarray
    betas: np.ndarray
    trans: np.ndarray
    rotmat: np.ndarray
    cam_transl: np.ndarray
    camera: np.ndarray
    world2cam: np.ndarray
    orient_world: np.ndarray
    size: tuple[int, int]  # W, H

    @property
    def pixels(self) -> np.ndarray:
        """Joints in the photos, (N, 54, 2) px, OpenCV's."""
        pixels = self.in_camera @ self.camera.T
        return pixels[..., :2] / pixels[..., 2:]


@cache
def body() -> FreeBody:
    """The body of all scenes."""
    return FreeBody()


def make_scene(
    num: int,
    *,
    up: str = 'y',
    size: tuple[int, int] = (320, 240),
    still: bool = False,
    seed: int = 0,
) -> Scene:
    """Poses and cameras.

    Args:
        num: How many.
        up: The data set's up axis.
        size: W, H of the photos.
        still: One camera for all.
        seed: Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    angles = torch.from_numpy(rng.uniform(-0.4, 0.4, (num, 2)))
    yaw = torch.from_numpy(rng.uniform(-3, 3, num))
    if still:
        angles, yaw = angles[:1].expand(num, 2), yaw[:1].expand(num)
    zero = torch.zeros(num, dtype=torch.float64)
    world2cam = euler_to_rotmat(angles[:, 0], zero, angles[:, 1]).numpy()
    to_world = euler_to_rotmat(zero, yaw, zero).numpy() @ TO_Y_DOWN[up]  # yaw removed, y down
    # Upright people that face the camera more or less.
    turn = torch.from_numpy(rng.uniform(-0.5, 0.5, num))
    tilt = torch.from_numpy(rng.uniform(-0.2, 0.2, (2, num)))
    orient_world = (euler_to_rotmat(tilt[0] + np.pi, turn, tilt[1])).numpy()
    orient = to_world.transpose(0, 2, 1) @ orient_world  # model to the data set's world
    poses = rng.normal(0, 0.15, (num, 72))
    poses[:, :3] = rotmat_to_axis_angle(torch.from_numpy(orient)).numpy()
    betas, trans = rng.normal(0, 0.8, 10), rng.uniform(-2, 2, (num, 3))
    with torch.inference_mode():
        joints = (
            body()(
                torch.from_numpy(betas).float().expand(num, -1),
                torch.from_numpy(poses[:, :3]).float(),
                torch.from_numpy(poses[:, 3:]).float(),
                torch.from_numpy(trans).float(),
            )
            .joints.double()
            .numpy()
        )
    rotmat = world2cam @ to_world
    middle = joints[:, 0] if not still else joints[:, :1].mean(0)
    target = np.array([0.05, 0.1, 4.5 if not still else 9.0])
    cam_transl = target - np.einsum('nij,nj->ni', rotmat, np.broadcast_to(middle, (num, 3)))
    in_camera = np.einsum('nij,nkj->nki', rotmat, joints) + cam_transl[:, None]
    width, height = size
    camera = np.diag([1.1 * width, 1.12 * width, 1.0])
    camera[:2, 2] = width / 2 - 3, height / 2 + 2
    return Scene(
        joints, in_camera, poses, betas, trans, rotmat, cam_transl, camera, world2cam, orient_world,
        size,
    )  # fmt: skip


def write_photo(path: Path, size: tuple[int, int], level: int = 128) -> None:
    """A plain grey JPEG of W, H.

    Args:
        path: The file; missing folders are made.
        size: W, H.
        level: Its grey.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), level, np.uint8))


def frame_level(number: int) -> int:
    """The grey of a video's frame: tells which frame it is."""
    return 16 + 8 * number


def write_video(path: Path, size: tuple[int, int], num: int, codec: str) -> None:
    """A video whose frames are plain greys.

    Args:
        path: The file; missing folders are made.
        size: W, H.
        num: How many frames.
        codec: Four letters.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 50, size)
    assert writer.isOpened()
    for number in range(num):
        writer.write(np.full((size[1], size[0], 3), frame_level(number), np.uint8))
    writer.release()
