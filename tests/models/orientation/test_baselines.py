"""RotationMultiply and Uncorrected."""

import pytest
import torch

from whmr.geometry import axis_angle_to_rotmat, pitch_roll_to_rotmat
from whmr.models import RotationMultiply, Uncorrected


@pytest.fixture(params=[1, 3, 4])
def scene(request):
    """Feature, information, camera, orientation in the world."""
    batch = request.param
    cam = pitch_roll_to_rotmat(*(torch.rand(2, batch) - 0.5))
    world = axis_angle_to_rotmat(torch.randn(batch, 1, 3))
    return torch.randn(batch, 7), torch.randn(batch, 5), cam, world


def test_multiplying_undoes_an_exact_camera(scene):
    feat, info, cam, world = scene
    out = RotationMultiply()(feat, info, cam, cam[:, None] @ world)
    torch.testing.assert_close(out, world, atol=1e-6, rtol=1e-6)


def test_multiplying_gives_gradient_to_both_rotations(scene):
    feat, info, cam, world = scene
    cam, world = cam.clone().requires_grad_(), world.clone().requires_grad_()
    RotationMultiply()(feat, info, cam, world)[..., 0, 0].sum().backward()
    assert cam.grad.abs().sum() > 0 and world.grad.abs().sum() > 0


def test_uncorrected_is_right_for_a_level_camera_only(scene):
    feat, info, cam, world = scene
    level = torch.eye(3).expand_as(cam)
    module = Uncorrected()
    torch.testing.assert_close(module(feat, info, level, level[:, None] @ world), world)
    assert (module(feat, info, cam, cam[:, None] @ world) - world).abs().max() > 0.01


@pytest.mark.parametrize('module', [RotationMultiply(), Uncorrected()])
def test_baselines_have_nothing_to_train_and_check_shapes(module):
    assert not list(module.parameters())
    with pytest.raises(ValueError, match='global_orient must have shape'):
        module(torch.zeros(2, 7), torch.zeros(2, 5), torch.zeros(2, 3, 3), torch.zeros(2, 3, 3))


def test_a_camera_of_another_batch_is_refused():
    with pytest.raises(ValueError, match='world2cam_rotmat must have shape'):
        RotationMultiply()(
            torch.zeros(2, 7), torch.zeros(2, 5), torch.zeros(1, 3, 3), torch.zeros(2, 1, 3, 3)
        )
