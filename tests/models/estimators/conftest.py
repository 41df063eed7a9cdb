"""A W-HMR small enough for a CPU test, with every part of the real one, and a batch for it."""

import pytest
import torch
from mmengine.registry import init_default_scope

from whmr.body_models import FreeBody
from whmr.models import HMRDataPreprocessor
from whmr.models.estimators import WHMR, WorldHMR
from whmr.testing import tiny_batch

CROP = (64, 64)
MAP = (16, 16)
STAGES = {
    1: dict(crop_2d_to_body=True, full_2d_to_body=False, distance_to_features=False),
    2: dict(crop_2d_to_body=False, full_2d_to_body=True, distance_to_features=True),
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
            body,
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
