"""The library in use: detectors, the inferencer, and its results."""

from whmr.apis.detectors import (
    OnnxPersonDetector,
    PersonDetector,
    TorchvisionDetector,
    WholeImageDetector,
)
from whmr.apis.exif import read_exif_focal
from whmr.apis.export_results import KINDS as EXPORT_KINDS
from whmr.apis.export_results import ExportOptions, ExportReport, GlbLosses, export_results
from whmr.apis.gather import gather_results
from whmr.apis.hmr_result import SCHEMA_VERSION, HMRResult
from whmr.apis.image_source import ImageSource, SourceImage
from whmr.apis.inference_model import find_device
from whmr.apis.inferencer import HMRInferencer
from whmr.apis.known_camera import KnownCamera, find_camera, focal_from_35mm
from whmr.apis.link_boxes import link_boxes
from whmr.apis.merge_runs import merge_runs
from whmr.apis.person_boxes import check_boxes
from whmr.apis.photo_batches import Photo
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.result_files import draw_views, write_result
from whmr.apis.results_source import ResultsSource, find_results, read_results
from whmr.apis.share import Share, find_share
from whmr.apis.video import VideoReport, infer_videos
from whmr.apis.video_options import VideoOptions

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
    'Photo',
    'ResultsSource',
    'Share',
    'SourceImage',
    'TorchvisionDetector',
    'VideoOptions',
    'VideoReport',
    'WholeImageDetector',
    'check_boxes',
    'draw_views',
    'export_results',
    'find_camera',
    'find_device',
    'find_results',
    'focal_from_35mm',
    'gather_results',
    'find_share',
    'infer_videos',
    'link_boxes',
    'merge_runs',
    'read_exif_focal',
    'read_results',
    'write_result',
]
