"""What the package offers, and that its modules are reachable through their registries."""

import pytest
import torch

import whmr.models
from whmr.geometry import check_shape
from whmr.models import OrientCorrect
from whmr.registry import (
    BACKBONES,
    CAMERAS,
    EXTRACTORS,
    HEADS,
    LOSSES,
    NECKS,
    ORIENTATIONS,
    build_child,
)


@pytest.mark.parametrize(
    'registry, names',
    [
        (BACKBONES, ['TimmBackbone', 'ViTPoseBackbone']),
        (NECKS, ['DeconvNeck']),
        (EXTRACTORS, ['PixelAlignedExtractor']),
        (HEADS, ['DepthHead', 'FocalPredictor', 'IUVHead', 'ParameterRegressor']),
        (CAMERAS, ['CamCalib']),
        (ORIENTATIONS, ['OrientCorrect', 'RotationMultiply', 'Uncorrected']),
        (
            LOSSES,
            [
                'CameraAngleLoss',
                'CameraScaleLoss',
                'DepthLoss',
                'FocalLoss',
                'IUVLoss',
                'Keypoint2DLoss',
                'Keypoint3DLoss',
                'PoseLoss',
                'ShapeLoss',
                'VertexLoss',
            ],
        ),
    ],
)
def test_each_component_is_registered_under_its_class_name(registry, names):
    for name in names:
        assert registry.get(name) is getattr(whmr.models, name)


def test_all_names_exist():
    for name in whmr.models.__all__:
        assert hasattr(whmr.models, name)


def test_a_child_is_a_config_or_a_module():
    config = dict(type='OrientCorrect', feat_dim=4, hidden_dim=8)
    built = build_child(ORIENTATIONS, config)
    assert isinstance(built, OrientCorrect)
    assert build_child(ORIENTATIONS, built) is built


def test_check_shape_names_what_is_wrong():
    check_shape(torch.zeros(2, 3), (None, 3), 'Module: x')
    for bad in ((None, 4), (2, 3, 1), (2,)):
        with pytest.raises(ValueError, match=r'Module: x must have shape .* got \(2, 3\)'):
            check_shape(torch.zeros(2, 3), bad, 'Module: x')
