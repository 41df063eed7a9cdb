"""3D keypoints."""

import torch
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.losses.keypoint_2d_loss import NUM_OPENPOSE
from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.registry import LOSSES

HIPS = slice(2, 4)  # right and left hip among the 24 joints that follow the OpenPose ones


@LOSSES.register_module()
class Keypoint3DLoss(nn.Module):
    """Squared error of 3D joints, both sides centred between the hips.

    W-HMR Eq. 5, on the 24 joints of `spin49` that follow the OpenPose ones. It serves camera and
    world joints alike. A row without both hips cannot be centred and counts as unlabelled.

    Args:
        weight: Weight of the term.

    Raises:
        ValueError: An input has another shape.

    Shapes: B batch.
        pred, target: (B, 49, 3) m, any frame without translation.  conf: (B, 49), 0 = unlabelled,
        or None for all ones.  has: (B,) bool.  returns: ().
    """

    def __init__(self, weight: float = 300.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, pred: Tensor, target: Tensor, conf: Tensor | None, has: Tensor) -> Tensor:
        batch = pred.shape[0]
        check_shape(pred, (None, 49, 3), 'Keypoint3DLoss: pred')
        check_shape(target, (batch, 49, 3), 'Keypoint3DLoss: target')
        check_shape(has, (batch,), 'Keypoint3DLoss: has')
        if conf is None:
            conf = torch.ones_like(pred[..., 0])
        check_shape(conf, (batch, 49), 'Keypoint3DLoss: conf')
        pred, target, conf = (x[:, NUM_OPENPOSE:] for x in (pred, target, conf))
        labelled = conf > 0
        has = has.bool() & labelled[:, HIPS].all(dim=1)
        mask = has[:, None] & labelled
        pred = pred - pred[:, HIPS].mean(dim=1, keepdim=True)
        # What is not labelled is dropped before the centring; a counted row always has its hips.
        target = torch.where(mask[..., None], target, 0.0)
        target = target - target[:, HIPS].mean(dim=1, keepdim=True)
        error = (pred - fill_unlabelled(target, pred, mask)).square()
        weight = torch.where(mask, conf, 0.0)
        return self.weight * labelled_mean(weight[..., None] * error, has)
