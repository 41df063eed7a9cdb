"""A W-HMR small enough for a CPU test, with every part of the real one, and a batch for it."""

from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.registry import init_default_scope

from whmr.body_models import FreeBody
from whmr.body_models.pyramid import MeshPyramid, PyramidLevel, SparseRows
from whmr.models import HMRDataPreprocessor
from whmr.models.estimators import WHMR, WorldHMR
from whmr.testing import tiny_batch

CROP = (64, 64)
MAP = (16, 16)
CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
STAGES = {
    stage: Config.fromfile(CONFIGS / '_base_' / 'stages' / f'stage{stage}.py').grad_flow.to_dict()
    for stage in (1, 2)
}
LOSSES = dict(
    keypoints_2d_crop=dict(type='Keypoint2DLoss'),
    keypoints_2d_full=dict(type='Keypoint2DLoss'),
    keypoints_3d=dict(type='Keypoint3DLoss'),
    pose=dict(type='PoseLoss'),
    shape=dict(type='ShapeLoss'),
    vertices=dict(type='VertexLoss'),
    focal=dict(type='FocalLoss'),
    camera=dict(type='CameraScaleLoss'),
)
WORLD_LOSSES = dict(
    keypoints_3d=dict(type='Keypoint3DLoss'),
    vertices=dict(type='VertexLoss'),
    pose=dict(type='PoseLoss'),
)
HYBRID = dict(
    points='vertices',
    regressors=[dict(type='ParameterRegressor', hidden_dim=32, dropout=0.0)] * 2,
    vertex_regressors=[
        dict(
            type='VertexTransformer',
            hidden_dim=16,
            num_layers=1,
            num_heads=2,
            mlp_dim=16,
            graph_dim=8,
            dropout=0.0,
            attention_dropout=0.0,
        )
    ],
)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('whmr')


@pytest.fixture(scope='session')
def body():
    return FreeBody()


@pytest.fixture
def make_whmr(body):
    """A factory: `make_whmr(stage)`; random but seeded weights, decoders large enough to matter."""

    def make(stage=1, **changes):
        torch.manual_seed(0)
        model = WHMR(
            changes.pop('body_model', body),
            dict(type='TimmBackbone', model_name='resnet18'),
            **{
                'neck': dict(type='DeconvNeck', in_channels=512, out_channels=16),
                'extractor': dict(
                    type='PixelAlignedExtractor',
                    in_channels=16,
                    out_channels=4,
                    hidden_channels=(16, 8),
                ),
                'regressors': [dict(type='ParameterRegressor', hidden_dim=32, dropout=0.0)] * 3,
                'focal_head': dict(
                    type='FocalPredictor',
                    in_channels=16,
                    in_shape=MAP,
                    mid_channels=8,
                    kernel_size=3,
                    strides=(2, 1),
                    num_heads=1,
                ),
                'iuv_head': dict(type='IUVHead', in_channels=16),
                'depth_head': dict(type='DepthHead', in_channels=16),
                'grid_shape': (4, 4),
                'losses': LOSSES,
                'grad_flow': STAGES[stage],
                **changes,
            },
        )
        with torch.no_grad():
            for regressor in model.regressors:
                for name in ('decode_pose', 'decode_betas', 'decode_cam'):
                    getattr(regressor, name).weight.normal_(0, 0.003)
        return model

    return make


@pytest.fixture(scope='session')
def coarse_body():
    """The free body with a mesh pyramid of 6890, 138 and 35 vertices, for speed."""
    body = FreeBody()
    points = body.v_template.reshape(3, -1).T
    levels = []
    for stride in (50, 4):
        kept = torch.arange(0, len(points), stride)
        nearest = torch.cdist(points, points[kept]).argmin(dim=1)
        chain = torch.arange(len(kept))
        levels.append(
            PyramidLevel(
                SparseRows.from_selection(kept.numpy()),
                SparseRows.from_selection(nearest.numpy()),
                torch.stack([chain[:-1], chain[1:]], dim=1).numpy(),
            )
        )
        points = points[kept]
    body.pyramid_table = MeshPyramid(
        tuple(levels), topology=body.topology, num_vertices=body.num_vertices
    )
    return body


@pytest.fixture
def make_hybrid(make_whmr, coarse_body):
    """A factory: `make_hybrid(stage)`; two parameter regressors, then a vertex regressor."""

    def make(stage=1, **changes):
        return make_whmr(stage, **{'body_model': coarse_body, **HYBRID, **changes})

    return make


@pytest.fixture
def make_world(make_whmr, body):
    """A factory: `make_world(**changes)`; OrientCorrect on the tiny W-HMR."""

    def make(**changes):
        estimator = changes.pop('estimator', None) or make_whmr()
        torch.manual_seed(1)
        return WorldHMR(
            body,
            estimator,
            **{
                'orientation': dict(
                    type='OrientCorrect', feat_dim=67 * 4, hidden_dim=32, dropout=0.0
                ),
                'camera': dict(
                    type='CamCalib', backbone=dict(type='TimmBackbone', model_name='resnet18')
                ),
                'losses': WORLD_LOSSES,
                **changes,
            },
        )

    return make


@pytest.fixture(scope='session')
def make_batch(body):
    """A factory: `make_batch(num)` gives what an estimator's `forward` takes."""

    def make(num=4, training=True, labelled=True):
        init_default_scope('whmr')
        processor = HMRDataPreprocessor(
            body,
            mean=[127.5] * 3,
            std=[127.5] * 3,
            render_maps=dict(shape=MAP),
        )
        return processor(tiny_batch(num, CROP, full_side=64, labelled=labelled), training)

    return make
