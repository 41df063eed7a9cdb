"""DepthLoss."""

import math

import pytest
import torch

from whmr.models import DepthLoss

HAS = torch.tensor([True, False, True])


def sample():
    depth = torch.rand(3, 1, 4, 5) * 3 + 0.5
    depth[:, :, 0] = 0
    return torch.randn(3, 1, 4, 5) * 2, depth


def inverse(depth):
    return torch.where(depth > 0, 1 / depth, torch.zeros(()))


def test_matches_the_reference(units):
    pred, gt, has = (units(f'depth_losses/{name}') for name in ('pred', 'gt', 'valid'))
    depth = torch.where(gt > 0, 1 / gt, torch.zeros(()))  # the reference's label is inverse already
    torch.testing.assert_close(DepthLoss()(pred, depth, has), units('depth_losses/loss'))


def test_value():
    pred, depth = sample()
    difference = (pred - inverse(depth)).abs()
    smooth = torch.where(difference < 1, difference**2 / 2, difference - 0.5)
    assert (difference < 1).any() and (difference > 1).any()
    expected = 0.125 * smooth[HAS].sum() / 3
    torch.testing.assert_close(DepthLoss()(pred, depth, HAS), expected)
    torch.testing.assert_close(DepthLoss(2.0)(pred, depth, HAS), 16 * expected)


def test_zero_at_the_truth_background_included():
    _, depth = sample()
    assert DepthLoss()(inverse(depth), depth, HAS) == 0
    moved = inverse(depth)
    moved[0, 0, 0, 0] += 0.1  # a background pixel
    assert DepthLoss()(moved, depth, HAS) > 0


def test_missing_maps_give_no_gradient_and_no_nan():
    pred, depth = sample()
    pred.requires_grad_()
    depth[1] = math.nan
    value = DepthLoss()(pred, depth, HAS)
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(pred.grad).all()
    assert (pred.grad[1] == 0).all() and (pred.grad[0] != 0).all()


def test_without_labels_a_zero_that_back_propagates():
    pred = torch.randn(3, 1, 4, 5, requires_grad=True)
    none = torch.zeros(3, dtype=torch.bool)
    value = DepthLoss()(pred, torch.zeros(3, 1, 4, 5), none)
    assert value == 0
    value.backward()
    assert (pred.grad == 0).all()


def test_gradient():
    pred, depth = (x.double() for x in sample())
    loss = DepthLoss()
    assert torch.autograd.gradcheck(lambda x: loss(x, depth, HAS), pred.requires_grad_())


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match='differ in shape'):
        DepthLoss()(torch.zeros(3, 1, 4, 5), torch.zeros(3, 4, 5), HAS)
