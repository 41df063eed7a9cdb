"""FocalPredictor."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from whmr.models import FocalPredictor

TINY = dict(mid_channels=4, kernel_size=3, strides=(2, 2), head_dim=3)


def tiny(**changes):
    return FocalPredictor(6, (17, 13), **{**TINY, **changes})


@pytest.mark.parametrize(
    'shape, strides, head_dim, token',
    [((128, 96), (3, 2), 12, 216), ((56, 56), (2, 2), 10, 100)],
)
def test_token_lengths_of_the_paper(shape, strides, head_dim, token):
    model = FocalPredictor(8, shape, mid_channels=4, strides=strides, head_dim=head_dim).eval()
    assert model.token_dim == token
    assert model.fc1.weight.shape == (head_dim, token)
    feat = torch.randn(2, 8, *shape)
    with torch.no_grad():
        assert model.tokens(feat).shape == (2, token)
        assert model(feat).shape == (2,)


def attention(block, x, heads):
    b, n, d = x.shape
    qkv = (x @ block.qkv.weight.T).view(b, n, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    weights = (qkv[0] @ qkv[1].mT / (d // heads) ** 0.5).softmax(dim=-1)
    out = (weights @ qkv[2]).transpose(1, 2).reshape(b, n, d)
    return out @ block.proj.weight.T + block.proj.bias


def test_values(wiggle):
    model = wiggle(tiny()).eval()
    feat = torch.randn(2, 6, 17, 13)
    x = F.conv2d(F.conv2d(feat, model.conv1.weight, stride=2), model.conv2.weight, stride=2)
    assert x.shape == (2, 5, 3, 2)
    x = x.flatten(2)
    block = model.block
    norm = [F.layer_norm(x, (6,), block.norm1.weight, block.norm1.bias, 1e-5)]
    x = x + attention(block.attn, norm[0], 2)
    y = F.layer_norm(x, (6,), block.norm2.weight, block.norm2.bias, 1e-5)
    y = F.gelu(y @ block.mlp.fc1.weight.T + block.mlp.fc1.bias)
    x = (x + y @ block.mlp.fc2.weight.T + block.mlp.fc2.bias).mean(dim=1)
    torch.testing.assert_close(model.tokens(feat), x, atol=1e-5, rtol=1e-5)
    score = model.fc2(model.fc1(x))[:, 0]
    bn = model.norm
    score = (score - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias
    torch.testing.assert_close(model(feat), 10 * score.sigmoid(), atol=1e-5, rtol=1e-5)


def test_layer_norm_epsilon_is_torchs_not_timms():
    assert tiny().block.norm1.eps == 1e-5 and tiny().block.norm2.eps == 1e-5
    assert tiny().block.attn.qkv.bias is None


def test_distance_stays_between_zero_and_the_maximum():
    model = tiny(max_distance=4.0)
    distance = model(100 * torch.randn(16, 6, 17, 13))
    assert distance.amin() > 0 and distance.amax() < 4 and distance.std() > 0.1


def test_every_parameter_learns(assert_all_trained):
    model = tiny().double()  # in float32 the noise of a gradient that is zero depends on the CPU
    feat, weight = torch.randn(8, 6, 17, 13).double(), torch.randn(8).double()
    # What adds the same to every sample of a batch cannot matter before a norm over the batch.
    (model(feat) * weight).sum().backward()
    dead = {n for n, p in model.named_parameters() if p.grad.abs().max() < 1e-10}
    assert dead == {'block.mlp.fc2.bias', 'fc1.bias', 'fc2.bias'}
    model.norm.eval()
    assert_all_trained(model, (model(feat) * weight).sum())


def test_batch_of_one_is_a_row_of_a_batch(wiggle):
    model = wiggle(tiny()).eval()
    feat = torch.randn(3, 6, 17, 13)
    with torch.no_grad():
        torch.testing.assert_close(model(feat[1:2]), model(feat)[1:2])


def test_batch_of_one_in_training_is_refused_with_the_reason():
    feat = torch.randn(1, 6, 17, 13)
    with pytest.raises(ValueError, match=r'batch of one in training mode.*at least 2 samples'):
        tiny()(feat)
    frozen = tiny()
    frozen.norm.eval()
    assert frozen(feat).shape == (1,)
    # Under SyncBN the statistics come from all devices, so one sample on each is fine.
    synced = nn.SyncBatchNorm.convert_sync_batchnorm(tiny())
    assert not isinstance(synced.norm, nn.BatchNorm1d)


def test_half_precision_gives_a_full_precision_distance():
    with torch.autocast('cpu', torch.bfloat16):
        assert tiny().eval()(torch.randn(2, 6, 17, 13)).dtype == torch.float32


@pytest.mark.parametrize('shape', [(2, 6, 13, 17), (2, 5, 17, 13), (6, 17, 13)])
def test_wrong_maps_are_refused(shape):
    with pytest.raises(ValueError, match=r'FocalPredictor: feat must have shape \(\*, 6, 17, 13\)'):
        tiny()(torch.zeros(shape))


def test_too_small_a_map_is_refused():
    with pytest.raises(ValueError, match=r'in_shape \(14, 14\) is too small for kernel_size 7'):
        FocalPredictor(6, (14, 14))


def test_heads_that_do_not_divide_the_token_are_refused():
    with pytest.raises(ValueError, match='num_heads 4 does not divide the token length 6 = 3x2'):
        tiny(num_heads=4)
