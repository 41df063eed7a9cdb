"""Person detectors: what tells the inferencer where the people are; and a 2D pose network."""

from whmr.apis.detectors.base import PersonDetector
from whmr.apis.detectors.blaze_pose import BlazePose
from whmr.apis.detectors.onnx_person_detector import OnnxPersonDetector
from whmr.apis.detectors.torchvision_detector import TorchvisionDetector
from whmr.apis.detectors.whole_image import WholeImageDetector

__all__ = [
    'BlazePose',
    'OnnxPersonDetector',
    'PersonDetector',
    'TorchvisionDetector',
    'WholeImageDetector',
]
