"""The library in use: detectors, the inferencer, and its results."""

from whmr.apis.detectors import (
    OnnxPersonDetector,
    PersonDetector,
    TorchvisionDetector,
    WholeImageDetector,
)
from whmr.apis.hmr_result import SCHEMA_VERSION, HMRResult
from whmr.apis.image_source import ImageSource, SourceImage
from whmr.apis.inferencer import HMRInferencer, check_boxes
from whmr.apis.known_camera import KnownCamera, find_camera
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.result_files import write_result

__all__ = [
    'SCHEMA_VERSION',
    'Failure',
    'HMRInferencer',
    'HMRResult',
    'ImageSource',
    'InferenceReport',
    'KnownCamera',
    'OnnxPersonDetector',
    'PersonDetector',
    'SourceImage',
    'TorchvisionDetector',
    'WholeImageDetector',
    'check_boxes',
    'find_camera',
    'write_result',
]
