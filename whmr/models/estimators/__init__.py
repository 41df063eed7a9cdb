"""Estimators: whole models, from crops to bodies."""

from whmr.models.estimators.camera_estimator import CameraEstimator
from whmr.models.estimators.grad_flow import GradFlow
from whmr.models.estimators.outputs import StepOutput, WHMROutput
from whmr.models.estimators.whmr import WHMR
from whmr.models.estimators.world_hmr import WorldEstimate, WorldHMR

__all__ = [
    'WHMR',
    'CameraEstimator',
    'GradFlow',
    'StepOutput',
    'WHMROutput',
    'WorldEstimate',
    'WorldHMR',
]
