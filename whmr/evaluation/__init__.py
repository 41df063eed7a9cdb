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
from whmr.evaluation.matching import Matches, detection_scores, match_people
from whmr.evaluation.metrics import (
    AgoraMetric,
    CameraMetric,
    CameraSpaceMetric,
    MeshErrors,
    PerSampleMetric,
    ProtocolMetric,
    WorldSpaceMetric,
)
from whmr.evaluation.protocols import PROTOCOLS, Protocol, ProtocolColumn

__all__ = [
    'PROTOCOLS',
    'AgoraMetric',
    'CameraMetric',
    'CameraSpaceMetric',
    'Matches',
    'MeshErrors',
    'PerSampleMetric',
    'Protocol',
    'ProtocolColumn',
    'ProtocolMetric',
    'WorldSpaceMetric',
    'detection_scores',
    'keypoint_error_2d',
    'match_people',
    'mpjpe',
    'pa_mpjpe',
    'pitch_roll_error',
    'pve',
    'relative_focal_error',
    'rotation_error',
    'up_vector_error',
]
