"""Model components and estimators.

A folder is named after the registry that it fills and the config field that names it.
"""

from whmr.models.backbones import TimmBackbone, ViTPoseBackbone
from whmr.models.cameras import CamCalib, CameraEstimate, CameraLogits
from whmr.models.data_preprocessor import HMRDataPreprocessor
from whmr.models.estimators import WHMR, CameraEstimator, WorldHMR
from whmr.models.extractors import PixelAlignedExtractor, grid_points
from whmr.models.heads import (
    DepthHead,
    FocalPredictor,
    IUVHead,
    IUVOutput,
    ParameterRegressor,
    RegressorOutput,
)
from whmr.models.losses import (
    CameraAngleLoss,
    CameraScaleLoss,
    DepthLoss,
    FocalLoss,
    IUVLoss,
    Keypoint2DLoss,
    Keypoint3DLoss,
    PoseLoss,
    ShapeLoss,
    VertexLoss,
)
from whmr.models.necks import DeconvNeck
from whmr.models.orientation import OrientCorrect, RotationMultiply, Uncorrected

__all__ = [
    'WHMR',
    'CamCalib',
    'CameraAngleLoss',
    'CameraEstimate',
    'CameraEstimator',
    'CameraLogits',
    'CameraScaleLoss',
    'DeconvNeck',
    'DepthHead',
    'DepthLoss',
    'FocalLoss',
    'FocalPredictor',
    'HMRDataPreprocessor',
    'IUVHead',
    'IUVLoss',
    'IUVOutput',
    'Keypoint2DLoss',
    'Keypoint3DLoss',
    'OrientCorrect',
    'ParameterRegressor',
    'PixelAlignedExtractor',
    'PoseLoss',
    'RegressorOutput',
    'RotationMultiply',
    'ShapeLoss',
    'TimmBackbone',
    'Uncorrected',
    'VertexLoss',
    'ViTPoseBackbone',
    'WorldHMR',
    'grid_points',
]
