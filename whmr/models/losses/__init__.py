"""Losses: one file per term, zero at the truth, zero but connected without labels."""

from whmr.models.losses.camera_angle_loss import CameraAngleLoss
from whmr.models.losses.camera_scale_loss import CameraScaleLoss
from whmr.models.losses.depth_loss import DepthLoss
from whmr.models.losses.focal_loss import FocalLoss
from whmr.models.losses.iuv_loss import IUVLoss
from whmr.models.losses.iuv_maps import (
    ANNOTATION_GROUPS,
    IUVMaps,
    iuv_target_maps,
    part_to_annotation,
)
from whmr.models.losses.keypoint_2d_loss import Keypoint2DLoss
from whmr.models.losses.keypoint_3d_loss import Keypoint3DLoss
from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.models.losses.pose_loss import PoseLoss
from whmr.models.losses.shape_loss import ShapeLoss
from whmr.models.losses.vertex_loss import VertexLoss

__all__ = [
    'ANNOTATION_GROUPS',
    'CameraAngleLoss',
    'CameraScaleLoss',
    'DepthLoss',
    'FocalLoss',
    'IUVLoss',
    'IUVMaps',
    'Keypoint2DLoss',
    'Keypoint3DLoss',
    'PoseLoss',
    'ShapeLoss',
    'VertexLoss',
    'fill_unlabelled',
    'iuv_target_maps',
    'labelled_mean',
    'part_to_annotation',
]
