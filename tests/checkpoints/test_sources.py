"""Each source's exact layout is converted into exactly our module's state dict."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from whmr.checkpoints import SOURCES, KeyMismatchError, convert_checkpoint
from whmr.engine.config import load_config
from whmr.engine.embedded import use_embedded
from whmr.models.backbones import TimmBackbone, ViTPoseBackbone
from whmr.models.cameras import CamCalib
from whmr.registry import MODELS

from .layouts import (
    LAYOUTS,
    VARIANTS,
    camcalib_shapes,
    numbered,
    on_meta,
    places,
    pymaf_shapes,
    release_shapes,
    resnet50_shapes,
    shapes_of,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RELEASE = 'whmr/release/whmr_{}_release.py'
COUNTER = 'num_batches_tracked'
MODULES = {
    'whmr': 'whmr_release',
    'spec_camcalib': 'spec_camcalib',
    'vitpose_coco': 'vitpose_coco',
    'pose_resnet': 'pose_resnet',
    'torchvision_resnet50': 'torchvision_resnet',
    'spin_hmr': 'spin_hmr',
    'pymaf': 'pymaf',
}
each_layout = pytest.mark.parametrize('name', LAYOUTS)
each_variant = pytest.mark.parametrize('variant', VARIANTS)


def from_config(name: str) -> nn.Module:
    """The model of a config on the bundled body, which has SMPL's counts."""
    cfg = use_embedded(load_config(CONFIGS / name))[0]
    with DefaultScope.overwrite_default_scope('whmr'):
        return MODELS.build(cfg.model)


def backbone_and_neck() -> nn.Module:
    whole = from_config('whmr/whmr_r50_stage1.py')
    return nn.ModuleDict({'backbone': whole.backbone, 'neck': whole.neck})


TARGETS: dict[str, Callable[[], nn.Module]] = {
    'whmr_vitpose_markers': lambda: from_config(RELEASE.format('vitpose')),
    'whmr_vitpose_vertices': lambda: from_config(RELEASE.format('vitpose-hybrid')),
    'whmr_res50_markers': lambda: from_config(RELEASE.format('r50')),
    'whmr_res50_vertices': lambda: from_config(RELEASE.format('r50-hybrid')),
    'spec_camcalib': lambda: CamCalib(TimmBackbone('resnet50')),
    'vitpose_coco': ViTPoseBackbone,
    'pose_resnet': backbone_and_neck,
    'torchvision_resnet50': lambda: TimmBackbone('resnet50'),
    'spin_hmr': lambda: from_config('orient_correct/hmr_r50.py'),
    'pymaf': lambda: from_config('orient_correct/pymaf_r50.py'),
}


def test_there_is_a_layout_for_every_key_map() -> None:
    names = [key_map.name for source in SOURCES.values() for key_map in source.key_maps]
    assert set(names) == set(LAYOUTS) == set(TARGETS)
    assert set(MODULES) == {name for name in SOURCES if name not in VARIANTS}


@each_layout
def test_result_is_exactly_our_state_dict(name: str) -> None:
    converted = SOURCES['whmr' if name in VARIANTS else name].convert(on_meta(LAYOUTS[name]))
    assert converted.layout == name
    with torch.device('meta'):
        model = TARGETS[name]()
    assert shapes_of(converted.state_dict) == shapes_of(model.state_dict())
    model.load_state_dict(converted.state_dict, strict=True, assign=True)


@each_layout
def test_every_tensor_is_mapped_once_or_dropped_for_a_reason(name: str) -> None:
    done = convert_checkpoint(on_meta(LAYOUTS[name]), name)
    dropped = [key for keys in done.dropped.values() for key in keys]
    assert sorted([*done.mapped, *dropped]) == sorted(LAYOUTS[name])
    assert sorted(done.mapped.values()) == sorted(done.state_dict)
    assert all(len(reason) > 10 for reason in done.dropped)


# Pairs written by hand, of each kind of part.
PARTS = {
    'deconv_layers.3.weight': 'estimator.neck.layers.1.0.weight',
    'deconv_layers.7.running_var': 'estimator.neck.layers.2.1.running_var',
    'maf_extractor.1.conv2.weight': 'estimator.extractors.1.layers.2.weight',
    'regressor.0.decpose.weight': 'estimator.regressors.0.decode_pose.weight',
    'regressor.1.decshape.bias': 'estimator.regressors.1.decode_betas.bias',
    'regressor.1.deccam.weight': 'estimator.regressors.1.decode_cam.weight',
    'conv.0.weight': 'estimator.focal_head.conv1.weight',
    'conv.1.weight': 'estimator.focal_head.conv2.weight',
    'transformer_decoder.attn.qkv.weight': 'estimator.focal_head.block.attn.qkv.weight',
    'transformer_decoder.mlp.fc2.bias': 'estimator.focal_head.block.mlp.fc2.bias',
    'est_Tz.0.weight': 'estimator.focal_head.fc1.weight',
    'est_Tz.1.bias': 'estimator.focal_head.fc2.bias',
    'est_Tz.2.running_mean': 'estimator.focal_head.norm.running_mean',
    'dp_head.predict_u.weight': 'estimator.iuv_head.predict_u.weight',
    'dp_head.predict_v.weight': 'estimator.iuv_head.predict_v.weight',
    'dp_head.predict_uv_index.bias': 'estimator.iuv_head.predict_index.bias',
    'dp_head.predict_ann_index.bias': 'estimator.iuv_head.predict_annotation.bias',
    'dpth_head.predict_depth.weight': 'estimator.depth_head.predict_depth.weight',
    'cam_model.backbone.layer3.5.bn2.running_mean': (
        'camera.backbone.model.layer3.5.bn2.running_mean'
    ),
    'cam_model.fc_pitch.weight': 'camera.fc_pitch.weight',
    'cam_model.fc_roll.weight': 'camera.fc_roll.weight',
    'global_orient.fc2.weight': 'orientation.fc2.weight',
    'global_orient.decrot.bias': 'orientation.decode.bias',
}
BACKBONES = {
    'vitpose': {
        'feature_extractor.backbone.pos_embed': 'estimator.backbone.pos_embed',
        'feature_extractor.backbone.patch_embed.proj.bias': 'estimator.backbone.patch_embed.bias',
        'feature_extractor.backbone.blocks.7.norm2.weight': (
            'estimator.backbone.blocks.7.norm2.weight'
        ),
        'feature_extractor.backbone.last_norm.weight': 'estimator.backbone.norm.weight',
    },
    'res50': {
        'feature_extractor.layer2.0.downsample.1.weight': (
            'estimator.backbone.model.layer2.0.downsample.1.weight'
        ),
        'feature_extractor.bn1.running_var': 'estimator.backbone.model.bn1.running_var',
    },
}
LAYER = 'transformer.0.trans_encoder.0.bert.encoder.layer.2.'
POINTS = {
    'markers': {'regressor.2.fc2.weight': 'estimator.regressors.2.fc2.weight'},
    'vertices': {
        'transformer.0.global_feat_dim.weight': (
            'estimator.vertex_regressors.0.global_token.weight'
        ),
        'transformer.0.trans_encoder.0.cls_head.weight': (
            'estimator.vertex_regressors.0.decode.weight'
        ),
        'transformer.0.trans_encoder.0.residual.bias': 'estimator.vertex_regressors.0.skip.bias',
        'transformer.0.upsampling2.bias': 'estimator.vertex_regressors.0.upsample2.bias',
        f'{LAYER}attention.self.key.weight': 'estimator.vertex_regressors.0.layers.2.key.weight',
        f'{LAYER}graph_conv.lin1.W': 'estimator.vertex_regressors.0.layers.2.graph.fc1.weight',
        f'{LAYER}graph_conv.lin2.b': 'estimator.vertex_regressors.0.layers.2.graph.fc2.bias',
        f'{LAYER}output.dense.weight': 'estimator.vertex_regressors.0.layers.2.fc2.weight',
        f'{LAYER}output.LayerNorm.bias': 'estimator.vertex_regressors.0.layers.2.norm.bias',
    },
}


@each_variant
def test_tensors_of_the_release_land_where_they_should(variant: str) -> None:
    _, backbone, points = variant.split('_')
    shapes = release_shapes(variant, constants=False)
    pairs = PARTS | BACKBONES[backbone] | POINTS[points]
    converted = SOURCES['whmr'].convert(numbered(shapes)).state_dict
    number = places(shapes)
    for theirs, ours in pairs.items():
        assert converted[ours].unique().tolist() == [number[theirs]], (theirs, ours)
    used = [int(value.flatten()[0]) for key, value in converted.items() if COUNTER not in key]
    assert len(set(used)) == len(used)
    assert all(value.is_contiguous() for value in converted.values())


SIMPLE = {
    'spec_camcalib': {
        'model.backbone.layer4.2.conv3.weight': 'backbone.model.layer4.2.conv3.weight',
        'model.fc_vfov.bias': 'fc_vfov.bias',
    },
    'vitpose_coco': {
        'backbone.patch_embed.proj.weight': 'patch_embed.weight',
        'backbone.last_norm.bias': 'norm.bias',
        'backbone.blocks.11.attn.qkv.bias': 'blocks.11.attn.qkv.bias',
    },
    'pose_resnet': {
        'layer1.0.conv2.weight': 'backbone.model.layer1.0.conv2.weight',
        'deconv_layers.6.weight': 'neck.layers.2.0.weight',
        'deconv_layers.1.num_batches_tracked': 'neck.layers.0.1.num_batches_tracked',
    },
    'torchvision_resnet50': {'bn1.running_mean': 'model.bn1.running_mean'},
    'spin_hmr': {
        'conv1.weight': 'backbone.model.conv1.weight',
        'decpose.weight': 'head.decpose.weight',
        'init_shape': 'head.init_betas',
        'init_cam': 'head.init_cam',
    },
    'pymaf': {
        'maf_extractor.2.conv0.bias': 'extractors.2.layers.0.bias',
        'regressor.2.decpose.weight': 'regressors.2.decode_pose.weight',
        'feature_extractor.bn1.bias': 'backbone.model.bn1.bias',
    },
}


@pytest.mark.parametrize('name', SIMPLE)
def test_tensors_of_the_others_land_where_they_should(name: str) -> None:
    module = importlib.import_module(f'whmr.checkpoints.{MODULES[name]}')
    converted: dict[str, Tensor] = module.convert(numbered(LAYOUTS[name]))
    number = places(LAYOUTS[name])
    for theirs, ours in SIMPLE[name].items():
        assert converted[ours].unique().tolist() == [number[theirs]], (theirs, ours)


def test_graph_convolution_is_transposed_and_unread_positions_are_left_out() -> None:
    state = on_meta(release_shapes('whmr_res50_vertices'))
    weight = f'{LAYER}graph_conv.conv.weight'
    rows = 'transformer.0.trans_encoder.0.bert.position_embeddings.weight'
    state[weight] = torch.arange(256.0).reshape(16, 16)
    state[rows] = torch.arange(512.0 * 32).reshape(512, 32)
    ours = 'estimator.vertex_regressors.0.'
    converted = SOURCES['whmr'].convert(state).state_dict
    torch.testing.assert_close(converted[f'{ours}layers.2.graph.conv.weight'], state[weight].T)
    torch.testing.assert_close(converted[f'{ours}position'], state[rows][:432])
    assert converted[f'{ours}position'].untyped_storage().nbytes() == 432 * 32 * 4


@pytest.mark.parametrize(
    ('source', 'shapes'),
    [
        ('spec_camcalib', camcalib_shapes(prefix='')),
        ('spec_camcalib', camcalib_shapes(prefix='module.model.')),
        ('torchvision_resnet50', resnet50_shapes(classifier=False)),
        ('pymaf', pymaf_shapes(dense=False)),
    ],
    ids=['no Lightning', 'DataParallel', 'no classifier', 'no dense head'],
)
def test_forms_in_which_a_checkpoint_may_come(source: str, shapes: dict) -> None:
    exact = convert_checkpoint(on_meta(LAYOUTS[source]), source)
    other = convert_checkpoint(on_meta(shapes), source)
    assert shapes_of(other.state_dict) == shapes_of(exact.state_dict)


def test_counters_of_batch_norm_are_kept_or_zero() -> None:
    key, ours = f'bn1.{COUNTER}', f'model.bn1.{COUNTER}'
    state = numbered(resnet50_shapes())
    state[key] = torch.tensor(7)
    assert convert_checkpoint(state, 'torchvision_resnet50').state_dict[ours] == 7
    for name in [name for name in state if name.endswith(COUNTER)]:
        del state[name]
    converted = convert_checkpoint(state, 'torchvision_resnet50').state_dict[ours]
    assert converted == 0 and converted.dtype == torch.int64


@each_layout
def test_a_key_too_few_too_many_or_misshapen_is_refused(name: str) -> None:
    source = 'whmr' if name in VARIANTS else name
    state = on_meta(LAYOUTS[name])
    first = next(key for key in state if key.endswith('conv1.weight') or 'pos_embed' in key)
    short = {key: value for key, value in state.items() if key != first}
    with pytest.raises(KeyMismatchError, match=f'1 key missing .*{first}') as caught:
        convert_checkpoint(short, source)
    assert [len(each) for each in caught.value.problems] == [1, 0, 0]
    assert caught.value.problems.lines()[0].endswith(first)
    with pytest.raises(KeyMismatchError, match=r'1 key unexpected \(.*extra\.weight\)'):
        convert_checkpoint(
            {**state, first.removesuffix('conv1.weight') + 'extra.weight': state[first]}, source
        )
    wrong = {**state, first: torch.empty(2, 3, device='meta')}
    with pytest.raises(KeyMismatchError, match=r'1 key of another shape .*2x3 in the file'):
        convert_checkpoint(wrong, source)


@pytest.mark.parametrize('given', VARIANTS)
@pytest.mark.parametrize('asked', VARIANTS)
def test_another_variant_is_refused_by_name(given: str, asked: str) -> None:
    state = on_meta(release_shapes(given))
    if given == asked:
        assert convert_checkpoint(state, asked).layout == given
        return
    with pytest.raises(KeyMismatchError, match=f"no checkpoint of '{asked}' .*source '{given}'"):
        convert_checkpoint(state, asked, 'file.pth')


def test_another_source_is_refused_by_name() -> None:
    with pytest.raises(KeyMismatchError, match=r"no checkpoint of 'pymaf' .*source 'spin_hmr'"):
        convert_checkpoint(on_meta(LAYOUTS['spin_hmr']), 'pymaf')
    with pytest.raises(ValueError, match=r"unknown source 'hmr'.*spin_hmr"):
        convert_checkpoint({}, 'hmr')
    with pytest.raises(KeyMismatchError, match='missing'):
        convert_checkpoint({}, 'whmr')
