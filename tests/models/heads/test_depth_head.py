"""DepthHead."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from whmr.models import DepthHead, DepthLoss


def test_one_convolution():
    head, feat = DepthHead(6), torch.randn(2, 6, 4, 3)
    conv = head.predict_depth
    torch.testing.assert_close(head(feat), F.conv2d(feat, conv.weight, conv.bias, padding=1))
    assert head(feat).shape == (2, 1, 4, 3)


def test_loss_is_that_of_its_component(map_targets):
    head = DepthHead(6, loss=dict(type='DepthLoss', weight=3.0))
    out = head(torch.randn(3, 6, 4, 3))
    expected = DepthLoss(3.0)(out, map_targets.depth, map_targets.has_fields)
    assert head.loss_by_feat(out, map_targets) == {'loss_depth': expected}


def test_every_parameter_learns(assert_all_trained, map_targets):
    head = DepthHead(6)
    losses = head.loss_by_feat(head(torch.randn(3, 6, 4, 3)), map_targets)
    assert_all_trained(head, losses['loss_depth'])


def test_map_of_another_resolution_is_refused(map_targets):
    head = DepthHead(6)
    with pytest.raises(ValueError, match=r'targets\.depth must have shape \(3, 1, 8, 6\)'):
        head.loss_by_feat(head(torch.randn(3, 6, 8, 6)), map_targets)


@pytest.mark.parametrize('name', ['depth', 'has_fields'])
def test_missing_map_is_refused(map_targets, name):
    head = DepthHead(6)
    with pytest.raises(ValueError, match='let the data preprocessor render them'):
        head.loss_by_feat(head(torch.randn(3, 6, 4, 3)), replace(map_targets, **{name: None}))
