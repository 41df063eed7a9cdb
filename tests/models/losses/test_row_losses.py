"""PoseLoss, ShapeLoss and VertexLoss: a mean over the rows that are labelled."""

import math

import pytest
import torch

from whmr.geometry import axis_angle_to_rotmat
from whmr.models import PoseLoss, ShapeLoss, VertexLoss

CASES = [
    (PoseLoss, 60.0, (3, 24, 3, 3), torch.square),
    (PoseLoss, 60.0, (3, 1, 3, 3), torch.square),
    (ShapeLoss, 0.06, (3, 10), torch.square),
    (VertexLoss, 15.0, (3, 7, 3), torch.abs),
]
cases = pytest.mark.parametrize('loss, weight, shape, power', CASES)
HAS = torch.tensor([True, False, True])


def test_pose_and_shape_match_the_reference(units):
    gt = axis_angle_to_rotmat(units('smpl_losses/gt_pose').view(3, 24, 3))
    has = units('smpl_losses/valid')
    pose = PoseLoss(1.0)(units('smpl_losses/rot'), gt, has)
    torch.testing.assert_close(pose, units('smpl_losses/loss_pose'))
    betas = ShapeLoss(1.0)(units('smpl_losses/betas'), units('smpl_losses/gt_betas'), has)
    torch.testing.assert_close(betas, units('smpl_losses/loss_betas'))


def test_vertices_match_the_reference(units):
    args = (units(f'shape_loss/{name}') for name in ('pred', 'gt', 'valid'))
    torch.testing.assert_close(VertexLoss(1.0)(*args), units('shape_loss/loss'))


@cases
def test_value_with_the_default_weight(loss, weight, shape, power):
    pred, target = torch.randn(shape), torch.randn(shape)
    expected = weight * power((pred - target)[HAS]).mean()
    torch.testing.assert_close(loss()(pred, target, HAS), expected)
    torch.testing.assert_close(loss(2.0)(pred, target, HAS), expected * 2 / weight)


@cases
def test_zero_at_the_truth_positive_off_it(loss, weight, shape, power):
    target = torch.randn(shape)
    assert loss()(target.clone(), target, HAS) == 0
    moved = target.clone()
    moved[0] += 0.1
    assert loss()(moved, target, HAS) > 0
    moved = target.clone()
    moved[1] += 0.1  # the row without label
    assert loss()(moved, target, HAS) == 0


@cases
def test_without_labels_a_zero_that_back_propagates(loss, weight, shape, power):
    pred = torch.randn(shape, requires_grad=True)
    value = loss()(pred, torch.full(shape, math.nan), torch.zeros(3, dtype=torch.bool))
    assert value == 0
    value.backward()
    assert (pred.grad == 0).all()


@cases
def test_a_nan_label_poisons_neither_value_nor_gradient(loss, weight, shape, power):
    pred, target = torch.randn(shape, requires_grad=True), torch.randn(shape)
    clean = torch.autograd.grad(loss()(pred, target, HAS), pred)[0]
    target[1] = math.nan
    value = loss()(pred, target, HAS)
    assert torch.isfinite(value)
    torch.testing.assert_close(torch.autograd.grad(value, pred)[0], clean)


@cases
def test_gradient(loss, weight, shape, power):
    pred = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    target = torch.randn(shape, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss()(x, target, HAS), pred)


@cases
def test_shapes_that_would_broadcast_are_refused(loss, weight, shape, power):
    with pytest.raises(ValueError, match='differ in shape'):
        loss()(torch.zeros(shape), torch.zeros(1, *shape[1:]), HAS)
    with pytest.raises(ValueError, match='does not fit'):
        loss()(torch.zeros(shape), torch.zeros(shape), HAS[:2])
