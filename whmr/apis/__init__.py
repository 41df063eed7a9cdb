"""The library in use: detectors, the inferencer, and its results."""

from whmr.apis.detectors import (
    OnnxPersonDetector,
    PersonDetector,
    TorchvisionDetector,
    WholeImageDetector,
)
from whmr.apis.export_results import KINDS as EXPORT_KINDS
from whmr.apis.export_results import ExportOptions, ExportReport, GlbLosses, export_results
from whmr.apis.gather import gather_results, link_boxes
from whmr.apis.hmr_result import SCHEMA_VERSION, HMRResult
from whmr.apis.image_source import ImageSource, SourceImage
from whmr.apis.inferencer import HMRInferencer, check_boxes
from whmr.apis.known_camera import KnownCamera, find_camera
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.result_files import write_result
from whmr.apis.results_source import ResultsSource, find_results, read_results

__all__ = [
    'EXPORT_KINDS',
    'SCHEMA_VERSION',
    'ExportOptions',
    'ExportReport',
    'Failure',
    'GlbLosses',
    'HMRInferencer',
    'HMRResult',
    'ImageSource',
    'InferenceReport',
    'KnownCamera',
    'OnnxPersonDetector',
    'PersonDetector',
    'ResultsSource',
    'SourceImage',
    'TorchvisionDetector',
    'WholeImageDetector',
    'check_boxes',
    'export_results',
    'find_camera',
    'gather_results',
    'link_boxes',
    'read_results',
    'find_results',
    'write_result',
]
