"""ViTPoseBackbone."""

import pytest
import torch

from whmr.models import ViTPoseBackbone

TINY = dict(img_size=(32, 24), patch_size=8, embed_dim=12, depth=2, num_heads=2)


def tiny(**changes):
    return ViTPoseBackbone(**{**TINY, **changes})


def test_tokens_of_patches_that_start_outside_the_image():
    model = tiny()
    assert model.grid_shape == (4, 3)
    assert model.out_channels == 12 and model.stride == 8
    assert model(torch.zeros(2, 3, 32, 24)).shape == (2, 12, 4, 3)
    # With the padding of 2 the first patch sees pixels 0..5 only.
    images = torch.zeros(1, 3, 32, 24)
    images[..., :6, :6] = 1
    weight, bias = model.patch_embed.weight, model.patch_embed.bias
    expected = weight[..., 2:, 2:].sum(dim=(1, 2, 3)) + bias
    torch.testing.assert_close(model.patch_embed(images)[0, :, 0, 0], expected)


def test_full_size_parameters_are_those_of_vit_b():
    with torch.device('meta'):
        model = ViTPoseBackbone()
    assert model.grid_shape == (16, 12)
    assert model.pos_embed.shape == (1, 193, 768)
    assert sum(p.numel() for p in model.parameters()) == 85_794_816


def test_drop_path_grows_linearly():
    model = tiny(depth=4, drop_path_rate=0.3)
    rates = [getattr(block.drop_path1, 'drop_prob', 0.0) for block in model.blocks]
    torch.testing.assert_close(rates, [0.0, 0.1, 0.2, 0.3])


def test_first_row_of_the_position_embedding_shifts_every_token():
    model = tiny(depth=0).eval()
    images = torch.randn(1, 3, 32, 24)
    with torch.no_grad():
        before = model(images)
        shift = torch.randn(12)
        model.pos_embed[:, 0] += shift
        first = model(images)
        model.pos_embed[:, 0] -= shift
        model.pos_embed[:, 1:] += shift
        rest = model(images)
    torch.testing.assert_close(first, rest)
    assert (first - before).abs().min() > 0


def test_output_map_is_row_major():
    model = tiny(depth=0).eval()
    with torch.no_grad():
        model.pos_embed[:, 1 + 1 * 3 + 2, 0] += 100.0  # row 1, column 2
        out = model(torch.zeros(1, 3, 32, 24))
    assert out[0, 0].argmax() == 1 * 3 + 2


def test_layer_norms_use_the_small_epsilon():
    model = tiny()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) == 5
    assert all(norm.eps == 1e-6 for norm in norms)


def test_every_parameter_learns(assert_all_trained):
    model = tiny(drop_path_rate=0.0)
    assert_all_trained(model, (model(torch.randn(2, 3, 32, 24)) * torch.randn(2, 12, 4, 3)).sum())


def test_checkpointing_changes_no_gradient():
    images = torch.randn(2, 3, 32, 24)
    plain, saving = tiny(drop_path_rate=0.0), tiny(drop_path_rate=0.0, with_checkpoint=True)
    saving.load_state_dict(plain.state_dict())
    for model in (plain, saving):
        model(images).square().sum().backward()
    for (name, a), b in zip(plain.named_parameters(), saving.parameters()):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


def test_batch_of_one_is_a_row_of_a_batch():
    model = tiny().eval()
    images = torch.randn(3, 3, 32, 24)
    with torch.no_grad():
        torch.testing.assert_close(model(images[1:2]), model(images)[1:2], atol=1e-5, rtol=1e-5)


def test_wrong_image_size_is_refused():
    with pytest.raises(ValueError, match=r'images must have shape \(\*, 3, 32, 24\)'):
        tiny()(torch.zeros(1, 3, 24, 32))
