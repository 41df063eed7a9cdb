"""A regressor whose corrections are gated, joint by joint."""

import torch
from torch import Tensor, nn

from whmr.models.heads import RegressorOutput
from whmr.registry import HEADS


@HEADS.register_module()
class GatedRegressor(nn.Module):
    """Like `ParameterRegressor`, but each joint's correction passes a gate between 0 and 1.

    A gate near 0 leaves a joint as the step before had it, for instance where it is not visible.

    Args:
        feat_dim: Length of the feature; the estimator fills it in.
        global_dim: Length of the global information (W-HMR Eq. 7).
        num_joints: Joints of the pose, the root included.
        num_betas: Shape coefficients.
        hidden_dim: Width of the hidden layer.

    Shapes: B batch, J = num_joints, S = num_betas.
        feat: (B, feat_dim).  global_info: (B, global_dim).  pose: (B, J, 3, 3).  betas: (B, S).
        weak_cam: (B, 3) crop camera.  returns: `RegressorOutput`.
    """

    def __init__(
        self,
        feat_dim: int,
        global_dim: int = 5,
        *,
        num_joints: int = 24,
        num_betas: int = 10,
        hidden_dim: int = 256,
    ) -> None:
        super().__init__()
        self.num_joints = num_joints
        in_dim = feat_dim + global_dim + num_joints * 9 + num_betas + 3
        self.hidden = nn.Sequential(nn.Linear(in_dim, hidden_dim), nn.ReLU())
        self.pose = nn.Linear(hidden_dim, num_joints * 9)
        self.gate = nn.Linear(hidden_dim, num_joints)
        self.betas = nn.Linear(hidden_dim, num_betas)
        self.weak_cam = nn.Linear(hidden_dim, 3)
        for decoder in (self.pose, self.betas, self.weak_cam):
            nn.init.xavier_uniform_(decoder.weight, gain=0.01)

    def forward(
        self, feat: Tensor, global_info: Tensor, pose: Tensor, betas: Tensor, weak_cam: Tensor
    ) -> RegressorOutput:
        x = self.hidden(torch.cat([feat, global_info, pose.flatten(1), betas, weak_cam], dim=1))
        gate = self.gate(x).sigmoid()[:, :, None, None]
        correction = self.pose(x).unflatten(1, (self.num_joints, 3, 3))
        return RegressorOutput(
            pose + gate * correction, betas + self.betas(x), weak_cam + self.weak_cam(x)
        )
