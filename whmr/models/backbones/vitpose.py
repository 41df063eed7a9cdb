"""The plain vision transformer of ViTPose."""

from functools import partial

import torch
from mmengine.model import BaseModule
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from whmr.geometry import check_shape
from whmr.registry import BACKBONES


@BACKBONES.register_module()
class ViTPoseBackbone(BaseModule):
    """ViT without class token whose patches start `patch_padding` pixels outside the image.

    ViTPose (Xu et al., NeurIPS 2022), the ViT-B of W-HMR Sec. 4.1 by default. The position
    embedding keeps the row of the absent class token; it is added to every token.

    Args:
        img_size: (h, w) of the images.
        patch_size: Side and stride of a patch.
        patch_padding: Zeros around the image before it is cut into patches.
        embed_dim: Channels of a token.
        depth: Number of transformer blocks.
        num_heads: Attention heads of a block.
        mlp_ratio: Hidden width of a block's MLP, in units of `embed_dim`.
        drop_path_rate: Stochastic depth of the last block; it grows linearly from 0 at the first.
        with_checkpoint: Recompute the blocks in the backward pass to save memory.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The images do not have the size `img_size`.

    Shapes: B batch, C = embed_dim, p = patch_size.
        images: (B, 3, h, w) normalised RGB.  returns: (B, C, h // p, w // p).
    """

    def __init__(
        self,
        img_size: tuple[int, int] = (256, 192),
        patch_size: int = 16,
        *,
        patch_padding: int = 2,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        drop_path_rate: float = 0.3,
        with_checkpoint: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.img_size = tuple(img_size)
        self.with_checkpoint = with_checkpoint
        self.out_channels = embed_dim
        self.stride = patch_size
        self.patch_embed = nn.Conv2d(
            3, embed_dim, patch_size, stride=patch_size, padding=patch_padding
        )
        self.grid_shape = tuple(
            (side + 2 * patch_padding - patch_size) // patch_size + 1 for side in self.img_size
        )
        num_tokens = self.grid_shape[0] * self.grid_shape[1]
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + num_tokens, embed_dim))
        rates = [drop_path_rate * i / max(depth - 1, 1) for i in range(depth)]
        norm = partial(nn.LayerNorm, eps=1e-6)
        self.blocks = nn.ModuleList(
            Block(embed_dim, num_heads, mlp_ratio, qkv_bias=True, drop_path=rate, norm_layer=norm)
            for rate in rates
        )
        self.norm = norm(embed_dim)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        check_shape(images, (None, 3, *self.img_size), 'ViTPoseBackbone: images')
        x = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = x + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            if self.with_checkpoint and self.training and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        x = self.norm(x)
        return x.transpose(1, 2).reshape(x.shape[0], self.out_channels, *self.grid_shape)
