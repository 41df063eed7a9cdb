"""IterativeRegressor and QueryDecoderHead: HMR's and HMR 2.0's heads."""

import pytest
import torch
from torch.nn.functional import linear

from whmr.body_models import MeanParams
from whmr.geometry import axis_angle_to_rotmat, is_rotation, rot6d_to_rotmat, rotmat_to_rot6d
from whmr.models import IterativeRegressor, QueryDecoderHead


@pytest.fixture
def mean():
    rotmat = axis_angle_to_rotmat(0.3 * torch.randn(24, 3))
    return MeanParams(rotmat[:1], rotmat[1:], torch.randn(10), torch.tensor([0.9, 0.1, -0.1]))


def iterative(mean, **changes):
    head = IterativeRegressor(7, **{'hidden_dim': 16, **changes})
    head.set_mean(mean)
    return head


def decoder(mean, **changes):
    head = QueryDecoderHead(6, 16, **{'depth': 2, 'num_heads': 4, 'mlp_dim': 24, **changes})
    head.set_mean(mean)
    return head


@pytest.mark.parametrize('num_iters', [1, 3])
def test_iterations_are_written_out(mean, wiggle, num_iters):
    head = wiggle(iterative(mean, num_iters=num_iters, extra_dim=3)).eval()
    feat, extra = torch.randn(4, 7), torch.randn(4, 3)
    pose, betas, cam = (b.expand(4, -1) for b in (head.init_pose, head.init_betas, head.init_cam))
    for _ in range(num_iters):
        x = torch.cat([feat, extra, pose, betas, cam], 1)
        x = linear(linear(x, head.fc1.weight, head.fc1.bias), head.fc2.weight, head.fc2.bias)
        pose = pose + linear(x, head.decpose.weight, head.decpose.bias)
        betas = betas + linear(x, head.decshape.weight, head.decshape.bias)
        cam = cam + linear(x, head.deccam.weight, head.deccam.bias)
    out = head(feat, extra)
    torch.testing.assert_close(out.pose, rot6d_to_rotmat(pose.view(4, 24, 6)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out.betas, betas, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out.weak_cam, cam, atol=1e-5, rtol=1e-5)
    assert is_rotation(out.pose, 1e-4).all()


def test_layout_is_spins():
    head = IterativeRegressor(2048)
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        'fc1.weight': (1024, 2205),
        'fc1.bias': (1024,),
        'fc2.weight': (1024, 1024),
        'fc2.bias': (1024,),
        'decpose.weight': (144, 1024),
        'decpose.bias': (144,),
        'decshape.weight': (10, 1024),
        'decshape.bias': (10,),
        'deccam.weight': (3, 1024),
        'deccam.bias': (3,),
        'init_pose': (1, 144),
        'init_betas': (1, 10),
        'init_cam': (1, 3),
    }


@pytest.mark.parametrize('make', [iterative, decoder])
def test_without_decoders_the_mean_comes_out(mean, make):
    head = make(mean).eval()
    for layer in (head.decpose, head.decshape, head.deccam):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    out = head(torch.randn(2, 7)) if make is iterative else head(torch.randn(2, 6, 3, 2))[1]
    expected = torch.cat([mean.global_orient, mean.body_pose]).expand(2, -1, -1, -1)
    torch.testing.assert_close(out.pose, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out.betas, mean.betas.expand(2, -1))
    torch.testing.assert_close(out.weak_cam, mean.weak_cam.expand(2, -1))
    pose = rotmat_to_rot6d(expected).flatten(1)
    torch.testing.assert_close(head.init_pose, pose[:1])


def test_every_parameter_of_both_learns(mean, wiggle, assert_all_trained):
    head = wiggle(iterative(mean, dropout=0.0))
    out = head(torch.randn(3, 7))
    assert_all_trained(head, sum((value * torch.randn_like(value)).sum() for value in out))
    head = wiggle(decoder(mean))
    _, out = head(torch.randn(3, 6, 3, 2))
    assert_all_trained(head, sum((value * torch.randn_like(value)).sum() for value in out))


def test_the_query_reads_every_patch_in_any_order(mean, wiggle):
    head = wiggle(decoder(mean)).eval()
    feat = torch.randn(2, 6, 3, 2)
    query, _ = head(feat)
    assert query.shape == (2, 16)
    torch.testing.assert_close(head(feat.flip(2))[0], query, atol=1e-5, rtol=1e-4)
    feat[1, :, 2, 1] += 1.0
    changed = (head(feat)[0] - query).abs().amax(1)
    assert changed[0] < 1e-5 < 1e-3 < changed[1]


def test_wrong_inputs_are_refused(mean):
    with pytest.raises(ValueError, match='num_iters'):
        iterative(mean, num_iters=0)
    with pytest.raises(ValueError, match='IterativeRegressor: feat must have shape'):
        iterative(mean)(torch.zeros(2, 8))
    with pytest.raises(ValueError, match='IterativeRegressor: extra must have shape'):
        iterative(mean, extra_dim=3)(torch.zeros(2, 7))
    with pytest.raises(ValueError, match='QueryDecoderHead: feat must have shape'):
        decoder(mean)(torch.zeros(2, 7, 3, 3))
    with pytest.raises(ValueError, match='betas of the body must have shape'):
        iterative(mean, num_betas=11)
