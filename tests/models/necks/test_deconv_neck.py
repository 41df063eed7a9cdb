"""DeconvNeck."""

import pytest
import torch
from torch import nn

from whmr.models import DeconvNeck


def test_each_level_doubles_the_resolution():
    maps = DeconvNeck(8, 6)(torch.randn(2, 8, 4, 3))
    assert [tuple(m.shape) for m in maps] == [(2, 6, 8, 6), (2, 6, 16, 12), (2, 6, 32, 24)]
    assert len(DeconvNeck(8, 6, num_layers=2)(torch.randn(2, 8, 4, 3))) == 2


def test_levels_are_transposed_convolution_norm_relu_in_a_chain(wiggle):
    neck = wiggle(DeconvNeck(8, 6)).eval()
    x = torch.randn(2, 8, 4, 3)
    maps = neck(x)
    for layer, out in zip(neck.layers, maps):
        conv, norm, _ = layer
        assert conv.bias is None
        x = nn.functional.conv_transpose2d(x, conv.weight, stride=2, padding=1)
        x = (x - norm.running_mean.view(1, -1, 1, 1)) / (
            norm.running_var.view(1, -1, 1, 1) + norm.eps
        ).sqrt()
        x = (x * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)).clamp(min=0)
        torch.testing.assert_close(out, x, atol=1e-5, rtol=1e-5)


def test_every_parameter_learns(assert_all_trained):
    neck = DeconvNeck(8, 6)
    maps = neck(torch.randn(2, 8, 4, 3))
    assert_all_trained(neck, sum((m * torch.randn_like(m)).sum() for m in maps))


def test_batch_of_one_is_a_row_of_a_batch(wiggle):
    neck = wiggle(DeconvNeck(8, 6)).eval()
    feat = torch.randn(3, 8, 4, 3)
    for one, many in zip(neck(feat[1:2]), neck(feat)):
        torch.testing.assert_close(one, many[1:2])


def test_wrong_channels_are_refused():
    with pytest.raises(ValueError, match=r'DeconvNeck: feat must have shape \(\*, 8, \*, \*\)'):
        DeconvNeck(8)(torch.zeros(1, 9, 4, 3))
