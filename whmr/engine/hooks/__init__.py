"""Hooks of the training runner."""

from whmr.engine.hooks.bad_photo_hook import BadPhotoHook
from whmr.engine.hooks.check_finite_loss_hook import CheckFiniteLossHook
from whmr.engine.hooks.checkpoint_hook import CheckpointHook
from whmr.engine.hooks.checkpoint_state_hook import CheckpointStateHook
from whmr.engine.hooks.dump_predictions_hook import DumpPredictionsHook
from whmr.engine.hooks.feature_cache_hook import FeatureCacheHook
from whmr.engine.hooks.parameter_report_hook import ParameterReportHook, count_parameters
from whmr.engine.hooks.seed_per_iter_hook import SeedPerIterHook
from whmr.engine.hooks.visualization_hook import VisualizationHook

__all__ = [
    'BadPhotoHook',
    'CheckFiniteLossHook',
    'CheckpointHook',
    'CheckpointStateHook',
    'DumpPredictionsHook',
    'FeatureCacheHook',
    'ParameterReportHook',
    'SeedPerIterHook',
    'VisualizationHook',
    'count_parameters',
]
