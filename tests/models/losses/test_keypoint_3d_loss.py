"""Keypoint3DLoss."""

import math

import pytest
import torch

from whmr.keypoints import JOINT_SETS
from whmr.models import Keypoint3DLoss
from whmr.models.losses.keypoint_2d_loss import NUM_OPENPOSE
from whmr.models.losses.keypoint_3d_loss import HIPS

HAS = torch.tensor([True, False, True])


def sample():
    conf = torch.rand(3, 49)
    conf[:, 35] = 0
    return torch.randn(3, 49, 3), torch.randn(3, 49, 3), conf


def test_the_table_agrees_with_the_joint_sets():
    names = JOINT_SETS['spin49'].joints
    assert all(name.startswith('op_') for name in names[:NUM_OPENPOSE])
    assert not any(name.startswith('op_') for name in names[NUM_OPENPOSE:])
    right, left = names[NUM_OPENPOSE:][HIPS]
    assert 'right_hip' in right and 'left_hip' in left


def test_matches_the_reference(units):
    pred, gt = units('keypoint_3d_loss/pred'), units('keypoint_3d_loss/gt')
    target, conf = torch.zeros(3, 49, 3), torch.zeros(3, 49)
    target[:, 25:], conf[:, 25:] = gt[..., :3], gt[..., 3]
    value = Keypoint3DLoss(1.0)(pred, target, conf, units('keypoint_3d_loss/valid'))
    torch.testing.assert_close(value, units('keypoint_3d_loss/loss'))


def test_value():
    pred, target, conf = sample()
    p, t = pred[:, 25:], target[:, 25:]
    p = p - (p[:, 2:3] + p[:, 3:4]) / 2
    t = t - (t[:, 2:3] + t[:, 3:4]) / 2
    expected = (conf[:, 25:, None] * (p - t) ** 2)[HAS].mean()
    torch.testing.assert_close(Keypoint3DLoss(7.0)(pred, target, conf, HAS), 7 * expected)
    everywhere = Keypoint3DLoss(7.0)(pred, target, None, HAS)
    torch.testing.assert_close(everywhere, 7 * ((p - t) ** 2)[HAS].mean())
    assert Keypoint3DLoss().weight == 300.0


def test_translation_does_not_matter():
    pred, target, conf = sample()
    value = Keypoint3DLoss()(pred, target, conf, HAS)
    moved = Keypoint3DLoss()(pred + torch.randn(3, 1, 3), target + 2, conf, HAS)
    torch.testing.assert_close(value, moved, atol=1e-2, rtol=1e-5)


def test_zero_at_the_truth_and_only_there():
    _, target, conf = sample()
    loss = Keypoint3DLoss()
    assert loss(target.clone(), target, conf, HAS) == 0
    for row, joint, counts in ((0, 24, False), (0, 35, False), (1, 26, False), (0, 26, True)):
        moved = target.clone()
        moved[row, joint] += 1
        assert (loss(moved, target, conf, HAS) > 0) == counts


@pytest.mark.parametrize('hip', [27, 28])
def test_a_row_without_hips_counts_as_unlabelled(hip):
    pred, target, conf = sample()
    expected = Keypoint3DLoss()(pred[:1], target[:1], conf[:1], HAS[:1])
    conf[2, hip] = 0
    target[2, hip] = math.nan
    torch.testing.assert_close(Keypoint3DLoss()(pred, target, conf, HAS), expected)


def test_missing_labels_give_no_gradient_and_no_nan():
    pred, target, conf = sample()
    pred.requires_grad_()
    target[conf == 0] = math.nan
    target[1] = math.nan
    value = Keypoint3DLoss()(pred, target, conf, HAS)
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(pred.grad).all()
    assert (pred.grad[1] == 0).all() and (pred.grad[:, :25] == 0).all()
    assert (pred.grad[:, 35] == 0).all() and (pred.grad[0, 26] != 0).all()


def test_without_labels_a_zero_that_back_propagates():
    pred = torch.randn(3, 49, 3, requires_grad=True)
    nan = torch.full((3, 49, 3), math.nan)
    value = Keypoint3DLoss()(pred, nan, torch.zeros(3, 49), torch.zeros(3, dtype=torch.bool))
    assert value == 0
    value.backward()
    assert (pred.grad == 0).all()


def test_gradient():
    pred, target, conf = (x.double() for x in sample())
    loss = Keypoint3DLoss()
    assert torch.autograd.gradcheck(lambda x: loss(x, target, conf, HAS), pred.requires_grad_())


@pytest.mark.parametrize(
    'shapes, name',
    [
        (((3, 24, 3), (3, 24, 3), (3, 24), (3,)), 'pred'),
        (((3, 49, 3), (1, 49, 3), (3, 49), (3,)), 'target'),
        (((3, 49, 3), (3, 49, 3), (3, 49, 1), (3,)), 'conf'),
        (((3, 49, 3), (3, 49, 3), (3, 49), (1,)), 'has'),
    ],
)
def test_wrong_shapes_are_refused(shapes, name):
    with pytest.raises(ValueError, match=f'Keypoint3DLoss: {name}'):
        Keypoint3DLoss()(*(torch.zeros(shape) for shape in shapes))
