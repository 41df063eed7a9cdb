"""Typed records that flow through a model, and the data sample of one person."""

from whmr.structures.hmr_data_sample import HMRDataSample
from whmr.structures.records import (
    BodyEstimate,
    CropMetas,
    HMRTargets,
    OrientationInputs,
    WorldTargets,
)

__all__ = [
    'BodyEstimate',
    'CropMetas',
    'HMRDataSample',
    'HMRTargets',
    'OrientationInputs',
    'WorldTargets',
]
