"""The depth head."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.losses import DepthLoss
from whmr.registry import HEADS, LOSSES, build_child
from whmr.structures import HMRTargets


@HEADS.register_module()
class DepthHead(BaseModule):
    """One convolution that predicts the inverse depth of every pixel, 0 on the background.

    W-HMR Sec. 3.3 and Eq. 12 (auxiliary supervision).

    Args:
        in_channels: Channels of the feature map.
        loss: Loss component; None for `DepthLoss()`.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The targets hold no depth, or a map of another resolution than the output's.

    Shapes: B batch, C = in_channels.
        feat: (B, C, h, w).  returns: (B, 1, h, w) 1/m.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        loss: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.predict_depth = nn.Conv2d(in_channels, 1, 3, padding=1)
        self.loss: Any = DepthLoss() if loss is None else build_child(LOSSES, loss)

    def forward(self, feat: Tensor) -> Tensor:
        check_shape(feat, (None, self.in_channels, None, None), 'DepthHead: feat')
        return self.predict_depth(feat)

    def loss_by_feat(self, output: Tensor, targets: HMRTargets) -> dict[str, Tensor]:
        """The term of Eq. 12.

        Shapes: B batch.
            output: (B, 1, h, w) 1/m.  targets: `depth` (B, 1, h, w) m, `has_fields` (B,).
            returns: {'loss_depth': ()}.
        """
        if targets.depth is None or targets.has_fields is None:
            raise ValueError(
                'DepthHead: the targets hold no depth / has_fields: let the data preprocessor '
                'render them or drop the head'
            )
        check_shape(targets.depth, tuple(output.shape), 'DepthHead: targets.depth')
        return {'loss_depth': self.loss(output, targets.depth, targets.has_fields)}
