"""Model components and estimators.

A folder is named after the registry that it fills and the config field that names it.
"""

from whmr.models.backbones import TimmBackbone, ViTPoseBackbone
from whmr.models.cameras import CamCalib, CameraEstimate, CameraLogits
from whmr.models.data_preprocessor import HMRDataPreprocessor
from whmr.models.estimators import (
    CLIFF,
    HMR,
    HMR2,
    WHMR,
    CameraEstimator,
    ExternalHMR,
    WorldHMR,
)
from whmr.models.extractors import PixelAlignedExtractor, grid_points
from whmr.models.heads import (
    DepthHead,
    FocalPredictor,
    IterativeRegressor,
    IUVHead,
    IUVOutput,
    ParameterRegressor,
    QueryDecoderHead,
    RegressorOutput,
    VertexOutput,
    VertexTransformer,
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
from whmr.models.orientation import (
    DirectRegression,
    NoisyRotation,
    OrientCorrect,
    RotationMultiply,
    Uncorrected,
)
from whmr.models.replay_preprocessor import ReplayDataPreprocessor

__all__ = [
    'CLIFF',
    'HMR',
    'HMR2',
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
    'DirectRegression',
    'ExternalHMR',
    'FocalLoss',
    'FocalPredictor',
    'HMRDataPreprocessor',
    'IUVHead',
    'IUVLoss',
    'IUVOutput',
    'Keypoint2DLoss',
    'Keypoint3DLoss',
    'NoisyRotation',
    'OrientCorrect',
    'IterativeRegressor',
    'ParameterRegressor',
    'PixelAlignedExtractor',
    'PoseLoss',
    'QueryDecoderHead',
    'RegressorOutput',
    'ReplayDataPreprocessor',
    'RotationMultiply',
    'ShapeLoss',
    'TimmBackbone',
    'Uncorrected',
    'VertexLoss',
    'VertexOutput',
    'VertexTransformer',
    'ViTPoseBackbone',
    'WorldHMR',
    'grid_points',
]
