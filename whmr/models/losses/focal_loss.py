"""Focal length."""

from torch import Tensor, nn

from whmr.geometry import check_shape, pseudo_focal_length
from whmr.registry import LOSSES


@LOSSES.register_module()
class FocalLoss(nn.Module):
    """Squared distance of the focal length from the image's diagonal.

    W-HMR Eq. 8: the weak supervision that keeps the focal length plausible where no label is.

    Args:
        weight: Weight of the term; small, because the error is in pixels.

    Raises:
        ValueError: An input has another shape.

    Shapes: B batch.
        focal_length: (B,) full px.  full_shape: (B, 2) H, W of the full image.  returns: ().
    """

    def __init__(self, weight: float = 1e-6) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, focal_length: Tensor, full_shape: Tensor) -> Tensor:
        check_shape(focal_length, (None,), 'FocalLoss: focal_length')
        check_shape(full_shape, (focal_length.shape[0], 2), 'FocalLoss: full_shape')
        error = (focal_length - pseudo_focal_length(full_shape)).square()
        return self.weight * error.mean()
