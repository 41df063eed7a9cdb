"""Camera calibrators: from a photo to its field of view, pitch and roll."""

from whmr.models.cameras.cam_calib import CamCalib
from whmr.models.cameras.records import CameraEstimate, CameraLogits

__all__ = ['CamCalib', 'CameraEstimate', 'CameraLogits']
