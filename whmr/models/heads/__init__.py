"""Heads: from features to parameters, vertices, distance and maps."""

from whmr.models.heads.depth_head import DepthHead
from whmr.models.heads.focal_predictor import FocalPredictor
from whmr.models.heads.graph_residual import GraphResidualBlock
from whmr.models.heads.graphormer_layer import GraphormerLayer
from whmr.models.heads.iterative_regressor import IterativeRegressor
from whmr.models.heads.iuv_head import IUVHead, IUVOutput
from whmr.models.heads.parameter_regressor import ParameterRegressor, RegressorOutput
from whmr.models.heads.query_decoder_head import QueryDecoderHead
from whmr.models.heads.vertex_transformer import VertexOutput, VertexTransformer

__all__ = [
    'DepthHead',
    'FocalPredictor',
    'GraphResidualBlock',
    'GraphormerLayer',
    'IUVHead',
    'IUVOutput',
    'IterativeRegressor',
    'ParameterRegressor',
    'QueryDecoderHead',
    'RegressorOutput',
    'VertexOutput',
    'VertexTransformer',
]
