"""Heads: from features to parameters, distance and maps."""

from whmr.models.heads.depth_head import DepthHead
from whmr.models.heads.focal_predictor import FocalPredictor
from whmr.models.heads.iuv_head import IUVHead, IUVOutput
from whmr.models.heads.parameter_regressor import ParameterRegressor, RegressorOutput

__all__ = [
    'DepthHead',
    'FocalPredictor',
    'IUVHead',
    'IUVOutput',
    'ParameterRegressor',
    'RegressorOutput',
]
