"""People to draw."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from whmr.body_models import FreeBody
from whmr.geometry import axis_angle_to_rotmat
from whmr.visualization import PosedPeople

PHOTO_SHAPE = (120, 160)  # H, W
ARMS_DOWN = {15: -1.1, 16: 1.1}  # row of body_pose -> turn about z, rad


@pytest.fixture(scope='session')
def body() -> FreeBody:
    """The bundled body."""
    return FreeBody()


@pytest.fixture(scope='session')
def make_people(body: FreeBody) -> Callable[..., PosedPeople]:
    """Upright (in the world) people with hanging arms, one per row of `cam_t`."""

    def make(
        cam_t: list[list[float]],
        focal_length: list[float],
        rotmat: np.ndarray | None = None,
        *,
        world: bool = True,
    ) -> PosedPeople:
        count = len(cam_t)
        rotation = torch.eye(3) if rotmat is None else torch.from_numpy(rotmat).float()
        turns = torch.zeros(count, 23, 3)
        for row, angle in ARMS_DOWN.items():
            turns[:, row, 2] = angle
        pose = axis_angle_to_rotmat(turns)
        orient = body.mean_params.global_orient.expand(count, 1, 3, 3)
        betas = torch.zeros(count, body.num_betas)
        seen = body(betas=betas, global_orient=rotation @ orient, body_pose=pose)
        true = body(betas=betas, global_orient=orient, body_pose=pose)
        height, width = PHOTO_SHAPE
        pixels = seen.vertices.numpy() + np.array(cam_t, dtype=np.float32).reshape(-1, 1, 3)
        focal = np.array(focal_length)[:, None, None]
        pixels = focal * pixels[..., :2] / pixels[..., 2:] + [width / 2, height / 2]
        return PosedPeople(
            seen.vertices.numpy(),
            body.faces.numpy(),
            np.array(cam_t, dtype=np.float32).reshape(-1, 3),
            np.array(focal_length, dtype=np.float32),
            true.vertices.numpy() if world else None,
            seen.joints[:, 0].numpy(),
            rotation.numpy() if world else None,
            joints=body.joints49(seen.joints).numpy(),
            boxes=np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1),
        )

    return make


@pytest.fixture
def photo(rng: np.random.Generator) -> np.ndarray:
    """A 120 x 160 RGB picture of grey noise."""
    return rng.integers(90, 160, (*PHOTO_SHAPE, 3), dtype=np.uint8)
