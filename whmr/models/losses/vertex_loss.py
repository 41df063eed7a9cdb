"""Mesh vertices."""

from torch import Tensor, nn

from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.registry import LOSSES


@LOSSES.register_module()
class VertexLoss(nn.Module):
    """Absolute error of mesh vertices, without alignment.

    W-HMR Eq. 9, on each level of the mesh pyramid.

    Args:
        weight: Weight of the term.

    Raises:
        ValueError: The shapes differ.

    Shapes: B batch, V vertices.
        pred, target: (B, V, 3) m, the same frame, no translation.  has: (B,) bool.  returns: ().
    """

    def __init__(self, weight: float = 15.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, pred: Tensor, target: Tensor, has: Tensor) -> Tensor:
        error = (pred - fill_unlabelled(target, pred, has)).abs()
        return self.weight * labelled_mean(error, has)
