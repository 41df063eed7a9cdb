"""Estimates written into data samples: the one place that says what a prediction is called."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from whmr.geometry import intrinsics_matrix, project_full
from whmr.structures import BodyEstimate, CropMetas, HMRDataSample

INTERNAL = ('body_feat', 'posed_vertices', 'posed_joints')  # of an estimate: not for users


def require(needed: Mapping[str, object]) -> None:
    """Say which argument a mode lacks.

    Args:
        needed: Argument's name to its value.

    Raises:
        ValueError: Naming the first argument that is None.
    """
    for name, value in needed.items():
        if value is None:
            raise ValueError(f'forward: this mode needs `{name}`, which is None')


def add_camera_space(
    data_samples: list[HMRDataSample], estimate: BodyEstimate, metas: CropMetas
) -> list[HMRDataSample]:
    """Write an estimate into `pred_instances` and the camera's intrinsics into `pred_camera`.

    Shapes: every value keeps its row as a leading axis of 1; `keypoints_2d` (1, K, 2) full px,
        `intrinsics` (1, 3, 3).
    """
    values = {
        name: value
        for name, value in vars(estimate).items()
        if isinstance(value, Tensor) and name not in INTERNAL
    }
    camera: dict[str, Tensor] = {}
    if estimate.focal_length is not None:
        camera['intrinsics'] = intrinsics_matrix(
            estimate.focal_length, metas.full_shape.flip(-1) / 2
        )
        if estimate.joints is not None and estimate.cam_t is not None:
            values['keypoints_2d'] = project_full(
                estimate.joints, estimate.cam_t, estimate.focal_length, metas.full_shape
            )
    for row, sample in enumerate(data_samples):
        sample.pred_instances = one_row(values, row)
        sample.pred_camera = one_row(camera, row)
    return data_samples


def add_world_space(
    data_samples: list[HMRDataSample],
    world: dict[str, Tensor],
    camera: dict[str, Tensor],
) -> list[HMRDataSample]:
    """Add what is known in the world to samples that hold a camera-space estimate already.

    Args:
        data_samples: With `pred_instances` and `pred_camera`.
        world: `global_orient_world`, `vertices_world`, `joints_world`, rows as the samples.
        camera: `world2cam_rotmat` and, where predicted, `vfov`, `pitch`, `roll`.
    """
    for row, sample in enumerate(data_samples):
        for target, values in ((sample.pred_instances, world), (sample.pred_camera, camera)):
            for name, value in values.items():
                target.set_field(value[row : row + 1], name)
    return data_samples


def one_row(values: dict[str, Tensor], row: int) -> InstanceData:
    """The values of one row of a batch, each with a leading axis of 1."""
    return InstanceData(**{name: value[row : row + 1] for name, value in values.items()})


def is_known(rotmat: Tensor) -> Tensor:
    """Rows of a user's (B, 3, 3) rotations that are given (a row that is not given is NaN)."""
    return ~torch.isnan(rotmat).flatten(1).any(dim=1)
