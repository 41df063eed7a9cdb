"""ParameterRegressor."""

import pytest
import torch
from torch.nn.functional import linear

from whmr.geometry import (
    axis_angle_to_rotmat,
    is_rotation,
    rot6d_to_rotmat,
    rotmat_to_rot6d,
)
from whmr.models import ParameterRegressor, RegressorOutput

NAMES = ('feat', 'global_info', 'pose', 'betas', 'weak_cam')


def inputs(batch=4, feat=7):
    return (
        torch.randn(batch, feat),
        torch.randn(batch, 5),
        torch.randn(batch, 24, 3, 3),
        torch.randn(batch, 10),
        torch.randn(batch, 3),
    )


def small(**changes):
    return ParameterRegressor(7, **{'hidden_dim': 16, **changes})


def one_pass(m, feat, info, pose, betas, cam):
    """The formula, written out."""
    x = torch.cat([feat, info, pose.reshape(-1, 216), betas, cam], dim=1)
    x = linear(linear(x, m.fc1.weight, m.fc1.bias), m.fc2.weight, m.fc2.bias)
    return (
        pose + linear(x, m.decode_pose.weight, m.decode_pose.bias).view(-1, 24, 3, 3),
        betas + linear(x, m.decode_betas.weight, m.decode_betas.bias),
        cam + linear(x, m.decode_cam.weight, m.decode_cam.bias),
    )


@pytest.mark.parametrize('num_iters', [1, 3])
def test_values(num_iters, wiggle):
    model = wiggle(small(num_iters=num_iters)).eval()
    feat, info, *state = inputs()
    out = model(feat, info, *state)
    assert isinstance(out, RegressorOutput)
    for _ in range(num_iters):
        state = one_pass(model, feat, info, *state)
    for got, expected in zip(out, state):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_sizes_are_those_of_the_paper():
    assert ParameterRegressor(2016).fc1.weight.shape == (1024, 2250)
    assert ParameterRegressor(2144).fc1.weight.shape == (1024, 2378)


def test_a_new_regressor_changes_little():
    model = ParameterRegressor(7).eval()
    for decoder in (model.decode_pose, model.decode_betas, model.decode_cam):
        bound = 0.01 * (6 / sum(decoder.weight.shape)) ** 0.5
        assert 0 < decoder.weight.abs().max() <= bound


def test_dropout_only_in_training():
    model = small()
    args = inputs()
    assert not torch.equal(model(*args).pose, model(*args).pose)
    model.eval()
    assert torch.equal(model(*args).pose, model(*args).pose)
    still = small(dropout=0.0)
    assert torch.equal(still(*args).pose, still(*args).pose)


def test_every_parameter_learns(assert_all_trained):
    model = small(num_iters=2)
    out = model(*inputs())
    assert_all_trained(model, sum((x * torch.randn_like(x)).sum() for x in out))


def test_batch_of_one_is_a_row_of_a_batch():
    model = small().eval()
    args = inputs()
    for one, many in zip(model(*(x[2:3] for x in args)), model(*args)):
        torch.testing.assert_close(one, many[2:3], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('which, name', list(enumerate(NAMES)))
def test_wrong_shapes_are_refused(which, name):
    args = list(inputs())
    args[which] = args[which][:, :2]
    with pytest.raises(ValueError, match=f'ParameterRegressor: {name}'):
        small()(*args)


def test_a_batch_that_would_broadcast_is_refused():
    feat, info, pose, betas, cam = inputs()
    with pytest.raises(ValueError, match='ParameterRegressor: betas'):
        small()(feat, info, pose, betas[:1], cam)


def test_no_pass_is_refused():
    with pytest.raises(ValueError, match='num_iters must be at least 1'):
        small(num_iters=0)


def test_a_6d_pose_is_corrected_as_six_numbers(wiggle):
    model = wiggle(small(pose_format='rot6d', global_dim=0, num_iters=2)).eval()
    assert model.fc1.weight.shape == (16, 7 + 144 + 13)
    feat, info, _, betas, cam = inputs()
    pose = axis_angle_to_rotmat(torch.randn(4, 24, 3))
    out = model(feat, info, pose, betas, cam)
    six = rotmat_to_rot6d(pose)
    for _ in range(2):
        x = torch.cat([feat, six.flatten(1), betas, cam], dim=1)
        x = linear(linear(x, model.fc1.weight, model.fc1.bias), model.fc2.weight, model.fc2.bias)
        six = six + linear(x, model.decode_pose.weight, model.decode_pose.bias).view(-1, 24, 6)
        betas = betas + linear(x, model.decode_betas.weight, model.decode_betas.bias)
        cam = cam + linear(x, model.decode_cam.weight, model.decode_cam.bias)
    torch.testing.assert_close(out.pose, rot6d_to_rotmat(six), atol=1e-5, rtol=1e-5)
    assert is_rotation(out.pose, 1e-4).all()
    with pytest.raises(ValueError, match='pose_format'):
        small(pose_format='quaternion')


@pytest.mark.parametrize('count', [5, 3, 0])
def test_how_much_of_the_global_information_is_read(count, wiggle):
    """All of it, the box alone (the first three numbers), or nothing."""
    model = wiggle(small(global_dim=count)).eval()
    assert model.fc1.in_features == 7 + count + 216 + 10 + 3
    feat, info, *state = inputs()
    info.requires_grad_()
    out = model(feat, info, *state)
    (gradient,) = torch.autograd.grad(out.pose.sum(), info)
    assert ((gradient != 0).any(dim=0) == (torch.arange(5) < count)).all()


def test_another_length_of_the_global_information_is_refused():
    with pytest.raises(ValueError, match='ParameterRegressor: global_dim must be 5'):
        small(global_dim=4)
