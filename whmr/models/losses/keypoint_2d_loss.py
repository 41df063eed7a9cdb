"""2D keypoints."""

from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.losses.masking import fill_unlabelled
from whmr.registry import LOSSES

NUM_OPENPOSE = 25  # the first joints of the set `spin49`


@LOSSES.register_module()
class Keypoint2DLoss(nn.Module):
    """Squared error of projected joints, weighted by the labels' confidence.

    W-HMR Eq. 5: in the crop, and (with `scale`) in the full image. The mean is over all
    joints, labelled or not.

    Args:
        weight: Weight of the term.
        openpose_weight: Factor on the confidence of the 25 OpenPose joints.

    Raises:
        ValueError: An input has another shape.

    Shapes: B batch.
        pred, target: (B, 49, 2) normalised image coordinates.  conf: (B, 49), 0 = unlabelled.
        scale: (B, 2) factor on the x and y terms, or None: W / box width, H / box height for the
        full image, which makes an error in pixels weigh the same as in the crop.  returns: ().
    """

    def __init__(self, weight: float = 300.0, *, openpose_weight: float = 0.0) -> None:
        super().__init__()
        self.weight = weight
        self.openpose_weight = openpose_weight

    def forward(
        self, pred: Tensor, target: Tensor, conf: Tensor, scale: Tensor | None = None
    ) -> Tensor:
        check_shape(pred, (None, 49, 2), 'Keypoint2DLoss: pred')
        check_shape(conf, (pred.shape[0], 49), 'Keypoint2DLoss: conf')
        error = (pred - fill_unlabelled(target, pred, conf > 0)).square()
        factor = conf.clone()
        factor[:, :NUM_OPENPOSE] *= self.openpose_weight
        error = factor[..., None] * error
        if scale is not None:
            check_shape(scale, (pred.shape[0], 2), 'Keypoint2DLoss: scale')
            error = scale[:, None] * error
        return self.weight * error.mean()
