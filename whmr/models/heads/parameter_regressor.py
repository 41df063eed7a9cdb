"""The residual regressor of body parameters."""

from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape, rot6d_to_rotmat, rotmat_to_rot6d
from whmr.models.checks import GLOBAL_DIM, check_global_dim
from whmr.registry import HEADS

POSE_DIMS = {'rotmat': 9, 'rot6d': 6}


class RegressorOutput(NamedTuple):
    """What a refinement step says of each person.

    Shapes: B batch, J joints, S betas.
    """

    pose: (
        Tensor  # (B, J, 3, 3) raw numbers, NOT orthogonal, or rotations; joint 0 is model -> camera
    )
    betas: Tensor  # (B, S)
    weak_cam: Tensor  # (B, 3) s, tx, ty of the crop camera


@HEADS.register_module()
class ParameterRegressor(BaseModule):
    """One refinement step: corrects pose, shape and camera from the image feature.

    W-HMR Eq. 14. Two linear layers without non-linearity, then one residual decoder for each of
    pose, shape and camera. The pose is nine raw numbers per joint; whoever needs rotations calls
    `whmr.geometry.orthogonalize`.

    Args:
        feat_dim: Length of the feature.
        global_dim: How many of the five numbers of the global information (Eq. 7) are read: 5, 3
            (the box alone, as in CLIFF: without the image's size) or 0.
        pose_format: What is corrected: `rotmat`, nine raw numbers per joint, or `rot6d`, six that
            are made a rotation at once (PyMAF).
        num_joints: Joints of the pose, the root included.
        num_betas: Shape coefficients.
        hidden_dim: Width of the two layers.
        dropout: Dropout after each of them.
        num_iters: Passes; each starts from the last one's result, with the same weights.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: An input has another shape, or a setting is out of range.

    Shapes: B batch, J = num_joints, S = num_betas.
        feat: (B, feat_dim).  global_info: (B, 5).
        pose: (B, J, 3, 3) rotation matrices, joint 0 model -> camera, the others parent-relative.
        betas: (B, S).  weak_cam: (B, 3) crop camera.  returns: `RegressorOutput`.
    """

    def __init__(
        self,
        feat_dim: int,
        global_dim: int = 5,
        *,
        pose_format: str = 'rotmat',
        num_joints: int = 24,
        num_betas: int = 10,
        hidden_dim: int = 1024,
        dropout: float = 0.5,
        num_iters: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_global_dim(global_dim, 'ParameterRegressor')
        if num_iters < 1:
            raise ValueError(f'ParameterRegressor: num_iters must be at least 1, got {num_iters}')
        if pose_format not in POSE_DIMS:
            raise ValueError(
                f'ParameterRegressor: pose_format={pose_format!r}: one of {tuple(POSE_DIMS)}'
            )
        width = num_joints * POSE_DIMS[pose_format]
        self.pose_format = pose_format
        self.feat_dim = feat_dim
        self.global_dim = global_dim
        self.num_joints = num_joints
        self.num_betas = num_betas
        self.num_iters = num_iters
        self.fc1 = nn.Linear(feat_dim + global_dim + width + num_betas + 3, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.decode_pose = nn.Linear(hidden_dim, width)
        self.decode_betas = nn.Linear(hidden_dim, num_betas)
        self.decode_cam = nn.Linear(hidden_dim, 3)
        # A new regressor starts as almost the identity.
        for decoder in (self.decode_pose, self.decode_betas, self.decode_cam):
            nn.init.xavier_uniform_(decoder.weight, gain=0.01)

    def forward(
        self, feat: Tensor, global_info: Tensor, pose: Tensor, betas: Tensor, weak_cam: Tensor
    ) -> RegressorOutput:
        batch = feat.shape[0]
        check_shape(feat, (None, self.feat_dim), 'ParameterRegressor: feat')
        check_shape(global_info, (batch, GLOBAL_DIM), 'ParameterRegressor: global_info')
        check_shape(pose, (batch, self.num_joints, 3, 3), 'ParameterRegressor: pose')
        check_shape(betas, (batch, self.num_betas), 'ParameterRegressor: betas')
        check_shape(weak_cam, (batch, 3), 'ParameterRegressor: weak_cam')
        known = global_info[:, : self.global_dim]
        six = self.pose_format == 'rot6d'
        pose = rotmat_to_rot6d(pose) if six else pose
        for _ in range(self.num_iters):
            x = torch.cat([feat, known, pose.flatten(1), betas, weak_cam], dim=1)
            x = self.dropout(self.fc1(x))
            x = self.dropout(self.fc2(x))
            pose = pose + self.decode_pose(x).unflatten(1, pose.shape[1:])
            betas = betas + self.decode_betas(x)
            weak_cam = weak_cam + self.decode_cam(x)
        pose = rot6d_to_rotmat(pose) if six else pose
        return RegressorOutput(pose, betas, weak_cam)
