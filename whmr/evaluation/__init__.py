"""Batched errors and the metrics that report them."""

from whmr.evaluation.functional import (
    keypoint_error_2d,
    mpjpe,
    pa_mpjpe,
    pitch_roll_error,
    pve,
    relative_focal_error,
    rotation_error,
    up_vector_error,
)
from whmr.evaluation.metrics import (
    CameraMetric,
    CameraSpaceMetric,
    MeshErrors,
    PerSampleMetric,
    WorldSpaceMetric,
)

__all__ = [
    'CameraMetric',
    'CameraSpaceMetric',
    'MeshErrors',
    'PerSampleMetric',
    'WorldSpaceMetric',
    'keypoint_error_2d',
    'mpjpe',
    'pa_mpjpe',
    'pitch_roll_error',
    'pve',
    'relative_focal_error',
    'rotation_error',
    'up_vector_error',
]
