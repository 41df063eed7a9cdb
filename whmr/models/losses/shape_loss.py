"""Body shape."""

from torch import Tensor, nn

from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.registry import LOSSES


@LOSSES.register_module()
class ShapeLoss(nn.Module):
    """Squared error of the shape coefficients.

    W-HMR Eq. 10.

    Args:
        weight: Weight of the term.

    Raises:
        ValueError: The shapes differ.

    Shapes: B batch, S betas.
        pred, target: (B, S).  has: (B,) bool.  returns: ().
    """

    def __init__(self, weight: float = 0.06) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, pred: Tensor, target: Tensor, has: Tensor) -> Tensor:
        error = (pred - fill_unlabelled(target, pred, has)).square()
        return self.weight * labelled_mean(error, has)
