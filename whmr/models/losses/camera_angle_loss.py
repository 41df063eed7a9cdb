"""Angles of the calibrated camera."""

import torch
from torch import Tensor, nn

from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.registry import LOSSES


@LOSSES.register_module()
class CameraAngleLoss(nn.Module):
    """Squared error of a soft-argmax position on its scale from -1 to 1.

    SPEC (Kocabas et al., ICCV 2021): pitch and roll by the plain square; for the field of view the
    square l of a prediction below the target is replaced by l / (l + 1), because too small a field
    of view does less harm.

    Args:
        weight: Weight of the term.
        biased: Use the rule of the field of view.

    Raises:
        ValueError: The shapes differ.

    Shapes: B batch.
        pred, target: (B,) positions in [-1, 1].  has: (B,) bool.  returns: ().
    """

    def __init__(self, weight: float = 10.0, *, biased: bool = False) -> None:
        super().__init__()
        self.weight = weight
        self.biased = biased

    def forward(self, pred: Tensor, target: Tensor, has: Tensor) -> Tensor:
        target = fill_unlabelled(target, pred, has)
        error = (pred - target).square()
        if self.biased:
            error = torch.where(pred > target, error, error / (error + 1))
        return self.weight * labelled_mean(error, has)
