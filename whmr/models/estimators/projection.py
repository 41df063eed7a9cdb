"""Joints in both cameras: what a refinement step projects, and what it knows of the cameras."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from whmr.geometry import (
    focal_from_distance,
    full_cam_t,
    normalize_full,
    project_crop,
    project_full,
    pseudo_focal_length,
)
from whmr.models.estimators.grad_flow import GradFlow, flow
from whmr.structures import CropMetas

ALL_GRADIENTS = GradFlow(crop_2d_to_body=True, full_2d_to_body=True, distance_to_features=True)


class JointProjection(NamedTuple):
    """A person's joints in the crop camera and in the full-image camera.

    Shapes: B batch, K joints.
    """

    keypoints_2d_crop: Tensor  # (B, K, 2) in [-1, 1] of the square crop
    keypoints_2d_full: Tensor  # (B, K, 2) in [-1, 1] of the full image
    focal_length: Tensor  # (B,) full px
    cam_t: Tensor  # (B, 3) m, camera


def project_joints(
    joints: Tensor,
    weak_cam: Tensor,
    distance: Tensor | None,
    metas: CropMetas,
    *,
    grad_flow: GradFlow | None = None,
    full_2d_to_camera: bool = False,
) -> JointProjection:
    """Project joints through the weak camera and through the full-image camera (W-HMR Eq. 2-4).

    Args:
        joints: Joints in camera axes.
        weak_cam: The crop camera.
        distance: Predicted distance; None: the focal length is the user's or the image diagonal.
        metas: Where the crops lie.
        grad_flow: Which projection sends gradient to the joints; None lets both.
        full_2d_to_camera: The full image's projection sends gradient to the weak camera, as in
            CLIFF; W-HMR stops it.

    Shapes: B batch, K joints.
        joints: (B, K, 3) m, no translation.  weak_cam: (B, 3).  distance: (B,) m.
    """
    rules = grad_flow or ALL_GRADIENTS
    focal, cam_t = full_camera(flow(weak_cam, full_2d_to_camera), distance, metas)
    full = project_full(flow(joints, rules.full_2d_to_body), cam_t, focal, metas.full_shape)
    crop = project_crop(flow(joints, rules.crop_2d_to_body), weak_cam, metas.crop_size)
    return JointProjection(crop, normalize_full(full, metas.full_shape), focal, cam_t)


def full_camera(
    weak_cam: Tensor, distance: Tensor | None, metas: CropMetas
) -> tuple[Tensor, Tensor]:
    """Focal length and translation of the full image's camera (W-HMR Eq. 3 and 4).

    The focal length is the user's where one is known; else it follows from the distance; else it
    is the image diagonal.

    Shapes: B batch.
        weak_cam: (B, 3) crop camera.  distance: (B,) m.
        returns: focal length (B,) full px, cam_t (B, 3) m.
    """
    scale = weak_cam[:, 0]
    predicted = distance is not None
    focal = (
        focal_from_distance(distance, scale, metas.bbox_size)
        if predicted
        else pseudo_focal_length(metas.full_shape)
    )
    known = metas.known_focal_length
    if known is not None:
        focal = torch.where(torch.isnan(known), focal, known)
    if known is not None or not predicted:
        distance = 2 * focal / (scale * metas.bbox_size)
    return focal, full_cam_t(
        weak_cam, distance, metas.bbox_center, metas.bbox_size, metas.full_shape
    )
