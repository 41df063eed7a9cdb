"""Models as ONNX and TorchScript files; `whmr.deploy` runs them without torch."""

from whmr.exporting.check import TOLERANCE, ExportMismatchError, FileReport
from whmr.exporting.export import export_onnx
from whmr.exporting.parts import CalibratorPart, CameraSpacePart, ExportPart, OrientationPart

__all__ = [
    'TOLERANCE',
    'CalibratorPart',
    'CameraSpacePart',
    'ExportMismatchError',
    'ExportPart',
    'FileReport',
    'OrientationPart',
    'export_onnx',
]
