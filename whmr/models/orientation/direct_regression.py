"""The baseline that regresses the world orientation without one in the camera's frame."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

from whmr.geometry import check_shape
from whmr.models.orientation.orient_correct import OrientCorrect
from whmr.registry import ORIENTATIONS


@ORIENTATIONS.register_module()
class DirectRegression(BaseModule):
    """Regresses the world orientation from the feature and the camera alone, as SPEC does.

    SPEC (Kocabas et al., ICCV 2021) gives its regressor the camera's rotation and lets it say the
    body in the world. Here the same regressor as OrientCorrect's starts from an upright body that
    faces the camera, and never sees the orientation in the camera's frame: what it lacks against
    `OrientCorrect` is that input and nothing else.

    Args:
        feat_dim: Length of the body feature, without the global information.
        global_dim: How many numbers of the global information are read; see `OrientCorrect`.
        hidden_dim: Width of the two linear layers.
        dropout: Dropout after each of them.
        num_iters: Passes; each starts from the last one's result, with the same weights.
        relu: Rectify both hidden layers; see `OrientCorrect`.
        orthogonalize_training: Return rotations in training mode too.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: An input has another shape, or `num_iters` is below 1.

    Shapes: B batch, C = feat_dim.
        body_feat: (B, C).  global_info: (B, 5).
        world2cam_rotmat: (B, 3, 3) x_cam = R x_world.
        global_orient: (B, 1, 3, 3) model -> camera; its values are not used.
        returns: (B, 1, 3, 3) model -> world.
    """

    def __init__(
        self,
        feat_dim: int,
        global_dim: int = 5,
        *,
        hidden_dim: int = 2048,
        dropout: float = 0.5,
        num_iters: int = 3,
        relu: bool = False,
        orthogonalize_training: bool = False,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.regressor = OrientCorrect(
            feat_dim,
            global_dim,
            hidden_dim=hidden_dim,
            dropout=dropout,
            num_iters=num_iters,
            relu=relu,
            orthogonalize_training=orthogonalize_training,
        )
        upright = torch.diag(torch.tensor([1.0, -1.0, -1.0]))  # in the world: model y is up
        self.register_buffer('upright', upright[None, None], persistent=False)

    def forward(
        self,
        body_feat: Tensor,
        global_info: Tensor,
        world2cam_rotmat: Tensor,
        global_orient: Tensor,
    ) -> Tensor:
        check_shape(global_orient, (body_feat.shape[0], 1, 3, 3), 'DirectRegression: global_orient')
        start = self.upright.to(body_feat.dtype).expand(body_feat.shape[0], 1, 3, 3)
        return self.regressor(body_feat, global_info, world2cam_rotmat, start)
