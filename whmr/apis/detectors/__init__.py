"""Person detectors: what tells the inferencer where the people are."""

from whmr.apis.detectors.base import PersonDetector
from whmr.apis.detectors.onnx_person_detector import OnnxPersonDetector
from whmr.apis.detectors.torchvision_detector import TorchvisionDetector
from whmr.apis.detectors.whole_image import WholeImageDetector

__all__ = ['OnnxPersonDetector', 'PersonDetector', 'TorchvisionDetector', 'WholeImageDetector']
