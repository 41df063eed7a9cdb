"""Body pose and global orientation."""

from torch import Tensor, nn

from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.registry import LOSSES


@LOSSES.register_module()
class PoseLoss(nn.Module):
    """Squared error of rotation matrices; the prediction may be nine raw numbers.

    W-HMR Eq. 10; on the root alone it is the loss of the world orientation of Sec. 3.4.

    Args:
        weight: Weight of the term.

    Raises:
        ValueError: The shapes differ.

    Shapes: B batch, J joints.
        pred, target: (B, J, 3, 3).  has: (B,) bool.  returns: ().
    """

    def __init__(self, weight: float = 60.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, pred: Tensor, target: Tensor, has: Tensor) -> Tensor:
        error = (pred - fill_unlabelled(target, pred, has)).square()
        return self.weight * labelled_mean(error, has)
