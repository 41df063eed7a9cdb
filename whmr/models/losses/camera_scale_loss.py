"""Sign of the weak camera's scale."""

from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.registry import LOSSES


@LOSSES.register_module()
class CameraScaleLoss(nn.Module):
    """Keeps the scale of the crop camera positive: a person behind the camera costs much.

    In the authors' release, not in the paper.

    Args:
        weight: Weight of the term.

    Raises:
        ValueError: The input has another shape.

    Shapes: B batch.
        weak_cam: (B, 3) s, tx, ty of the crop camera.  returns: ().
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, weak_cam: Tensor) -> Tensor:
        check_shape(weak_cam, (None, 3), 'CameraScaleLoss: weak_cam')
        return self.weight * (-10 * weak_cam[:, 0]).exp().square().mean()
