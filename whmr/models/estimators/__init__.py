"""Estimators: whole models, from crops to bodies."""

from whmr.models.estimators.camera_estimator import CameraEstimator
from whmr.models.estimators.cliff import CLIFF
from whmr.models.estimators.external import ExternalHMR
from whmr.models.estimators.external_fields import ExternalModelError, OutputField
from whmr.models.estimators.grad_flow import GradFlow
from whmr.models.estimators.hmr import HMR
from whmr.models.estimators.hmr2 import HMR2
from whmr.models.estimators.outputs import StepOutput, WHMROutput
from whmr.models.estimators.whmr import WHMR
from whmr.models.estimators.world_hmr import WorldEstimate, WorldHMR

__all__ = [
    'CLIFF',
    'HMR',
    'HMR2',
    'WHMR',
    'CameraEstimator',
    'ExternalHMR',
    'ExternalModelError',
    'GradFlow',
    'OutputField',
    'StepOutput',
    'WHMROutput',
    'WorldEstimate',
    'WorldHMR',
]
