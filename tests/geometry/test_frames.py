import math

import pytest
import torch
from torch.autograd import gradcheck

from whmr.geometry import (
    axis_angle_to_rotmat,
    camera_to_world_orient,
    euler_to_rotmat,
    focal_to_vfov,
    gravity_to_pitch_roll,
    is_rotation,
    pitch_roll_to_rotmat,
    pseudo_focal_length,
    rotmat_to_pitch_roll,
    up_vector,
    vfov_to_focal,
    world2cam_from_extrinsics,
    world_to_camera_orient,
)

DOWN = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)


def angles(*shape: int, limit: float = 1.4) -> torch.Tensor:
    return (torch.rand(*shape, dtype=torch.float64) * 2 - 1) * limit


def rotations(*shape: int) -> torch.Tensor:
    return axis_angle_to_rotmat(torch.randn(*shape, 3, dtype=torch.float64))


def yaw(angle: torch.Tensor) -> torch.Tensor:
    return euler_to_rotmat(torch.zeros_like(angle), angle, torch.zeros_like(angle))


def test_world2cam_is_rx_of_pitch_times_rz_of_roll() -> None:
    pitch, roll = 0.3, -0.2
    cp, sp, cr, sr = math.cos(pitch), math.sin(pitch), math.cos(roll), math.sin(roll)
    rx = torch.tensor([[1, 0, 0], [0, cp, -sp], [0, sp, cp]], dtype=torch.float64)
    rz = torch.tensor([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]], dtype=torch.float64)
    got = pitch_roll_to_rotmat(torch.tensor(pitch).double(), torch.tensor(roll).double())
    torch.testing.assert_close(got, rx @ rz, rtol=0, atol=1e-7)


def test_positive_pitch_looks_down() -> None:
    rotmat = pitch_roll_to_rotmat(torch.tensor(0.4).double(), torch.tensor(0.0).double())
    optical_axis_in_world = rotmat.mT @ torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    assert optical_axis_in_world @ DOWN == pytest.approx(math.sin(0.4))
    # A camera that looks down sees the vertical lean away: gravity has a part along the view.
    assert (rotmat @ DOWN)[2] == pytest.approx(math.sin(0.4))


def test_positive_roll_turns_gravity_to_the_left_of_the_image() -> None:
    rotmat = pitch_roll_to_rotmat(torch.tensor(0.0).double(), torch.tensor(0.3).double())
    expected = torch.tensor([-math.sin(0.3), math.cos(0.3), 0.0]).double()
    torch.testing.assert_close(rotmat @ DOWN, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize('shape', [(1,), (3,), (50,), (3, 2)])
def test_pitch_and_roll_round_trip(shape: tuple[int, ...]) -> None:
    pitch, roll = angles(*shape, limit=3.1), angles(*shape, limit=1.55)
    rotmat = pitch_roll_to_rotmat(pitch, roll)
    assert is_rotation(rotmat, 1e-12).all()
    got_pitch, got_roll = rotmat_to_pitch_roll(rotmat)
    torch.testing.assert_close(got_pitch, pitch, rtol=0, atol=1e-12)
    torch.testing.assert_close(got_roll, roll, rtol=0, atol=1e-12)
    got_pitch, got_roll = gravity_to_pitch_roll(9.81 * rotmat @ DOWN)
    torch.testing.assert_close(got_pitch, pitch, rtol=0, atol=1e-12)
    torch.testing.assert_close(got_roll, roll, rtol=0, atol=1e-12)


def test_yaw_of_the_world_changes_neither_pitch_nor_roll() -> None:
    pitch, roll = angles(10), angles(10)
    rotmat = pitch_roll_to_rotmat(pitch, roll)
    turned = rotmat @ yaw(angles(10, limit=3.0))
    for got, expected in zip(rotmat_to_pitch_roll(turned), (pitch, roll)):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_frame_functions_are_differentiable() -> None:
    pitch, roll = angles(3).requires_grad_(), angles(3).requires_grad_()
    assert gradcheck(pitch_roll_to_rotmat, (pitch, roll))
    gravity = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(gravity_to_pitch_roll, gravity)


@pytest.mark.parametrize(
    'up', [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.6, 0.8)]
)
def test_any_extrinsics_give_the_same_gravity_without_yaw(up: tuple[float, ...]) -> None:
    up_axis = torch.tensor(up, dtype=torch.float64)
    extrinsics = rotations(20)
    ours = world2cam_from_extrinsics(extrinsics, up_axis)
    torch.testing.assert_close(ours @ DOWN, -(extrinsics @ up_axis), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        ours, pitch_roll_to_rotmat(*rotmat_to_pitch_roll(ours)), rtol=0, atol=1e-12
    )
    # What is left between the two worlds is a turn about the vertical.
    turned = extrinsics @ axis_angle_to_rotmat(up_axis * 0.7)
    torch.testing.assert_close(world2cam_from_extrinsics(turned, up_axis), ours, rtol=0, atol=1e-12)


def test_extrinsics_of_our_own_kind_come_back() -> None:
    rotmat = pitch_roll_to_rotmat(angles(5), angles(5))
    torch.testing.assert_close(world2cam_from_extrinsics(rotmat, -DOWN), rotmat)


def test_up_axis_must_be_one_vector() -> None:
    with pytest.raises(ValueError, match='up_axis'):
        world2cam_from_extrinsics(rotations(3), torch.zeros(3, 3))


@pytest.mark.parametrize('batch', [1, 2, 3, 5])
@pytest.mark.parametrize('joint_axis', [False, True])
def test_global_orient_is_r_times_global_orient_world(batch: int, joint_axis: bool) -> None:
    rotmat = pitch_roll_to_rotmat(angles(batch), angles(batch))
    world = rotations(batch, 1) if joint_axis else rotations(batch)
    camera = world_to_camera_orient(world, rotmat)
    assert camera.shape == world.shape
    for b in range(batch):
        torch.testing.assert_close(camera[b], rotmat[b] @ world[b])
    torch.testing.assert_close(camera_to_world_orient(camera, rotmat), world)


def test_one_camera_serves_every_body() -> None:
    rotmat, world = rotations(), rotations(4, 1)
    torch.testing.assert_close(world_to_camera_orient(world, rotmat), rotmat @ world)


@pytest.mark.parametrize('shape', [(2, 1, 3, 3), (2, 3, 3), (1, 3, 3), (3, 1, 1, 3, 3)])
def test_bodies_and_cameras_that_do_not_pair_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='does not pair'):
        camera_to_world_orient(torch.zeros(shape), torch.zeros(3, 3, 3))


def test_up_vector_of_an_upright_person_points_against_gravity() -> None:
    facing_camera = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(up_vector(facing_camera), -DOWN)
    turned = yaw(angles(5, limit=3.0)) @ facing_camera
    torch.testing.assert_close(up_vector(turned), -DOWN.expand(5, 3), rtol=0, atol=1e-12)


def test_field_of_view_and_focal_length() -> None:
    vfov = torch.tensor([math.pi / 2, 2 * math.atan(0.5)], dtype=torch.float64)
    focal = vfov_to_focal(vfov, 600)
    torch.testing.assert_close(focal, torch.tensor([300.0, 600.0], dtype=torch.float64))
    torch.testing.assert_close(focal_to_vfov(focal, 600), vfov)
    torch.testing.assert_close(
        vfov_to_focal(vfov, torch.tensor([600.0, 300.0])), torch.tensor([300.0, 300.0]).double()
    )


def test_pseudo_focal_length_is_the_diagonal() -> None:
    assert pseudo_focal_length(torch.tensor([[3.0, 4.0], [5.0, 12.0]])).tolist() == [5.0, 13.0]


@pytest.mark.parametrize('count', [1, 3])
def test_pitch_and_roll_must_have_one_shape(count: int) -> None:
    with pytest.raises(ValueError, match='pitch and roll'):
        pitch_roll_to_rotmat(torch.zeros(2), torch.zeros(count))
