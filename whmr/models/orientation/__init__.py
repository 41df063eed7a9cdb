"""Orientation modules: from the camera frame to the gravity-aligned world."""

from whmr.models.orientation.direct_regression import DirectRegression
from whmr.models.orientation.noisy_rotation import NoisyRotation
from whmr.models.orientation.orient_correct import OrientCorrect
from whmr.models.orientation.rotation_multiply import RotationMultiply
from whmr.models.orientation.uncorrected import Uncorrected

__all__ = ['DirectRegression', 'NoisyRotation', 'OrientCorrect', 'RotationMultiply', 'Uncorrected']
