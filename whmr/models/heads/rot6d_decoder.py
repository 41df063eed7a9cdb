"""What heads that decode a 6D pose share: decoders, and the mean that they correct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.body_models import MeanParams
from whmr.geometry import check_shape, rot6d_to_rotmat, rotmat_to_rot6d
from whmr.models.heads.parameter_regressor import RegressorOutput


class Rot6dDecoder(BaseModule):
    """Residual decoders of 6D pose, shape and camera, and the mean parameters they start from.

    The names of its parameters and buffers are those of SPIN (Kolotouros et al., ICCV 2019). The
    mean is part of the weights: another training's mean belongs to its decoders.

    Args:
        hidden_dim: Width of what is decoded.
        num_joints: Joints of the pose, the root included.
        num_betas: Shape coefficients.
        init_cfg: MMEngine's initialisation config.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_joints: int = 24,
        *,
        num_betas: int = 10,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        width = num_joints * 6
        self.decpose = nn.Linear(hidden_dim, width)
        self.decshape = nn.Linear(hidden_dim, num_betas)
        self.deccam = nn.Linear(hidden_dim, 3)
        # A new head starts as almost the mean.
        for decoder in (self.decpose, self.decshape, self.deccam):
            nn.init.xavier_uniform_(decoder.weight, gain=0.01)
        self.register_buffer('init_pose', torch.zeros(1, width))
        self.register_buffer('init_betas', torch.zeros(1, num_betas))
        self.register_buffer('init_cam', torch.zeros(1, 3))

    def set_mean(self, mean: MeanParams) -> None:
        """Start from a body's mean parameters.

        Raises:
            ValueError: The body has another number of joints or betas.

        Shapes: as `MeanParams`.
        """
        name = type(self).__name__
        pose = rotmat_to_rot6d(torch.cat([mean.global_orient, mean.body_pose])).reshape(1, -1)
        check_shape(pose, tuple(self.init_pose.shape), f'{name}: 6D pose of the body')
        check_shape(mean.betas[None], tuple(self.init_betas.shape), f'{name}: betas of the body')
        self.init_pose.copy_(pose)
        self.init_betas.copy_(mean.betas)
        self.init_cam.copy_(mean.weak_cam)

    def start(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """The mean 6D pose, betas and camera of each person.

        Shapes: B batch, J joints, S betas.
            returns: (B, 6 J), (B, S), (B, 3).
        """
        return tuple(
            mean.expand(batch, -1) for mean in (self.init_pose, self.init_betas, self.init_cam)
        )

    def correct(
        self, hidden: Tensor, state: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Add what the decoders say to 6D pose, betas and camera.

        Shapes: B batch, D hidden.
            hidden: (B, D).  state and returns: as `start`.
        """
        decoders = (self.decpose, self.decshape, self.deccam)
        return tuple(value + decoder(hidden) for value, decoder in zip(state, decoders))

    def result(self, state: tuple[Tensor, Tensor, Tensor]) -> RegressorOutput:
        """The state with its pose as rotation matrices."""
        pose, betas, weak_cam = state
        return RegressorOutput(rot6d_to_rotmat(pose.unflatten(1, (-1, 6))), betas, weak_cam)
