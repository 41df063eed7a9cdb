"""The dense correspondence head."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.losses import IUVLoss
from whmr.registry import HEADS, LOSSES, build_child
from whmr.structures import HMRTargets


class IUVOutput(NamedTuple):
    """Dense correspondence maps over the crop.

    Shapes: B batch, P parts with the background, A merged parts.
    """

    u: Tensor  # (B, P, h, w) one map per part, in [0, 1] where the part is
    v: Tensor  # (B, P, h, w)
    index: Tensor  # (B, P, h, w) logits of the part
    annotation: Tensor  # (B, A, h, w) logits of the merged part


@HEADS.register_module()
class IUVHead(BaseModule):
    """Four convolutions that predict part, merged part and surface coordinates of every pixel.

    W-HMR Sec. 3.3 and Eq. 11 (auxiliary supervision, after PyMAF and DensePose).

    Args:
        in_channels: Channels of the feature map.
        num_parts: Parts with the background.
        num_annotations: Merged parts with the background.
        loss: Loss component; None for `IUVLoss()`.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The targets hold no maps, or maps of another resolution than the output's.

    Shapes: B batch, C = in_channels.
        feat: (B, C, h, w).  returns: `IUVOutput` at the same resolution.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_parts: int = 25,
        num_annotations: int = 15,
        loss: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.predict_u = nn.Conv2d(in_channels, num_parts, 3, padding=1)
        self.predict_v = nn.Conv2d(in_channels, num_parts, 3, padding=1)
        self.predict_index = nn.Conv2d(in_channels, num_parts, 3, padding=1)
        self.predict_annotation = nn.Conv2d(in_channels, num_annotations, 3, padding=1)
        self.loss: Any = IUVLoss() if loss is None else build_child(LOSSES, loss)

    def forward(self, feat: Tensor) -> IUVOutput:
        check_shape(feat, (None, self.in_channels, None, None), 'IUVHead: feat')
        # One convolution with all the filters: the map is read, and its gradient summed, once.
        layers = (self.predict_u, self.predict_v, self.predict_index, self.predict_annotation)
        maps = F.conv2d(
            feat,
            torch.cat([layer.weight for layer in layers]),
            torch.cat([layer.bias for layer in layers]),
            padding=1,
        )
        return IUVOutput(*maps.split([layer.out_channels for layer in layers], dim=1))

    def loss_by_feat(self, output: IUVOutput, targets: HMRTargets) -> dict[str, Tensor]:
        """The terms of Eq. 11.

        Shapes: B batch.
            targets: `iuv_index` (B, h, w), `iuv_uv` (B, 2, h, w), `has_fields` (B,), maps at the
            output's resolution.  returns: name -> ().
        """
        if targets.iuv_index is None or targets.iuv_uv is None or targets.has_fields is None:
            raise ValueError(
                'IUVHead: the targets hold no iuv_index / iuv_uv / has_fields: let the data '
                'preprocessor render them or drop the head'
            )
        batch, _, h, w = output.index.shape
        check_shape(targets.iuv_index, (batch, h, w), 'IUVHead: targets.iuv_index')
        check_shape(targets.iuv_uv, (batch, 2, h, w), 'IUVHead: targets.iuv_uv')
        return self.loss(*output, targets.iuv_index, targets.iuv_uv, targets.has_fields)
