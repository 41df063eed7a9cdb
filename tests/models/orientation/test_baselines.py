"""RotationMultiply and Uncorrected."""

import pytest
import torch

from whmr.geometry import axis_angle_to_rotmat, pitch_roll_to_rotmat, rotmat_to_pitch_roll
from whmr.models import DirectRegression, NoisyRotation, RotationMultiply, Uncorrected


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


def test_direct_regression_never_sees_the_orientation(scene, wiggle):
    feat, info, cam, world = scene
    module = wiggle(DirectRegression(7, hidden_dim=16)).eval()
    out = module(feat, info, cam, world)
    torch.testing.assert_close(module(feat, info, cam, world.mT.contiguous()), out)
    assert (module(feat, info, cam.mT, world) - out).abs().max() > 1e-3
    assert (module(feat + 1, info, cam, world) - out).abs().max() > 1e-3
    assert (module(feat, info + 1, cam, world) - out).abs().max() > 1e-3
    # It is OrientCorrect, started upright.
    start = torch.diag(torch.tensor([1.0, -1.0, -1.0])).expand(len(feat), 1, 3, 3)
    torch.testing.assert_close(module.regressor(feat, info, cam, start), out)
    assert module.regressor.num_iters == 3


@pytest.mark.parametrize('relu', [False, True])
def test_direct_regression_learns_an_orientation_from_the_feature(relu, assert_all_trained):
    torch.manual_seed(3)
    feat, info = torch.randn(12, 7), torch.zeros(12, 5)
    cam = pitch_roll_to_rotmat(*(torch.rand(2, 12) - 0.5))
    world = axis_angle_to_rotmat(torch.randn(12, 1, 3))
    module = DirectRegression(7, hidden_dim=32, dropout=0.0, num_iters=1, relu=relu)
    assert isinstance(module.regressor.activation, torch.nn.ReLU) == relu
    out = module(feat, info, cam, world)
    assert_all_trained(module, (out * torch.randn_like(out)).sum())
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    first = None
    for _ in range(200):
        error = (module(feat, info, cam, cam[:, None] @ world) - world).square().mean()
        first = error.item() if first is None else first
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
    assert error < 0.1 * first


def test_direct_regression_checks_what_it_is_given(scene):
    feat, info, cam, world = scene
    with pytest.raises(ValueError, match='DirectRegression: global_orient must have shape'):
        DirectRegression(7, hidden_dim=8)(feat, info, cam, world[:, 0])
    with pytest.raises(ValueError, match='body_feat must have shape'):
        DirectRegression(8, hidden_dim=8)(feat, info, cam, world)


@pytest.mark.parametrize('degrees', [(0.0, 0.0), (10.0, 10.0), (3.0, 20.0)])
def test_noise_tilts_gravity_by_its_angle(degrees):
    cam = pitch_roll_to_rotmat(*(torch.rand(2, 500, dtype=torch.float64) - 0.5))
    noisy = NoisyRotation(RotationMultiply(), degrees).tilt(cam)
    angle = torch.rad2deg((cam[:, :, 1] * noisy[:, :, 1]).sum(1).clamp(-1, 1).acos())
    low, high = degrees
    assert (angle > low - 1e-3).all() and (angle < high + 1e-3).all()
    if high > low:
        assert angle.min() < low + 1 and angle.max() > high - 1
    pitch, roll = rotmat_to_pitch_roll(noisy)
    torch.testing.assert_close(pitch_roll_to_rotmat(pitch, roll), noisy)  # no yaw comes in
    error = noisy[:, :, 1] - cam[:, :, 1]
    assert error.mean(0).abs().max() < 0.03  # to no side more than to another


def test_noise_reaches_the_module_inside(scene, wiggle, assert_all_trained):
    feat, info, cam, world = scene
    inner = dict(type='OrientCorrect', feat_dim=7, hidden_dim=16, dropout=0.0)
    module = wiggle(NoisyRotation(inner, (0.0, 0.0)))
    out = module(feat, info, cam, world)
    torch.testing.assert_close(out, module.orientation(feat, info, cam, world), atol=1e-4, rtol=0)
    assert_all_trained(module, (out * torch.randn_like(out)).sum())
    module.degrees = (10.0, 10.0)
    assert (module(feat, info, cam, world) - out).abs().max() > 1e-3
    with pytest.raises(ValueError, match='degrees'):
        NoisyRotation(inner, (5.0, 1.0))
