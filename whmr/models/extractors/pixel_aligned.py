"""Features of the pixels that points fall on."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.registry import EXTRACTORS


@EXTRACTORS.register_module()
class PixelAlignedExtractor(BaseModule):
    """Pixel-aligned features sampled at points, reduced by a point-wise MLP.

    W-HMR Eq. 13, after PyMAF (Zhang et al., ICCV 2021). Every layer of the MLP but the first sees
    the raw feature again; the hidden layers end in a leaky ReLU, the last in a ReLU.

    Args:
        in_channels: Channels of the feature map.
        out_channels: Channels per point after the MLP.
        hidden_channels: Widths of the hidden layers.
        init_cfg: MMEngine's initialisation config.

    Shapes: B batch, P points, C = in_channels, D = out_channels.
        feat: (B, C, h, w).
        points: (B, P, 2) x, y in [-1, 1], the centres of the map's corner pixels at +-1.
        returns: (B, D * P), channel-major: index = channel * P + point.
    """

    def __init__(
        self,
        in_channels: int = 256,
        out_channels: int = 32,
        *,
        hidden_channels: tuple[int, ...] = (128, 64),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.out_channels = out_channels
        widths = [*hidden_channels, out_channels]
        inputs = [in_channels] + [width + in_channels for width in widths[:-1]]
        self.layers = nn.ModuleList(
            nn.Conv1d(width_in, width_out, 1) for width_in, width_out in zip(inputs, widths)
        )

    def sample(self, feat: Tensor, points: Tensor) -> Tensor:
        """The raw features at the points: bilinear, zero outside the map.

        Shapes: B batch, P points, C = in_channels.
            feat: (B, C, h, w).  points: (B, P, 2) in [-1, 1].  returns: (B, C, P).
        """
        check_shape(feat, (None, self.in_channels, None, None), 'PixelAlignedExtractor: feat')
        check_shape(points, (feat.shape[0], None, 2), 'PixelAlignedExtractor: points')
        # One precision for both, the higher: half-precision coordinates would miss by a pixel.
        dtype = torch.promote_types(feat.dtype, points.dtype)
        grid = points[:, :, None].to(dtype)
        sampled = F.grid_sample(
            feat.to(dtype), grid, mode='bilinear', padding_mode='zeros', align_corners=True
        )
        return sampled[..., 0]

    def forward(self, feat: Tensor, points: Tensor) -> Tensor:
        return self.reduce(self.sample(feat, points))

    def reduce(self, raw: Tensor) -> Tensor:
        """The MLP on sampled features.

        Shapes: B batch, P points, C = in_channels, D = out_channels.
            raw: (B, C, P).  returns: (B, D * P), channel-major.
        """
        x = raw
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else torch.cat([x, raw], dim=1))
            x = F.relu(x) if i == len(self.layers) - 1 else F.leaky_relu(x, 0.01)
        return x.flatten(1)
