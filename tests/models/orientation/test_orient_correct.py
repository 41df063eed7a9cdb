"""OrientCorrect."""

import pytest
import torch
from torch.nn.functional import linear

from whmr.geometry import (
    axis_angle_to_rotmat,
    is_rotation,
    orthogonalize,
    pitch_roll_to_rotmat,
    rotmat_to_rot6d,
)
from whmr.models import OrientCorrect


def inputs(batch=4, feat=7):
    angles = torch.rand(2, batch) - 0.5
    return (
        torch.randn(batch, feat),
        torch.randn(batch, 5),
        pitch_roll_to_rotmat(*angles),
        axis_angle_to_rotmat(torch.randn(batch, 1, 3)),
    )


def small(**changes):
    return OrientCorrect(7, **{'hidden_dim': 16, **changes})


def written_out(m, feat, info, cam, orient, num_iters, act=lambda x: x):
    for _ in range(num_iters):
        x = torch.cat([feat, info, rotmat_to_rot6d(cam), orient.reshape(-1, 9)], dim=1)
        x = act(linear(x, m.fc1.weight, m.fc1.bias))
        x = act(linear(x, m.fc2.weight, m.fc2.bias))
        orient = orient + linear(x, m.decode.weight, m.decode.bias).view(-1, 1, 3, 3)
    return orient


@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize('num_iters', [1, 3])
def test_values(num_iters, relu, wiggle):
    model = wiggle(small(num_iters=num_iters, relu=relu, dropout=0.0))
    args = inputs()
    act = torch.relu if relu else lambda x: x
    expected = written_out(model, *args, num_iters, act)
    torch.testing.assert_close(model(*args), expected, atol=1e-5, rtol=1e-5)
    model.eval()
    torch.testing.assert_close(model(*args), orthogonalize(expected), atol=1e-5, rtol=1e-5)


def test_three_passes_are_not_one(wiggle):
    one, three = wiggle(small()).eval(), wiggle(small(num_iters=3)).eval()
    three.load_state_dict(one.state_dict())
    args = inputs()
    assert (one(*args) - three(*args)).abs().max() > 0.01


def test_rectified_the_answer_is_no_sum_of_its_inputs(wiggle):
    feat, info, cam, orient = inputs()

    def cross_effect(model):
        """What one input changes in the effect of another: none if the module is linear."""
        moved = feat + 3.0

        def change(x, camera):
            return model(x, info, camera, orient) - model(x, info, cam, orient)

        return (change(moved, cam.mT) - change(feat, cam.mT)).abs().max()

    assert cross_effect(wiggle(small(dropout=0.0))) < 1e-5
    assert cross_effect(wiggle(small(relu=True, dropout=0.0))) > 1e-2


def test_input_length_is_the_papers():
    assert OrientCorrect(2144).fc1.weight.shape == (2048, 2164)
    assert OrientCorrect(2144).decode.weight.shape == (9, 2048)


def test_training_is_raw_and_evaluation_a_rotation(wiggle):
    args = inputs()
    model = wiggle(small())
    assert not is_rotation(model(*args), 1e-3).any()
    assert is_rotation(model.eval()(*args), 1e-5).all()
    both = wiggle(small(orthogonalize_training=True))
    assert is_rotation(both(*args), 1e-5).all()


def test_a_new_module_returns_almost_its_input():
    args = inputs()
    model = OrientCorrect(7).eval()
    torch.testing.assert_close(model(*args), args[-1], atol=0.05, rtol=0)


@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize('training', [True, False])
def test_every_parameter_learns(training, relu, assert_all_trained):
    model = small(num_iters=2, relu=relu).train(training)
    out = model(*inputs())
    assert_all_trained(model, (out * torch.randn_like(out)).sum())


@pytest.mark.parametrize('batch', [1, 2, 3, 4])
def test_rows_do_not_depend_on_the_batch(batch, wiggle):
    """Batch 3 is the size at which the authors' release computes along the wrong axis."""
    model = wiggle(small()).eval()
    args = inputs(batch)
    whole = model(*args)
    for i in range(batch):
        row = model(*(x[i : i + 1] for x in args))
        torch.testing.assert_close(row, whole[i : i + 1], atol=1e-5, rtol=1e-5)
    assert is_rotation(whole, 1e-5).all()


def test_it_learns_to_undo_a_camera():
    generator = torch.Generator().manual_seed(5)
    pitch, roll = (torch.rand(2, 16, generator=generator) - 0.5) * 1.2
    cam = pitch_roll_to_rotmat(pitch, roll)
    world = axis_angle_to_rotmat(torch.randn(16, 1, 3, generator=generator))
    feat, info = torch.randn(16, 7, generator=generator), torch.zeros(16, 5)
    model = OrientCorrect(7, hidden_dim=32, dropout=0.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        error = (model(feat, info, cam, cam[:, None] @ world) - world).square().mean()
        error.backward()
        optimiser.step()
    assert error < 1e-3


@pytest.mark.parametrize(
    'which, shape, name',
    [
        (0, (4, 8), 'body_feat'),
        (1, (1, 5), 'global_info'),
        (2, (4, 1, 3, 3), 'world2cam_rotmat'),
        (3, (4, 3, 3), 'global_orient'),
    ],
)
def test_wrong_shapes_are_refused(which, shape, name):
    args = list(inputs())
    args[which] = torch.zeros(shape)
    with pytest.raises(ValueError, match=f'OrientCorrect: {name} must have shape'):
        small()(*args)


def test_no_pass_is_refused():
    with pytest.raises(ValueError, match='num_iters must be at least 1'):
        small(num_iters=0)


@pytest.mark.parametrize('count', [5, 3, 0])
def test_how_much_of_the_global_information_is_read(count, wiggle):
    """All of it, the box alone (the first three numbers), or nothing."""
    model = wiggle(small(global_dim=count)).eval()
    feat, info, *rotations = inputs()
    before = model(feat, info, *rotations)
    for index in range(5):
        changed = info.clone()
        changed[:, index] += 1
        same = torch.equal(model(feat, changed, *rotations), before)
        assert same == (index >= count)


def test_another_length_of_the_global_information_is_refused():
    with pytest.raises(ValueError, match='OrientCorrect: global_dim must be 5'):
        small(global_dim=4)
