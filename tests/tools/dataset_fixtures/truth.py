"""People whose every label is known: the truth that the fixtures of several sources are made of.

The free body stands in for SMPL, which cannot be shipped: it has SMPL's parameters and joints. What
a fixture writes in a source's layout, a converter must bring back to these numbers. The free body's
pelvis is at its origin, SMPL's is not: all of it is moved by `SHIFT`, so that a converter which
forgets the pelvis is found out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from whmr.body_models import FreeBody
from whmr.body_models.base import BodyOutput
from whmr.geometry import (
    axis_angle_to_rotmat,
    euler_to_rotmat,
    pitch_roll_to_rotmat,
    rotmat_to_axis_angle,
)
from whmr.keypoints import SMPL54_TO_SPIN49, convert_keypoints

SHIFT = np.array([0.0, -0.22, 0.03])  # m, model axes


@dataclass(frozen=True)
class People:
    """Some people in front of one camera.

    Shapes: N people; m, rad and px, camera axes (x right, y down, z forward).
        betas: (N, 10).  global_orient: (N, 3).  body_pose: (N, 69).  cam_t, pelvis: (N, 3).
        joints: (N, 54, 3), vertices: (N, 6890, 3), where they are.  points: (N, 54, 2) px.
        intrinsics: (3, 3).  world2cam: (3, 3), yaw-free.  rotmat: (3, 3), from a world with y down
        and some yaw; `center` (3,) is where the camera is in it.
    """

    betas: np.ndarray
    global_orient: np.ndarray
    body_pose: np.ndarray
    cam_t: np.ndarray
    pelvis: np.ndarray
    joints: np.ndarray
    vertices: np.ndarray
    points: np.ndarray
    intrinsics: np.ndarray
    world2cam: np.ndarray
    rotmat: np.ndarray
    center: np.ndarray
    ori_shape: tuple[int, int]

    @property
    def boxes(self) -> np.ndarray:
        """Tight boxes of the meshes, (N, 4) xyxy px."""
        pixels = self.vertices @ self.intrinsics.T
        pixels = pixels[..., :2] / pixels[..., 2:]
        return np.concatenate([pixels.min(1), pixels.max(1)], 1)

    @property
    def pose(self) -> np.ndarray:
        """The 72 numbers of SMPL's pose, (N, 72) rad, in the camera."""
        return np.concatenate([self.global_orient, self.body_pose], 1)

    @property
    def orient_world(self) -> np.ndarray:
        """Orientations in the yaw-free world, (N, 3) rad."""
        return to_axis_angle(self.world2cam.T @ to_rotmat(self.global_orient))

    @property
    def spin49(self) -> tuple[np.ndarray, np.ndarray]:
        """The 49 joints of SPIN: px (N, 49, 2), and camera (N, 49, 3) m."""
        return self.points[:, SMPL54_TO_SPIN49], self.joints[:, SMPL54_TO_SPIN49]


class ShiftedBody:
    """The free body with its pelvis where SMPL's is; takes the place of `SMPL` in a tool."""

    def __init__(self, *_: Any) -> None:
        self.body = FreeBody(num_betas=10)

    def __call__(self, *args: torch.Tensor) -> BodyOutput:
        shift = torch.from_numpy(SHIFT).float()
        out = self.body(*args)
        return BodyOutput(vertices=out.vertices + shift, joints=out.joints + shift)


def make_people(
    num: int = 3,
    *,
    seed: int = 0,
    ori_shape: tuple[int, int] = (180, 320),
    pitch: float = 0.2,
    roll: float = 0.0,
    yaw: float = 0.5,
    focal: float = 300.0,
) -> People:
    """Upright people with mild poses at some metres from a camera.

    Args:
        num: How many.
        seed: Seed of everything that is random.
        ori_shape: Height and width of the photo; the principal point is its middle.
        pitch: How far the camera looks down.
        roll: Roll of the camera.
        yaw: Where the camera looks in the world of `rotmat`.
        focal: Focal length, px.
    """
    rng, body = np.random.default_rng(seed), ShiftedBody()
    height, width = ori_shape
    world2cam = pitch_roll_to_rotmat(torch.tensor(pitch).double(), torch.tensor(roll).double())
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0]).double())
    angles = torch.from_numpy(rng.uniform(-0.2, 0.2, (2, num)))
    turns = torch.from_numpy(rng.uniform(-np.pi, np.pi, num))
    orient = world2cam @ euler_to_rotmat(angles[0], turns, angles[1]) @ facing
    betas = rng.uniform(-1, 1, (num, 10))
    body_pose = rng.uniform(-0.2, 0.2, (num, 69))
    out = body(
        torch.from_numpy(betas).float(),
        orient[:, None].float(),
        torch.from_numpy(body_pose).float(),
    )
    joints, vertices = (part.double().numpy() for part in (out.joints, out.vertices))
    pelvis = joints[:, 0]
    depth = focal * 1.7 / (0.55 * height) * rng.uniform(1.0, 1.3, num)
    aside = rng.uniform(-0.25, 0.25, num) * width * depth / focal
    place = np.stack([aside, rng.uniform(-0.05, 0.05, num), depth], 1)
    cam_t = place - pelvis
    joints, vertices = joints + cam_t[:, None], vertices + cam_t[:, None]
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    pixels = joints @ intrinsics.T
    zero = torch.zeros(()).double()
    turn = euler_to_rotmat(zero, torch.tensor(yaw).double(), zero)
    return People(
        betas=betas,
        global_orient=rotmat_to_axis_angle(orient).numpy(),
        body_pose=body_pose,
        cam_t=cam_t,
        pelvis=pelvis,
        joints=joints,
        vertices=vertices,
        points=pixels[..., :2] / pixels[..., 2:],
        intrinsics=intrinsics,
        world2cam=world2cam.numpy(),
        rotmat=(world2cam @ turn).numpy(),
        center=np.array([1.0, -1.6, -2.0]),
        ori_shape=ori_shape,
    )


def to_rotmat(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices of axis-angles."""
    return axis_angle_to_rotmat(torch.from_numpy(np.asarray(vectors, np.float64))).numpy()


def to_axis_angle(matrices: np.ndarray) -> np.ndarray:
    """Axis-angles of rotation matrices."""
    return rotmat_to_axis_angle(torch.from_numpy(np.asarray(matrices, np.float64))).numpy()


def write_photo(path: Path, ori_shape: tuple[int, int], seed: int = 0) -> None:
    """A small smooth picture of the wanted size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, ori_shape[::-1]))


def reprojection_error(columns: dict[str, np.ndarray], joint_set: str) -> np.ndarray:
    """How far the joints of the labelled bodies fall from the labelled 2D joints, px.

    The free body is posed with the annotation file's own parameters and seen with its own camera;
    only joints with a confidence count. (N, K), NaN elsewhere.
    """
    tensors = {name: torch.from_numpy(columns[name]).float() for name in BODY_COLUMNS}
    out = ShiftedBody()(tensors['betas'], tensors['global_orient'], tensors['body_pose'])
    joints, _ = convert_keypoints(out.joints, None, 'smpl54', joint_set)
    placed = joints.double().numpy() + columns['cam_t'][:, None]
    pixels = placed @ columns['intrinsics'].astype(np.float64).transpose(0, 2, 1)
    error = np.linalg.norm(pixels[..., :2] / pixels[..., 2:] - columns['keypoints_2d'], axis=-1)
    return np.where(columns['keypoints_2d_conf'] > 0, error, np.nan)


BODY_COLUMNS = ('betas', 'global_orient', 'body_pose')
