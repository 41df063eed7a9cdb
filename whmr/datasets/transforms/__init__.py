"""Transforms: from a row of a data set to a packed sample."""

from whmr.datasets.transforms.boxes import GetBox, RandomBoxScale, RandomBoxShift
from whmr.datasets.transforms.camera_motion import apply_flip, apply_roll, principal_point
from whmr.datasets.transforms.loading import LoadImage
from whmr.datasets.transforms.occlusion import RandomOcclusion
from whmr.datasets.transforms.packing import PackHMRInputs
from whmr.datasets.transforms.photometric import PhotometricJitter
from whmr.datasets.transforms.random_motion import RandomFlip, RandomRoll
from whmr.datasets.transforms.views import CropPerson, ResizeFull
from whmr.datasets.transforms.warp import warp_photo

__all__ = [
    'CropPerson',
    'GetBox',
    'LoadImage',
    'PackHMRInputs',
    'PhotometricJitter',
    'RandomBoxScale',
    'RandomBoxShift',
    'RandomFlip',
    'RandomOcclusion',
    'RandomRoll',
    'ResizeFull',
    'apply_flip',
    'apply_roll',
    'principal_point',
    'warp_photo',
]
