"""The predictor of the person's distance, and so of the focal length."""

from functools import partial

import torch
from mmengine.model import BaseModule
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.registry import HEADS


@HEADS.register_module()
class FocalPredictor(BaseModule):
    """Distance of the person from the camera, from the last feature map.

    W-HMR Sec. 3.2 ("focal length predictor"): with the box and the weak camera's scale the distance
    gives the focal length, `whmr.geometry.focal_from_distance` (Eq. 3). Two strided convolutions
    make a few tokens, one transformer block mixes them, their mean is decoded to one number,
    normalised over the batch and squashed.

    Args:
        in_channels: Channels of the feature map.
        in_shape: (h, w) of the feature map; it fixes the length of a token.
        mid_channels: Channels between the convolutions.
        token_channels: Number of tokens.
        kernel_size: Of both convolutions, which have no padding.
        strides: Of the two convolutions: (3, 2) for ViTPose's 128x96 map, (2, 2) for ResNet's
            56x56.
        num_heads: Attention heads; must divide the length of a token.
        mlp_ratio: Hidden width of the block's MLP, in units of the token's length.
        head_dim: Width of the decoder: 12 with ViTPose, 10 with ResNet.
        max_distance: Upper end of the output, m.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The map is too small for the convolutions, has another shape than `in_shape`,
            the heads do not divide the token, or a batch of one is given in training mode.

    Shapes: B batch, C = in_channels.
        feat: (B, C, h, w).  returns: (B,) m, in (0, max_distance).
    """

    def __init__(
        self,
        in_channels: int,
        in_shape: tuple[int, int],
        *,
        mid_channels: int = 64,
        token_channels: int = 5,
        kernel_size: int = 7,
        strides: tuple[int, int] = (3, 2),
        num_heads: int = 2,
        mlp_ratio: float = 4.0,
        head_dim: int = 12,
        max_distance: float = 10.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.in_shape = tuple(in_shape)
        self.max_distance = max_distance
        grid = self.in_shape
        for stride in strides:
            if min(grid) < kernel_size:
                raise ValueError(
                    f'FocalPredictor: in_shape {self.in_shape} is too small for kernel_size '
                    f'{kernel_size} with strides {tuple(strides)}: use smaller ones'
                )
            grid = tuple((side - kernel_size) // stride + 1 for side in grid)
        self.token_dim = grid[0] * grid[1]
        if self.token_dim % num_heads:
            raise ValueError(
                f'FocalPredictor: num_heads {num_heads} does not divide the token length '
                f'{self.token_dim} = {grid[0]}x{grid[1]} that in_shape {self.in_shape} gives'
            )
        self.conv1 = nn.Conv2d(in_channels, mid_channels, kernel_size, strides[0], bias=False)
        self.conv2 = nn.Conv2d(mid_channels, token_channels, kernel_size, strides[1], bias=False)
        self.block = Block(
            self.token_dim,
            num_heads,
            mlp_ratio,
            qkv_bias=False,
            norm_layer=partial(nn.LayerNorm, eps=1e-5),
        )
        self.fc1 = nn.Linear(self.token_dim, head_dim)
        self.fc2 = nn.Linear(head_dim, 1)
        self.norm = nn.BatchNorm1d(1)

    def tokens(self, feat: Tensor) -> Tensor:
        """The mean token after the transformer block.

        Shapes: B batch, C = in_channels, T = token_dim.
            feat: (B, C, h, w).  returns: (B, T).
        """
        check_shape(feat, (None, self.in_channels, *self.in_shape), 'FocalPredictor: feat')
        return self.block(self.conv2(self.conv1(feat)).flatten(2)).mean(dim=1)

    def forward(self, feat: Tensor) -> Tensor:
        alone = isinstance(self.norm, nn.BatchNorm1d) and self.norm.training
        if alone and feat.shape[0] < 2:
            raise ValueError(
                'FocalPredictor: a batch of one in training mode has no batch statistics '
                '(BatchNorm over one number per sample): use at least 2 samples per device, '
                'drop_last=True, or SyncBN'
            )
        score = self.fc2(self.fc1(self.tokens(feat)))
        # Half precision is too coarse for a distance that becomes a focal length.
        score = score.to(torch.promote_types(score.dtype, torch.float32))
        return self.max_distance * torch.sigmoid(self.norm(score))[:, 0]
