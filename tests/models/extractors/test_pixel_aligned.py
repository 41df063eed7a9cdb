"""PixelAlignedExtractor."""

import pytest
import torch
import torch.nn.functional as F

from whmr.models import PixelAlignedExtractor


def ramp(h=5, w=7):
    """A map whose two channels are the column and the row."""
    y, x = torch.meshgrid(torch.arange(h).float(), torch.arange(w).float(), indexing='ij')
    return torch.stack([x, y])[None]


def test_sampling_is_exact_on_a_ramp():
    extractor = PixelAlignedExtractor(2, 3)
    points = torch.rand(1, 50, 2) * 2 - 1
    expected = (points[0] + 1) / 2 * torch.tensor([6.0, 4.0])
    torch.testing.assert_close(extractor.sample(ramp(), points)[0].T, expected)


def test_corner_pixels_lie_at_plus_minus_one_and_outside_is_zero():
    feat = torch.randn(1, 4, 5, 7)
    points = torch.tensor([[[-1.0, -1], [1, -1], [-1, 1], [1, 1], [1.5, 0], [0, -3]]])
    out = PixelAlignedExtractor(4, 3).sample(feat, points)[0]
    corners = torch.stack([feat[0, :, y, x] for y, x in ((0, 0), (0, 6), (4, 0), (4, 6))], dim=1)
    torch.testing.assert_close(out[:, :4], corners)
    assert (out[:, 4:] == 0).all()


def test_layers_see_the_raw_feature_again():
    extractor = PixelAlignedExtractor(6, 3, hidden_channels=(5, 4))
    feat, points = torch.randn(2, 6, 5, 7), torch.rand(2, 11, 2) * 2 - 1
    raw = extractor.sample(feat, points)

    def linear(i, x):
        layer = extractor.layers[i]
        return torch.einsum('oc,bcp->bop', layer.weight[..., 0], x) + layer.bias[:, None]

    x = F.leaky_relu(linear(0, raw), 0.01)
    x = F.leaky_relu(linear(1, torch.cat([x, raw], dim=1)), 0.01)
    x = linear(2, torch.cat([x, raw], dim=1)).clamp(min=0)
    torch.testing.assert_close(extractor(feat, points), x.flatten(1))


def test_output_is_channel_major():
    extractor = PixelAlignedExtractor(2, 3)
    points = torch.rand(1, 4, 2) * 2 - 1
    whole = extractor(ramp(), points).view(3, 4)
    for p in range(4):
        torch.testing.assert_close(whole[:, p], extractor(ramp(), points[:, p : p + 1])[0])


def test_default_layers_are_the_papers():
    shapes = [tuple(layer.weight.shape) for layer in PixelAlignedExtractor().layers]
    assert shapes == [(128, 256, 1), (64, 384, 1), (32, 320, 1)]


def test_every_parameter_learns(assert_all_trained):
    extractor = PixelAlignedExtractor(6, 3, hidden_channels=(5, 4))
    out = extractor(torch.randn(4, 6, 5, 7), torch.rand(4, 30, 2) * 2 - 1)
    assert_all_trained(extractor, (out * torch.randn_like(out)).sum())


def test_gradient_reaches_feature_and_points():
    extractor = PixelAlignedExtractor(6, 3).double()
    feat = torch.randn(1, 6, 5, 7, dtype=torch.float64, requires_grad=True)
    points = (torch.rand(1, 3, 2, dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(extractor, (feat, points))


def test_half_precision_features_keep_full_precision_points():
    extractor = PixelAlignedExtractor(2, 3)
    points = torch.rand(1, 50, 2) * 2 - 1
    feat = ramp(5, 7)
    with torch.autocast('cpu', torch.bfloat16):
        out = extractor.sample(feat.bfloat16(), points)
    torch.testing.assert_close(out.float(), extractor.sample(feat, points))


@pytest.mark.parametrize(
    'feat, points, name',
    [((2, 5, 4, 4), (2, 3, 2), 'feat'), ((2, 6, 4, 4), (1, 3, 2), 'points')],
)
def test_wrong_shapes_are_refused(feat, points, name):
    with pytest.raises(ValueError, match=f'PixelAlignedExtractor: {name}'):
        PixelAlignedExtractor(6)(torch.zeros(feat), torch.zeros(points))
