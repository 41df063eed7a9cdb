"""Under autocast, geometry keeps its numbers."""

import pytest
import torch

from whmr.geometry import (
    axis_angle_to_rotmat,
    camera_to_world_orient,
    full_precision,
    global_info,
    orthogonalize,
    pitch_roll_to_rotmat,
    project_crop,
    project_full,
    rot6d_to_rotmat,
    rotmat_to_axis_angle,
    world2cam_from_extrinsics,
    world_to_camera_orient,
)

TURNS = axis_angle_to_rotmat(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
POINTS = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(1))
CAMERA = torch.tensor([[0.9, 0.1, -0.2]]).expand(4, 3)
SHAPE = torch.tensor([[1080.0, 1920.0]]).expand(4, 2)


@pytest.mark.parametrize(
    'compute',
    [
        lambda: axis_angle_to_rotmat(POINTS),
        lambda: rotmat_to_axis_angle(TURNS),
        lambda: rot6d_to_rotmat(POINTS[:, :2].flatten(1)),
        lambda: orthogonalize(TURNS + 0.1),
        lambda: pitch_roll_to_rotmat(POINTS[:, 0, 0], POINTS[:, 0, 1]),
        lambda: camera_to_world_orient(TURNS, TURNS.flip(0)),
        lambda: world_to_camera_orient(TURNS, TURNS.flip(0)),
        lambda: world2cam_from_extrinsics(TURNS, torch.tensor([0.0, 0.0, 1.0])),
        lambda: project_crop(POINTS, CAMERA, 256),
        lambda: project_full(POINTS, CAMERA + 5, 1e3 * CAMERA[:, 0], SHAPE),
        lambda: global_info(300 * CAMERA[:, :2], 400 * CAMERA[:, 0], SHAPE),
    ],
)
def test_autocast_changes_nothing(compute) -> None:
    expected = compute()
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(compute(), expected)


def test_products_are_rounded_outside_of_the_context_only() -> None:
    with torch.autocast('cpu', torch.bfloat16):
        assert (TURNS @ TURNS).dtype == torch.bfloat16
        with full_precision(TURNS):
            assert (TURNS @ TURNS).dtype == torch.float32
        assert (TURNS @ TURNS).dtype == torch.bfloat16
