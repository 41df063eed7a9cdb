"""Orientation modules: from the camera frame to the gravity-aligned world."""

from whmr.models.orientation.orient_correct import OrientCorrect
from whmr.models.orientation.rotation_multiply import RotationMultiply
from whmr.models.orientation.uncorrected import Uncorrected

__all__ = ['OrientCorrect', 'RotationMultiply', 'Uncorrected']
