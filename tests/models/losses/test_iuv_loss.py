"""IUVLoss."""

import math

import pytest
import torch
import torch.nn.functional as F

from whmr.models import IUVLoss
from whmr.models.losses import iuv_target_maps

HAS = torch.tensor([True, False, True])
NAMES = ('loss_iuv_u', 'loss_iuv_v', 'loss_iuv_index', 'loss_iuv_annotation')


def outputs(dtype=torch.float32):
    return [torch.randn(3, c, 6, 5, dtype=dtype) * 2 for c in (25, 25, 25, 15)]


def labels(dtype=torch.float32):
    index = torch.randint(25, (3, 6, 5))
    index[:, 0] = 0
    uv = torch.rand(3, 2, 6, 5, dtype=dtype) * (index > 0)[:, None]
    return index, uv


def test_matches_the_reference(units):
    image = units('iuv_img2map/iuv')
    index, uv = (24 * image[:, 0]).round().long(), image[:, 1:]
    pred = [units(f'body_uv_losses/{name}') for name in ('u', 'v', 'index', 'ann')]
    expected = [units(f'body_uv_losses/loss_{name}') for name in ('U', 'V', 'Index', 'Ann')]
    got = IUVLoss()(*pred, index, uv, units('body_uv_losses/valid'))
    for name, value in zip(NAMES, expected):
        torch.testing.assert_close(got[name], value)


def test_equals_the_form_on_dense_maps():
    pred, (index, uv) = outputs(), labels()
    maps = iuv_target_maps(index, uv)
    inside = (maps.index > 0) & HAS[:, None, None, None]
    got = IUVLoss()(*pred, index, uv, HAS)
    for name, p, t in (('loss_iuv_u', pred[0], maps.u), ('loss_iuv_v', pred[1], maps.v)):
        expected = 0.125 * F.smooth_l1_loss(p[inside], t[inside], reduction='sum') / 3
        torch.testing.assert_close(got[name], expected)
    expected = F.cross_entropy(pred[2][HAS], maps.index[HAS].argmax(dim=1))
    torch.testing.assert_close(got['loss_iuv_index'], expected)
    expected = F.cross_entropy(pred[3][HAS], maps.annotation[HAS].argmax(dim=1))
    torch.testing.assert_close(got['loss_iuv_annotation'], expected)


def test_weights():
    pred, label = outputs(), labels()
    one = IUVLoss(1.0, 1.0)(*pred, *label, HAS)
    weights = dict(zip(NAMES, (2.0, 3.0, 5.0, 7.0)))
    loss = IUVLoss(2.0, 3.0, weight_index=5.0, weight_annotation=7.0)
    for name, value in loss(*pred, *label, HAS).items():
        torch.testing.assert_close(value, weights[name] * one[name])


def test_zero_at_the_truth():
    index, uv = labels()
    maps = iuv_target_maps(index, uv)
    truth = [maps.u, maps.v, maps.index * 100, maps.annotation * 100]
    assert all(value < 1e-6 for value in IUVLoss()(*truth, index, uv, HAS).values())
    for i, name in enumerate(NAMES):
        off = [x.clone() for x in truth]
        off[i][0, 1:4] += 150 * torch.randn(3, 6, 5)
        assert IUVLoss()(*off, index, uv, HAS)[name] > 0


def test_missing_maps_give_no_gradient_and_no_nan():
    pred, (index, uv) = outputs(), labels()
    for x in pred:
        x.requires_grad_()
    uv[1] = math.nan
    index[1] = 255
    total = sum(IUVLoss()(*pred, index, uv, HAS).values())
    total.backward()
    assert torch.isfinite(total)
    for x in pred:
        assert torch.isfinite(x.grad).all() and (x.grad[1] == 0).all() and x.grad[0].any()


def test_without_labels_a_zero_that_back_propagates():
    pred, label = outputs(), labels()
    for x in pred:
        x.requires_grad_()
    losses = IUVLoss()(*pred, *label, torch.zeros(3, dtype=torch.bool))
    assert all(value == 0 for value in losses.values())
    sum(losses.values()).backward()
    assert all((x.grad == 0).all() for x in pred)


def test_gradient():
    pred, label = outputs(torch.float64), labels(torch.float64)
    small = [x[..., :2, :2].contiguous().requires_grad_() for x in pred]
    label = [x[..., :2, :2] for x in label]
    loss = IUVLoss()
    assert torch.autograd.gradcheck(lambda *x: tuple(loss(*x, *label, HAS).values()), small)


def test_the_table_is_no_part_of_a_checkpoint():
    assert not IUVLoss().state_dict()


@pytest.mark.parametrize(
    'which, name', list(enumerate(('u', 'v', 'index', 'annotation', 'iuv_index', 'iuv_uv', 'has')))
)
def test_wrong_shapes_are_refused(which, name):
    args = [*outputs(), *labels(), HAS]
    args[which] = args[which][:2] if which else args[which][:, :2]
    with pytest.raises(ValueError, match=f'IUVLoss: {name} must have shape'):
        IUVLoss()(*args)
