"""A pyramid of transposed convolutions."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.registry import NECKS


@NECKS.register_module()
class DeconvNeck(BaseModule):
    """Transposed convolutions, each of which doubles the resolution; every level is returned.

    W-HMR Sec. 3.3, after Simple Baselines (Xiao et al., ECCV 2018).

    Args:
        in_channels: Channels of the backbone's map.
        out_channels: Channels of every level.
        num_layers: Number of levels.
        init_cfg: MMEngine's initialisation config.

    Shapes: B batch, C = out_channels, L = num_layers.
        feat: (B, in_channels, h, w).
        returns: L maps, low to high: (B, C, 2h, 2w), (B, C, 4h, 4w), ...
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        *,
        num_layers: int = 3,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_layers = num_layers
        widths = [in_channels] + [out_channels] * num_layers
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(width, out_channels, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
            )
            for width in widths[:-1]
        )

    def forward(self, feat: Tensor) -> list[Tensor]:
        check_shape(feat, (None, self.in_channels, None, None), 'DeconvNeck: feat')
        # The heads that read the maps convolve channels-last memory faster; the neck itself too.
        feat = feat.contiguous(memory_format=torch.channels_last)
        maps = []
        for layer in self.layers:
            feat = layer(feat)
            maps.append(feat)
        return maps
