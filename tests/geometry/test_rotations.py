import math

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch.autograd import gradcheck, gradgradcheck

from whmr.geometry import (
    axis_angle_to_rotmat,
    euler_to_rotmat,
    is_rotation,
    orthogonalize,
    rot6d_to_rotmat,
    rotation_angle,
    rotmat_to_axis_angle,
    rotmat_to_rot6d,
)

# Around the switches between series and closed form, and up to just below pi.
ANGLES = [0.0, 1e-12, 1e-6, 5e-4, 1e-3, 0.00999, 0.01001, 0.5, 1.5, 2.5, 3.1, math.pi - 1e-5]


def axis_angles(angle: float, count: int = 5) -> torch.Tensor:
    axes = torch.randn(count, 3, dtype=torch.float64)
    axes[0] = torch.tensor([0.0, 0.0, 1.0])
    return angle * axes / axes.norm(dim=-1, keepdim=True)


def rotations(*shape: int) -> torch.Tensor:
    return axis_angle_to_rotmat(torch.randn(*shape, 3, dtype=torch.float64))


@pytest.mark.parametrize('angle', ANGLES)
def test_axis_angle_to_rotmat_agrees_with_scipy(angle: float) -> None:
    axis_angle = axis_angles(angle)
    expected = torch.from_numpy(Rotation.from_rotvec(axis_angle.numpy()).as_matrix())
    torch.testing.assert_close(axis_angle_to_rotmat(axis_angle), expected, rtol=0, atol=1e-14)


def test_axis_angle_zero_is_exactly_the_identity_with_a_known_gradient() -> None:
    axis_angle = torch.zeros(3, requires_grad=True)
    rotmat = axis_angle_to_rotmat(axis_angle)
    assert torch.equal(rotmat.detach(), torch.eye(3))
    (grad,) = torch.autograd.grad(rotmat[2, 1], axis_angle)
    assert torch.equal(grad, torch.tensor([1.0, 0.0, 0.0]))


@pytest.mark.parametrize('angle', ANGLES)
def test_axis_angle_round_trip(angle: float) -> None:
    axis_angle = axis_angles(angle)
    back = rotmat_to_axis_angle(axis_angle_to_rotmat(axis_angle))
    relative = 1e-9 if angle > 3 else 1e-13
    torch.testing.assert_close(back, axis_angle, rtol=0, atol=relative * angle)


@pytest.mark.parametrize('axis', [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, -0.8, 0], [0, 0.6, 0.8]])
def test_half_turn_has_an_angle_of_pi_about_its_axis(axis: list[float]) -> None:
    axis = torch.tensor(axis, dtype=torch.float64)
    rotmat = axis_angle_to_rotmat(math.pi * axis)
    back = rotmat_to_axis_angle(rotmat)
    assert back.norm().item() == pytest.approx(math.pi, abs=1e-12)
    torch.testing.assert_close(axis_angle_to_rotmat(back), rotmat, rtol=0, atol=1e-12)


@pytest.mark.parametrize('angle', ANGLES)
def test_gradients_of_axis_angle_conversions(angle: float) -> None:
    axis_angle = axis_angles(angle, 3).requires_grad_()
    assert gradcheck(axis_angle_to_rotmat, axis_angle, atol=1e-8)
    # As the free numbers of a matrix, in every branch of the quaternion.
    rotmat = axis_angle_to_rotmat(axis_angle).detach().requires_grad_()
    if angle < 3.14:
        assert gradcheck(rotmat_to_axis_angle, rotmat, eps=1e-7, atol=1e-5, rtol=1e-4)
    assert gradcheck(
        lambda a: rotmat_to_axis_angle(axis_angle_to_rotmat(a)), axis_angle, eps=1e-7, atol=1e-5
    )


def test_second_derivatives_at_zero() -> None:
    axis_angle = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(axis_angle_to_rotmat, axis_angle)


@pytest.mark.parametrize('angle', [math.pi, math.pi - 1e-7])
def test_gradient_stays_finite_at_pi(angle: float) -> None:
    rotmat = axis_angle_to_rotmat(axis_angles(angle).float()).requires_grad_()
    rotmat_to_axis_angle(rotmat).sum().backward()
    assert torch.isfinite(rotmat.grad).all()


@pytest.mark.parametrize('count', [1, 2, 3, 4])
def test_rot6d_round_trip_and_row_major_layout(count: int) -> None:
    rotmat = rotations(count)
    rot6d = rotmat_to_rot6d(rotmat)
    m = rotmat
    layout = [m[:, 0, 0], m[:, 0, 1], m[:, 1, 0], m[:, 1, 1], m[:, 2, 0], m[:, 2, 1]]
    assert torch.equal(rot6d, torch.stack(layout, -1))
    torch.testing.assert_close(rot6d_to_rotmat(rot6d), rotmat, rtol=0, atol=1e-14)


def test_rot6d_ignores_the_length_of_its_columns() -> None:
    rot6d = rotmat_to_rot6d(rotations(3))
    scaled = rot6d * torch.tensor([2.0, 5.0] * 3, dtype=torch.float64)
    torch.testing.assert_close(rot6d_to_rotmat(scaled), rot6d_to_rotmat(rot6d))


def test_rot6d_gradient() -> None:
    rot6d = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    assert gradcheck(rot6d_to_rotmat, rot6d)


def test_euler_is_rx_ry_rz() -> None:
    angles = torch.randn(3, 7, dtype=torch.float64)
    expected = Rotation.from_euler('XYZ', angles.T.numpy()).as_matrix()
    torch.testing.assert_close(
        euler_to_rotmat(*angles), torch.from_numpy(expected), rtol=0, atol=1e-14
    )
    assert gradcheck(euler_to_rotmat, tuple(angles[:, :3].requires_grad_().unbind(0)))


@pytest.mark.parametrize('shape', [(1,), (3,), (3, 3), (3, 1), (2, 24)])
def test_orthogonalize_gives_rotations_at_every_batch_size(shape: tuple[int, ...]) -> None:
    raw = torch.randn(*shape, 3, 3, dtype=torch.float64)
    out = orthogonalize(raw)
    assert is_rotation(out, 1e-10).all()
    for got, one in zip(out.flatten(0, -3), raw.flatten(0, -3)):
        torch.testing.assert_close(got, orthogonalize(one), rtol=0, atol=1e-14)


def test_orthogonalize_leaves_rotations_alone_and_is_differentiable() -> None:
    rotmat = rotations(3)
    torch.testing.assert_close(orthogonalize(rotmat), rotmat, rtol=0, atol=1e-14)
    raw = torch.randn(3, 3, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(orthogonalize, raw)


@pytest.mark.parametrize('angle', [0.0, 1e-9, 1e-4, 1.0, 3.0, math.pi - 1e-6, math.pi])
def test_rotation_angle_is_the_angle_turned(angle: float) -> None:
    a = rotations(5)
    b = a @ axis_angle_to_rotmat(axis_angles(angle))
    expected = torch.full((5,), angle, dtype=torch.float64)
    torch.testing.assert_close(rotation_angle(a, b), expected, atol=1e-11, rtol=0)
    torch.testing.assert_close(rotation_angle(a, b), rotation_angle(b, a))


def test_rotation_angle_has_a_finite_gradient_at_zero() -> None:
    a = rotations(3).requires_grad_()
    rotation_angle(a, a.detach()).sum().backward()
    assert torch.isfinite(a.grad).all()
    b = rotations(3)
    assert gradcheck(lambda m: rotation_angle(m, b), rotations(3).requires_grad_())


def test_is_rotation_refuses_reflections_scalings_and_nan() -> None:
    rotmat = rotations(3)
    assert is_rotation(rotmat).tolist() == [True] * 3
    bad = torch.stack([-rotmat[0], 1.01 * rotmat[1], torch.full((3, 3), math.nan).double()])
    assert is_rotation(bad).tolist() == [False] * 3


@pytest.mark.parametrize(
    ('function', 'shape', 'name'),
    [
        (axis_angle_to_rotmat, (2, 4), 'axis_angle'),
        (rotmat_to_axis_angle, (2, 9), 'rotmat'),
        (rot6d_to_rotmat, (2, 3, 2), 'rot6d'),
        (rotmat_to_rot6d, (2, 3, 2), 'rotmat'),
        (orthogonalize, (2, 9), 'matrix'),
        (is_rotation, (3, 2), 'matrix'),
    ],
)
def test_wrong_shapes_are_named(function, shape: tuple[int, ...], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        function(torch.zeros(shape))


def test_rotation_angle_refuses_shapes_that_would_pair_wrong_rows() -> None:
    with pytest.raises(ValueError, match='do not pair'):
        rotation_angle(rotations(3), rotations(3, 1))


@pytest.mark.parametrize(
    ('name', 'function', 'atol'),
    [
        ('batch_rodrigues', axis_angle_to_rotmat, 1e-6),
        ('rot6d_to_rotmat', rot6d_to_rotmat, 1e-6),
        ('rotmat_to_rot6d', rotmat_to_rot6d, 0),
        ('unbiased_gram_schmidt', orthogonalize, 1e-6),
        ('rotation_matrix_to_angle_axis', rotmat_to_axis_angle, 1e-6),
    ],
)
def test_reference_values(unit, name: str, function, atol: float) -> None:
    got = function(unit(f'{name}/inp'))
    torch.testing.assert_close(got, unit(f'{name}/out'), rtol=0, atol=atol)


def test_reference_euler(unit) -> None:
    got = euler_to_rotmat(*unit('batch_euler2matrix/inp').unbind(-1))
    torch.testing.assert_close(got, unit('batch_euler2matrix/out'), rtol=0, atol=1e-6)


def test_batch_of_three_is_not_the_release_s_bug(unit) -> None:
    got = orthogonalize(unit('gram_schmidt_batch3_bug/inp'))
    one_by_one = unit('gram_schmidt_batch3_bug/out_one_by_one')
    torch.testing.assert_close(got, one_by_one, rtol=0, atol=1e-6)
    assert (got - unit('gram_schmidt_batch3_bug/out_batch3')).abs().max() > 0.5
