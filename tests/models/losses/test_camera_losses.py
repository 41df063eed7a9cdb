"""FocalLoss, CameraScaleLoss and CameraAngleLoss."""

import math

import pytest
import torch

from whmr.models import CameraAngleLoss, CameraScaleLoss, FocalLoss

SHAPE = torch.tensor([[720.0, 1280.0], [300.0, 400.0]])
HAS = torch.tensor([True, False, True])


def test_focal_value():
    focal = torch.tensor([1000.0, 600.0])
    diagonal = (720**2 + 1280**2) ** 0.5
    expected = 1e-6 * ((1000 - diagonal) ** 2 + (600 - 500) ** 2) / 2
    assert FocalLoss()(focal, SHAPE).item() == pytest.approx(expected, rel=1e-5)
    assert FocalLoss(1.0)(focal, SHAPE).item() == pytest.approx(expected * 1e6, rel=1e-5)


def test_focal_is_zero_at_the_diagonal_only():
    diagonal = SHAPE.square().sum(dim=1).sqrt()
    assert FocalLoss()(diagonal, SHAPE) < 1e-12
    for factor in (0.9, 1.1):
        assert FocalLoss()(factor * diagonal, SHAPE) > 1e-3


def test_focal_gradient():
    focal = torch.tensor([1000.0, 600.0], dtype=torch.float64, requires_grad=True)
    loss = FocalLoss(1e-3)
    assert torch.autograd.gradcheck(lambda x: loss(x, SHAPE.double()), focal)


def test_focal_refuses_wrong_shapes():
    with pytest.raises(ValueError, match='FocalLoss: focal_length'):
        FocalLoss()(torch.zeros(2, 1), SHAPE)
    with pytest.raises(ValueError, match='FocalLoss: full_shape'):
        FocalLoss()(torch.zeros(2), SHAPE[:1])


def test_scale_value():
    cam = torch.tensor([[0.1, 5.0, -5.0], [-0.2, 0.0, 0.0]])
    expected = (math.exp(-2) + math.exp(4)) / 2
    assert CameraScaleLoss()(cam).item() == pytest.approx(expected, rel=1e-5)
    assert CameraScaleLoss(3.0)(cam).item() == pytest.approx(3 * expected, rel=1e-5)


def test_scale_costs_nothing_when_positive_and_much_when_negative():
    scale = torch.tensor([0.9, -0.5])
    values = [CameraScaleLoss()(torch.tensor([[s, 0.0, 0.0]])).item() for s in scale.tolist()]
    assert values[0] < 1e-7 and values[1] > 1e4


def test_scale_gradient_pushes_up_and_leaves_the_translation():
    cam = torch.tensor([[-0.2, 0.3, 0.1]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(CameraScaleLoss(), cam)
    CameraScaleLoss()(cam).backward()
    assert cam.grad[0, 0] < 0 and (cam.grad[0, 1:] == 0).all()


def test_scale_refuses_a_bare_scale():
    with pytest.raises(ValueError, match='CameraScaleLoss: weak_cam'):
        CameraScaleLoss()(torch.ones(4))


@pytest.mark.parametrize('biased', [False, True])
def test_angle_value(biased):
    pred, target = torch.tensor([0.5, 0.0, -0.7]), torch.tensor([0.1, 0.9, 0.3])
    below = 1.0 / 2.0 if biased else 1.0
    expected = (0.16 + below) / 2
    loss = CameraAngleLoss(2.0, biased=biased)
    assert loss(pred, target, HAS).item() == pytest.approx(2 * expected, rel=1e-5)
    assert CameraAngleLoss().weight == 10.0


@pytest.mark.parametrize('biased', [False, True])
def test_angle_zero_at_the_truth_nan_safe_and_connected(biased):
    loss = CameraAngleLoss(biased=biased)
    pred = torch.rand(3, requires_grad=True)
    target = pred.detach().clone()
    target[1] = math.nan
    assert loss(pred, target, HAS) == 0
    loss(pred, target + 0.1, HAS).backward()
    assert torch.isfinite(pred.grad).all() and pred.grad[1] == 0 and (pred.grad[HAS] < 0).all()
    pred.grad = None
    value = loss(pred, target, torch.zeros(3, dtype=torch.bool))
    assert value == 0
    value.backward()
    assert (pred.grad == 0).all()


@pytest.mark.parametrize('biased', [False, True])
def test_angle_gradient(biased):
    pred = torch.tensor([0.5, 0.2, -0.7], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0.1, 0.9, 0.3], dtype=torch.float64)
    loss = CameraAngleLoss(biased=biased)
    assert torch.autograd.gradcheck(lambda x: loss(x, target, HAS), pred)
