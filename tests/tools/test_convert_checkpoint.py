"""The converter: writes what loads strictly, refuses the rest in one line and writes nothing."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from tests.checkpoints.layouts import (
    LAYOUTS,
    camcalib_shapes,
    numbered,
    places,
    release_shapes,
    resnet50_shapes,
)
from whmr.apis import HMRInferencer
from whmr.body_models import FreeBody
from whmr.checkpoints import SOURCES
from whmr.engine import CheckpointError, load_config, load_weights, read_checkpoint, use_embedded
from whmr.models.backbones import TimmBackbone
from whmr.models.cameras import CamCalib
from whmr.registry import BACKBONES, BODY_MODELS, MODELS, NECKS

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'checkpoint_converters' / 'convert.py'
COUNTER = 'num_batches_tracked'


@BODY_MODELS.register_module(force=True)
class TaggedBody(FreeBody):
    """The bundled body under SMPL's name."""

    def __init__(self) -> None:
        super().__init__()
        self.topology = 'smpl'


class Attack:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.path}',)


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location('whmr_convert_checkpoint', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(tool: ModuleType, *args: object) -> int:
    return tool.main([str(arg) for arg in args])


@pytest.mark.parametrize('suffix', ['.safetensors', '.pth'])
def test_camcalib_from_file_to_module(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture, suffix: str
) -> None:
    source, out = tmp_path / 'camcalib.ckpt', tmp_path / 'new' / f'camcalib{suffix}'
    shapes = camcalib_shapes()
    torch.save({'epoch': 1, 'state_dict': numbered(shapes, torch.uint8)}, source)
    assert run(tool, 'spec_camcalib', source, out) == 0
    text = capsys.readouterr().out
    assert "SPEC's CamCalib" in text and f'{len(shapes)} mapped' in text and 'MB' in text
    model = CamCalib(TimmBackbone('resnet50'))
    load_weights(model, out)
    number = places(shapes)['model.fc_roll.weight'] % 256
    assert model.fc_roll.weight.unique().tolist() == [number]
    assert read_checkpoint(out)['meta'] == {
        'source': 'spec_camcalib',
        'source_file': 'camcalib.ckpt',
    }


def test_report_names_what_is_dropped_and_added(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shapes = {k: s for k, s in resnet50_shapes().items() if not k.endswith(COUNTER)}
    torch.save(numbered(shapes, torch.uint8), tmp_path / 'resnet50.pth')
    args = ('torchvision_resnet50', tmp_path / 'resnet50.pth', tmp_path / 'out.pth', '--all-keys')
    assert run(tool, *args) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        '  265 mapped',
        '   53 added: counters of BatchNorm that the file lacks, 0',
        "    2 dropped: ImageNet's classifier: not used (fc.weight, fc.bias)",
    ]


def test_pose_resnet_starts_backbone_and_neck_of_the_config(
    tool: ModuleType, tmp_path: Path
) -> None:
    shapes = LAYOUTS['pose_resnet']
    torch.save(numbered(shapes, torch.uint8), tmp_path / 'pose_resnet.pth.tar')
    out = tmp_path / 'pose_resnet.pth'
    assert run(tool, 'pose_resnet', tmp_path / 'pose_resnet.pth.tar', out) == 0
    cfg = load_config(ROOT / 'configs/whmr/whmr_r50_stage1.py').model
    with DefaultScope.overwrite_default_scope('whmr'):
        for name, registry, first, ours in (
            ('backbone', BACKBONES, 'conv1.weight', 'model.conv1.weight'),
            ('neck', NECKS, 'deconv_layers.3.weight', 'layers.1.0.weight'),
        ):
            cfg[name].init_cfg.checkpoint = str(out)
            module = registry.build(cfg[name])
            module.init_weights()
            assert module.state_dict()[ours].unique().tolist() == [places(shapes)[first] % 256]


@pytest.mark.parametrize('case', ['variant', 'missing', 'extra', 'shape', 'cut', 'code', 'no file'])
def test_refused_files_leave_nothing(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture, case: str
) -> None:
    folder = tmp_path / 'in'
    folder.mkdir()
    path, out = folder / 'release.pth', tmp_path / 'out.safetensors'
    state = numbered(release_shapes('whmr_res50_markers'))
    source = 'whmr_vitpose_markers' if case == 'variant' else 'whmr'
    if case == 'missing':
        del state['est_Tz.0.weight']
    if case == 'extra':
        state['refiner.weight'] = torch.ones(1)
    if case == 'shape':
        state['est_Tz.0.weight'] = torch.ones(12, 216)
    content = {'model': state} | ({'x': Attack(tmp_path / 'touched')} if case == 'code' else {})
    if case != 'no file':
        torch.save(content, path)
    if case == 'cut':
        path.write_bytes(path.read_bytes()[:-1000])
    assert run(tool, source, path, out) == 2
    captured = capsys.readouterr()
    expected = {
        'variant': "is no checkpoint of 'whmr_vitpose_markers' but of W-HMR with ResNet-50 and "
        "markers: give the source 'whmr_res50_markers'",
        'missing': 'is no checkpoint of W-HMR with ResNet-50 and markers: 1 key missing '
        '(est_Tz.0.weight)',
        'extra': '1 key unexpected (refiner.weight)',
        'shape': '1 key of another shape (est_Tz.0.weight (12x216 in the file, 10x100 expected))',
        'cut': 'is damaged, cut off, or no checkpoint',
        'code': 'was refused: beside tensors it holds the Python object',
        'no file': 'does not exist',
    }[case]
    assert captured.err.startswith('error: ') and captured.err.count('\n') == 1
    assert str(path) in captured.err and expected in captured.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ['in']


def test_all_keys_lists_every_problem(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    state = numbered(resnet50_shapes())
    lost = [key for key in state if key.startswith('layer3.') and not key.endswith(COUNTER)]
    torch.save({k: v for k, v in state.items() if k not in lost}, tmp_path / 'x.pth')
    args = ('torchvision_resnet50', tmp_path / 'x.pth', tmp_path / 'y.pth', '--all-keys')
    assert run(tool, *args) == 2
    assert capsys.readouterr().out.splitlines() == [f'missing: {key}' for key in lost]


@pytest.mark.parametrize(
    ('out', 'message'),
    [('out.onnx', 'must end with .safetensors or .pth'), ('in.pth', 'would overwrite the input')],
)
def test_wrong_outputs(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture, out: str, message: str
) -> None:
    torch.save({'a': torch.ones(1)}, tmp_path / 'in.pth')
    before = (tmp_path / 'in.pth').read_bytes()
    assert run(tool, 'whmr', tmp_path / 'in.pth', tmp_path / out) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / 'in.pth').read_bytes() == before


def test_list_and_unknown_source(tool: ModuleType, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        run(tool, '--list')
    assert ended.value.code == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(SOURCES)
    with pytest.raises(SystemExit) as ended:
        run(tool, 'hmr', 'a.pth', 'b.pth')
    assert ended.value.code == 2
    assert 'spin_hmr' in capsys.readouterr().err


@pytest.mark.slow
def test_release_from_file_to_inferencer(tool: ModuleType, tmp_path: Path) -> None:
    """A release config and a converted file give people; another body is refused."""
    shapes = release_shapes('whmr_res50_markers')
    torch.manual_seed(0)
    state = {
        key: torch.ones(()).expand(shape)
        if 'running_var' in key or len(shape) < 2
        else 0.02 * torch.randn(shape)
        for key, shape in shapes.items()
        if '.smpl.' not in key and 'Dmap' not in key
    }
    torch.save({'model': state}, tmp_path / 'release.pth')
    out = tmp_path / 'release.safetensors'
    assert run(tool, 'whmr', tmp_path / 'release.pth', out) == 0
    cfg = use_embedded(load_config(ROOT / 'configs/whmr/release/whmr_r50_release.py'))[0]
    with DefaultScope.overwrite_default_scope('whmr'), torch.device('meta'):
        on_free_body = MODELS.build(cfg.model)
    with pytest.raises(CheckpointError, match='body topology smpl'):
        load_weights(on_free_body, out)
    for part in (cfg.model, cfg.model.estimator):
        part.body_model = dict(type='TaggedBody')
    cfg.model.data_preprocessor.update(
        body_model=dict(type='TaggedBody'), gendered_body_models=None
    )
    inferencer = HMRInferencer(cfg, out, device='cpu', detector=None)
    assert inferencer.estimator.rotation_source == 'predicted'
    assert inferencer.estimator.estimator.square_sampling
    weight = inferencer.estimator.orientation.decode.weight
    torch.testing.assert_close(weight, state['global_orient.decrot.weight'])
    photo = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    report = inferencer(photo, boxes=np.array([[20.0, 10, 70, 90]]), progress=False)
    assert not report.failures and report.num_people == 1


def test_release_configs_differ_from_ours_by_the_named_switches() -> None:
    for name in ('vitpose', 'r50', 'vitpose-hybrid', 'r50-hybrid'):
        ours = load_config(ROOT / f'configs/whmr/whmr_{name}_stage3.py')
        theirs = load_config(ROOT / f'configs/whmr/release/whmr_{name}_release.py')
        assert theirs.model.estimator.square_sampling
        assert theirs.model.rotation_source == theirs.test_evaluator.rotation_source == 'known'
        for cfg in (ours, theirs):
            for part in (cfg.model.estimator, cfg.model.camera):
                part.init_cfg = None
            cfg.model.estimator.square_sampling = None
            cfg.model.orientation.num_iters = None
            cfg.model.rotation_source = None
        assert ours.model.to_dict() == theirs.model.to_dict()
