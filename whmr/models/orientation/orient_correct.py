"""OrientCorrect: the learned correction of the world orientation."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape, orthogonalize, rotmat_to_rot6d
from whmr.models.checks import GLOBAL_DIM, check_global_dim
from whmr.registry import ORIENTATIONS


@ORIENTATIONS.register_module()
class OrientCorrect(BaseModule):
    """Regresses the body's world orientation from its feature and the camera's rotation.

    W-HMR Sec. 3.3, Eq. 6. Multiplying by the predicted camera rotation passes its error on to the
    body; this module also sees the image feature, so it can correct that error. It adds nine
    numbers to the orientation in the camera frame. It is a plain module: any model that yields the
    inputs can use it, with no estimator of ours.

    In training mode the nine numbers are returned raw (the loss is on them); in eval mode they are
    made a rotation.

    Args:
        feat_dim: Length of the body feature, without the global information.
        global_dim: How many of the five numbers of the global information (Eq. 7) are read: 5, 3
            (the box alone, as in CLIFF: without the image's size) or 0.
        hidden_dim: Width of the two linear layers.
        dropout: Dropout after each of them.
        num_iters: Passes; each starts from the last one's result, with the same weights. The
            authors' release loops three times without feeding the result back, which is one pass.
        relu: Rectify both hidden layers. The authors' release has no activation there: a linear
            module can only add, it cannot multiply the orientation by the camera's rotation.
        orthogonalize_training: Return rotations in training mode too.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: An input has another shape, or a setting is out of range.

    Shapes: B batch, C = feat_dim.
        body_feat: (B, C).  global_info: (B, 5).
        world2cam_rotmat: (B, 3, 3) x_cam = R x_world.
        global_orient: (B, 1, 3, 3) model -> camera.  returns: (B, 1, 3, 3) model -> world.
    """

    def __init__(
        self,
        feat_dim: int,
        global_dim: int = 5,
        *,
        hidden_dim: int = 2048,
        dropout: float = 0.5,
        num_iters: int = 1,
        relu: bool = False,
        orthogonalize_training: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_global_dim(global_dim, 'OrientCorrect')
        if num_iters < 1:
            raise ValueError(f'OrientCorrect: num_iters must be at least 1, got {num_iters}')
        self.feat_dim = feat_dim
        self.global_dim = global_dim
        self.num_iters = num_iters
        self.activation = nn.ReLU() if relu else nn.Identity()
        self.orthogonalize_training = orthogonalize_training
        self.fc1 = nn.Linear(feat_dim + global_dim + 6 + 9, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.decode = nn.Linear(hidden_dim, 9)
        # A new module starts as almost the identity.
        nn.init.xavier_uniform_(self.decode.weight, gain=0.01)

    def forward(
        self,
        body_feat: Tensor,
        global_info: Tensor,
        world2cam_rotmat: Tensor,
        global_orient: Tensor,
    ) -> Tensor:
        batch = body_feat.shape[0]
        try:
            check_shape(body_feat, (None, self.feat_dim), 'OrientCorrect: body_feat')
        except ValueError as error:
            raise ValueError(
                f'{error}: weights trained on the features of one model do not fit those of '
                'another; set feat_dim and train the module on this model'
            ) from None
        check_shape(global_info, (batch, GLOBAL_DIM), 'OrientCorrect: global_info')
        check_shape(world2cam_rotmat, (batch, 3, 3), 'OrientCorrect: world2cam_rotmat')
        check_shape(global_orient, (batch, 1, 3, 3), 'OrientCorrect: global_orient')
        known = global_info[:, : self.global_dim]
        fixed = torch.cat([body_feat, known, rotmat_to_rot6d(world2cam_rotmat)], dim=1)
        orient = global_orient
        for _ in range(self.num_iters):
            x = self._hidden(self.fc1, torch.cat([fixed, orient.flatten(1)], dim=1))
            x = self._hidden(self.fc2, x)
            orient = orient + self.decode(x).unflatten(1, (1, 3, 3))
        if self.training and not self.orthogonalize_training:
            return orient
        return orthogonalize(orient)

    def _hidden(self, layer: nn.Linear, x: Tensor) -> Tensor:
        return self.dropout(self.activation(layer(x)))
