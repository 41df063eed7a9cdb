"""Keypoint2DLoss."""

import math

import pytest
import torch

from whmr.models import Keypoint2DLoss


def sample(batch=3):
    conf = torch.rand(batch, 49)
    conf[:, ::5] = 0
    return torch.randn(batch, 49, 2), torch.randn(batch, 49, 2), conf


def test_matches_the_reference(units):
    pred, gt = units('keypoint_loss/pred'), units('keypoint_loss/gt')
    value = Keypoint2DLoss(1.0)(pred, gt[..., :2], gt[..., 2])
    torch.testing.assert_close(value, units('keypoint_loss/mean'))
    torch.testing.assert_close(value, units('keypoint_loss/elementwise').mean())


def test_full_image_term_matches_the_reference(units):
    pred, gt = units('keypoint_loss/pred'), units('keypoint_loss/gt')
    ratio = units('keypoint_loss/orig_hw') / units('keypoint_loss/bbox_hw')
    scale = ratio.flip(-1)  # x by W / box width, y by H / box height
    torch.testing.assert_close(scale, units('keypoint_loss/lam_xy')[:, 0])
    value = Keypoint2DLoss(1.0)(pred, gt[..., :2], gt[..., 2], scale)
    torch.testing.assert_close(value, units('keypoint_loss/mean_world'))


@pytest.mark.parametrize('openpose_weight', [0.0, 0.3])
def test_value(openpose_weight):
    pred, target, conf = sample()
    scale = torch.rand(3, 2) + 0.5
    weight = conf * torch.where(torch.arange(49) < 25, openpose_weight, 1.0)
    error = weight[..., None] * scale[:, None] * (pred - target) ** 2
    loss = Keypoint2DLoss(7.0, openpose_weight=openpose_weight)
    torch.testing.assert_close(loss(pred, target, conf, scale), 7 * error.sum() / (3 * 49 * 2))
    assert Keypoint2DLoss().weight == 300.0


def test_confidence_is_left_as_it_is():
    pred, target, conf = sample()
    before = conf.clone()
    Keypoint2DLoss()(pred, target, conf)
    assert torch.equal(conf, before)


def test_zero_at_the_truth_and_only_there():
    _, target, conf = sample()
    assert Keypoint2DLoss()(target.clone(), target, conf) == 0
    for joint, counts in ((24, False), (25, False), (26, True)):  # OpenPose; unlabelled; labelled
        moved = target.clone()
        moved[0, joint] += 1
        assert (Keypoint2DLoss()(moved, target, conf) > 0) == counts


def test_unlabelled_joints_give_no_gradient_and_no_nan():
    pred, target, conf = sample()
    pred.requires_grad_()
    target[conf == 0] = math.nan
    value = Keypoint2DLoss(openpose_weight=1.0)(pred, target, conf)
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(pred.grad).all()
    assert (pred.grad[conf == 0] == 0).all() and (pred.grad[conf > 0] != 0).all()


def test_without_labels_a_zero_that_back_propagates():
    pred = torch.randn(3, 49, 2, requires_grad=True)
    value = Keypoint2DLoss()(pred, torch.full((3, 49, 2), math.nan), torch.zeros(3, 49))
    assert value == 0
    value.backward()
    assert (pred.grad == 0).all()


def test_gradient():
    pred, target, conf = (x.double() for x in sample())
    scale = torch.rand(3, 2, dtype=torch.float64)
    loss = Keypoint2DLoss()
    assert torch.autograd.gradcheck(lambda x: loss(x, target, conf, scale), pred.requires_grad_())


@pytest.mark.parametrize(
    'shapes, name',
    [
        (((3, 24, 2), (3, 24, 2), (3, 24), None), 'pred'),
        (((3, 49, 2), (3, 49, 2), (3, 24), None), 'conf'),
        (((3, 49, 2), (3, 49, 2), (3, 49), (3,)), 'scale'),
        (((3, 49, 2), (1, 49, 2), (3, 49), None), 'differ in shape'),
    ],
)
def test_wrong_shapes_are_refused(shapes, name):
    args = [None if shape is None else torch.zeros(shape) for shape in shapes]
    with pytest.raises(ValueError, match=name):
        Keypoint2DLoss()(*args)
