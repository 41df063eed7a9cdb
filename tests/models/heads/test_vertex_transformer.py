"""VertexTransformer: tokens, masking, decoding, upsampling."""

import pytest
import torch
from torch.nn.functional import linear

from whmr.body_models import FreeBody
from whmr.models import VertexOutput, VertexTransformer

SIZES = (20, 12, 6)
FEAT, POINT = 7, 5
NAMES = ('vertices', 'point_feat', 'body_feat')


def ring(num):
    """Each vertex and its two neighbours on a ring, rows sum to 1."""
    eye = torch.eye(num)
    return (eye + eye.roll(1, 0) + eye.roll(-1, 0)) / 3


def small(**changes):
    settings = dict(
        sizes=SIZES,
        adjacency=ring(SIZES[2]),
        hidden_dim=8,
        num_layers=2,
        num_heads=2,
        mlp_dim=12,
        graph_dim=4,
        dropout=0.0,
        attention_dropout=0.0,
    )
    return VertexTransformer(FEAT, POINT, **{**settings, **changes})


def inputs(batch=3):
    generator = torch.Generator().manual_seed(2)
    shapes = (batch, SIZES[2], 3), (batch, POINT, SIZES[2]), (batch, FEAT)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def encoder(model):
    """The tokens that enter the encoder, for one call of the model."""
    seen = []
    handle = model.embed.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    return seen, handle


def test_tokens_are_vertex_and_raw_feature_then_one_of_the_whole_body():
    model = small().eval()
    vertices, point_feat, body_feat = inputs()
    seen, _ = encoder(model)
    model(vertices, point_feat, body_feat)
    tokens = seen[0]
    assert tokens.shape == (3, SIZES[2] + 1, 3 + POINT)
    for point in range(SIZES[2]):
        torch.testing.assert_close(tokens[:, point, :3], vertices[:, point])
        torch.testing.assert_close(tokens[:, point, 3:], point_feat[:, :, point])
    layer = model.global_token
    torch.testing.assert_close(tokens[:, -1], linear(body_feat, layer.weight, layer.bias))


@pytest.mark.parametrize('indirect', [False, True])
def test_decoding_and_upsampling_values(indirect, wiggle):
    """With an encoder of no layers the whole head is a formula of a few lines."""
    model = wiggle(small(num_layers=0, indirect=indirect)).eval()
    vertices, point_feat, body_feat = inputs()
    out = model(vertices, point_feat, body_feat)
    assert isinstance(out, VertexOutput)
    assert [tuple(mesh.shape) for mesh in out] == [(3, size, 3) for size in SIZES]
    for person in range(3):
        coarse = torch.zeros(SIZES[2], 3)
        for point in range(SIZES[2]):
            token = torch.cat([vertices[person, point], point_feat[person, :, point]])
            hidden = model.embed.weight @ token + model.embed.bias + model.position[point]
            coarse[point] = model.decode.weight @ hidden + model.decode.bias
            coarse[point] += model.skip.weight @ token + model.skip.bias
            if indirect:
                coarse[point] += vertices[person, point]
        middle = model.upsample1.weight @ coarse + model.upsample1.bias[:, None]
        fine = model.upsample2.weight @ middle + model.upsample2.bias[:, None]
        torch.testing.assert_close(out.level2[person], coarse, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(out.level1[person], middle, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(out.vertices[person], fine, atol=1e-5, rtol=1e-5)


def test_with_the_pyramids_weights_it_upsamples_as_the_pyramid():
    body = FreeBody()
    pyramid = body.pyramid
    model = VertexTransformer(
        FEAT, POINT, sizes=pyramid.sizes, adjacency=pyramid.adjacency(2), num_layers=1
    ).eval()
    assert model.position.shape == (432, 32)
    assert model.upsample1.weight.shape == (1723, 431)
    assert model.upsample2.weight.shape == (6890, 1723)
    with torch.no_grad():
        for layer, fine, coarse in ((model.upsample1, 1, 2), (model.upsample2, 0, 1)):
            eye = torch.eye(pyramid.sizes[coarse])[None]
            layer.weight.copy_(pyramid.up(eye, coarse, fine)[0])
            layer.bias.zero_()
        out = model(torch.randn(2, 431, 3), torch.randn(2, POINT, 431), torch.randn(2, FEAT))
    torch.testing.assert_close(out.level1, pyramid.up(out.level2, 2, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.vertices, pyramid.up(out.level2, 2), atol=1e-5, rtol=0)


def test_masked_tokens_do_not_leak(wiggle):
    model = wiggle(small()).train()
    vertices, point_feat, body_feat = inputs()
    mask = torch.tensor([[True, False, True, True, False, True]]).expand(3, -1)
    before = model(vertices, point_feat, body_feat, mask)
    hidden = (~mask[0]).nonzero().flatten()
    vertices, point_feat = vertices.clone(), point_feat.clone()
    vertices[:, hidden] = 100.0
    point_feat[:, :, hidden] = float('nan')
    after = model(vertices, point_feat, body_feat, mask)
    for one, other in zip(before, after):
        assert torch.equal(one, other)
    vertices[:, 0] += 1.0
    assert not torch.equal(before.level2, model(vertices, point_feat, body_feat, mask).level2)


def test_a_masked_token_is_a_constant(wiggle):
    model = wiggle(small()).eval()
    vertices, point_feat, body_feat = inputs()
    mask = torch.ones(3, SIZES[2], dtype=torch.bool)
    mask[:, 2] = False
    masked = model(vertices, point_feat, body_feat, mask)
    vertices[:, 2], point_feat[:, :, 2] = 0.01, 0.01
    for one, other in zip(masked, model(vertices, point_feat, body_feat)):
        torch.testing.assert_close(one, other)


def test_the_global_token_is_never_masked(wiggle):
    model = wiggle(small()).train()
    vertices, point_feat, body_feat = inputs()
    nothing = torch.zeros(3, SIZES[2], dtype=torch.bool)
    seen, _ = encoder(model)
    out = model(vertices, point_feat, body_feat, nothing)
    assert (seen[0][:, :-1] == 0.01).all()
    torch.testing.assert_close(seen[0][:, -1], model.global_token(body_feat))
    other = model(vertices, point_feat, body_feat + 1, nothing)
    assert not torch.equal(out.level2, other.level2)


def test_masks_are_drawn_in_training_only():
    model = small().train()
    args = inputs()
    torch.manual_seed(0)
    seen, _ = encoder(model)
    for _ in range(20):
        model(*args)
    masked = torch.stack([(tokens[:, :-1] == 0.01).all(dim=2) for tokens in seen])
    assert masked.any()
    seen.clear()
    model.eval()(*args)
    assert not (seen[0] == 0.01).any()
    model.train().mask_ratio = 0.0
    seen.clear()
    model(*args)
    assert not (seen[0] == 0.01).any()


def test_how_many_tokens_are_masked():
    """A share that is uniform up to 0.3, anew for each person, no vertex preferred; by the seed."""
    num = 100
    model = small(sizes=(200, 150, num), adjacency=ring(num))
    torch.manual_seed(0)
    mask = model.sample_mask(4000)
    assert mask.dtype == torch.bool
    counts = (~mask).sum(dim=1)
    assert counts.min() == 0
    assert counts.max() == 29  # floor(0.3 * 100 * u), u < 1
    shares = torch.bincount(counts, minlength=30) / 4000
    torch.testing.assert_close(shares, torch.full((30,), 1 / 30), atol=0.012, rtol=0)
    each = (~mask).float().mean(dim=0)
    torch.testing.assert_close(each, torch.full((num,), 0.145), atol=0.025, rtol=0)
    torch.manual_seed(0)
    assert torch.equal(model.sample_mask(4000), mask)


def test_dropout_only_in_training():
    args, everything = inputs(), torch.ones(3, SIZES[2], dtype=torch.bool)
    for rates in (dict(dropout=0.5), dict(attention_dropout=0.5)):
        model = small(**rates).train()
        assert not torch.equal(model(*args, everything).level2, model(*args, everything).level2)
        model.eval()
        assert torch.equal(model(*args).level2, model(*args).level2)
    still = small().train()
    assert torch.equal(still(*args, everything).level2, still(*args, everything).level2)
    rates = {
        m.p
        for m in VertexTransformer(7, 5, sizes=SIZES, adjacency=ring(6)).modules()
        if isinstance(m, torch.nn.Dropout)
    }
    assert rates == {0.1}


def test_every_parameter_learns(assert_all_trained, wiggle):
    model = wiggle(small()).train()
    out = model(*inputs())
    # A bias of the keys shifts all scores of a query alike: by construction it has no effect.
    for layer in model.layers:
        layer.key.bias = None
    assert_all_trained(model, sum((mesh * torch.randn_like(mesh)).sum() for mesh in out))


def test_gradients_are_right(wiggle):
    model = wiggle(small(num_layers=1)).double().train()
    args = tuple(x.double().requires_grad_() for x in inputs(1))
    mask = torch.tensor([[True] * 5 + [False]])
    assert torch.autograd.gradcheck(lambda *a: model(*a, mask).vertices.sum(dim=1), args)


def test_batch_of_one_is_a_row_of_a_batch(wiggle):
    model = wiggle(small()).eval()
    args = inputs()
    for one, many in zip(model(*(x[1:2] for x in args)), model(*args)):
        torch.testing.assert_close(one, many[1:2], atol=1e-5, rtol=1e-5)


def test_half_precision_keeps_positions_in_full(wiggle):
    model = wiggle(small(num_layers=0)).eval()
    args = inputs()
    with torch.autocast('cpu', torch.bfloat16):
        half = model(*args)
    assert {mesh.dtype for mesh in half} == {torch.float32}
    torch.testing.assert_close(half.level2, model(*args).level2, atol=0.02, rtol=0.02)


def test_no_constant_is_stored():
    assert not [name for name in small().state_dict() if 'adjacency' in name]


@pytest.mark.parametrize('which, name', list(enumerate(NAMES)))
def test_wrong_shapes_are_refused(which, name):
    args = list(inputs())
    args[which] = args[which][:, :2]
    with pytest.raises(ValueError, match=f'VertexTransformer: {name}'):
        small()(*args)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(sizes=(20, 12)), 'three levels'),
        (dict(adjacency=ring(5)), 'adjacency must have shape'),
        (dict(num_heads=3), 'num_heads 3 does not divide 8'),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match='meta_mask'):
        small()(*inputs(), torch.ones(3, 5, dtype=torch.bool))
