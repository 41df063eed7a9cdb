"""MMEngine metrics."""

from whmr.evaluation.metrics.agora_metric import AgoraMetric
from whmr.evaluation.metrics.camera_metric import CameraMetric
from whmr.evaluation.metrics.camera_space_metric import CameraSpaceMetric
from whmr.evaluation.metrics.mesh_errors import MeshErrors
from whmr.evaluation.metrics.per_sample import PerSampleMetric
from whmr.evaluation.metrics.protocol_metric import ProtocolMetric
from whmr.evaluation.metrics.world_space_metric import WorldSpaceMetric

__all__ = [
    'AgoraMetric',
    'CameraMetric',
    'CameraSpaceMetric',
    'MeshErrors',
    'PerSampleMetric',
    'ProtocolMetric',
    'WorldSpaceMetric',
]
