"""Depth maps."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from whmr.models.losses.masking import fill_unlabelled
from whmr.registry import LOSSES


@LOSSES.register_module()
class DepthLoss(nn.Module):
    """Smooth absolute error of the inverse depth, summed over pixels, background (0) included.

    W-HMR Eq. 12. The sum is divided by the whole batch, labelled or not.

    Args:
        weight: Weight of the term.

    Raises:
        ValueError: The shapes differ.

    Shapes: B batch.
        pred: (B, 1, h, w) 1/m.  depth: (B, 1, h, w) m, 0 = background.  has: (B,) bool.
        returns: ().
    """

    def __init__(self, weight: float = 0.125) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, pred: Tensor, depth: Tensor, has: Tensor) -> Tensor:
        inside = depth > 0
        inverse = torch.where(inside, 1 / torch.where(inside, depth, 1.0), 0.0)
        inverse = fill_unlabelled(inverse, pred, has)
        return self.weight * F.smooth_l1_loss(pred, inverse, reduction='sum') / pred.shape[0]
