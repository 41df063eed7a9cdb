"""The iterative regressor of one pooled feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.heads.parameter_regressor import RegressorOutput
from whmr.models.heads.rot6d_decoder import Rot6dDecoder
from whmr.registry import HEADS


@HEADS.register_module()
class IterativeRegressor(Rot6dDecoder):
    """Corrects mean pose, shape and camera several times from the same feature.

    HMR's iterative error feedback (Kanazawa et al., CVPR 2018) with SPIN's 6D pose (Kolotouros et
    al., ICCV 2019): two linear layers with dropout and no non-linearity, then one residual decoder
    each. Sub-modules and the order of the input (feature, extra numbers, pose, shape, camera) are
    SPIN's, so that its weights map plainly.

    Args:
        feat_dim: Length of the feature.
        extra_dim: Numbers that follow the feature, such as CLIFF's box information.
        num_joints: Joints of the pose, the root included.
        num_betas: Shape coefficients.
        hidden_dim: Width of the two layers.
        dropout: Dropout after each of them.
        num_iters: Passes with the same weights.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: An input has another shape, or `num_iters` is below 1.

    Shapes: B batch, J = num_joints, S = num_betas.
        feat: (B, feat_dim).  extra: (B, extra_dim).
        returns: `RegressorOutput`: pose (B, J, 3, 3) rotations, joint 0 model -> camera,
        betas (B, S), weak_cam (B, 3).
    """

    def __init__(
        self,
        feat_dim: int,
        extra_dim: int = 0,
        *,
        num_joints: int = 24,
        num_betas: int = 10,
        hidden_dim: int = 1024,
        dropout: float = 0.5,
        num_iters: int = 3,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(hidden_dim, num_joints, num_betas=num_betas, init_cfg=init_cfg)
        if num_iters < 1:
            raise ValueError(f'IterativeRegressor: num_iters must be at least 1, got {num_iters}')
        self.feat_dim, self.extra_dim, self.num_iters = feat_dim, extra_dim, num_iters
        width = feat_dim + extra_dim + num_joints * 6 + num_betas + 3
        self.fc1 = nn.Linear(width, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, feat: Tensor, extra: Tensor | None = None) -> RegressorOutput:
        batch = feat.shape[0]
        check_shape(feat, (None, self.feat_dim), 'IterativeRegressor: feat')
        extra = feat.new_zeros(batch, 0) if extra is None else extra
        check_shape(extra, (batch, self.extra_dim), 'IterativeRegressor: extra')
        state = self.start(batch)
        for _ in range(self.num_iters):
            x = self.dropout(self.fc1(torch.cat([feat, extra, *state], dim=1)))
            x = self.dropout(self.fc2(x))
            state = self.correct(x, state)
        return self.result(state)
