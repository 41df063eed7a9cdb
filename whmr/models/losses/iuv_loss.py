"""Dense correspondence maps."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.losses.iuv_maps import ANNOTATION_GROUPS, part_to_annotation
from whmr.models.losses.masking import fill_unlabelled, labelled_mean
from whmr.registry import LOSSES


@LOSSES.register_module()
class IUVLoss(nn.Module):
    """Surface coordinates by smooth absolute error, parts by cross-entropy.

    W-HMR Eq. 11. The coordinate terms look at the channel of the pixel's true part (background:
    channel 0, target 0), are summed over pixels and divided by the whole batch, labelled or not;
    the part terms are means over all pixels of the labelled rows.

    Args:
        weight_u: Weight of the first coordinate.
        weight_v: Weight of the second coordinate.
        weight_index: Weight of the part.
        weight_annotation: Weight of the merged part.
        annotation_groups: The parts of each merged part.

    Raises:
        ValueError: An input has another shape.

    Shapes: B batch, P parts with the background, A merged parts.
        u, v, index: (B, P, h, w), `index` as logits.  annotation: (B, A, h, w) logits.
        iuv_index: (B, h, w) int64 in 0..P-1, 0 = background.
        iuv_uv: (B, 2, h, w) in [0, 1].  has: (B,) bool.
        returns: `loss_iuv_u`, `loss_iuv_v`, `loss_iuv_index`, `loss_iuv_annotation`, each ().
    """

    def __init__(
        self,
        weight_u: float = 0.125,
        weight_v: float = 0.125,
        *,
        weight_index: float = 1.0,
        weight_annotation: float = 1.0,
        annotation_groups: tuple[tuple[int, ...], ...] = ANNOTATION_GROUPS,
    ) -> None:
        super().__init__()
        self.weight_u = weight_u
        self.weight_v = weight_v
        self.weight_index = weight_index
        self.weight_annotation = weight_annotation
        self.num_annotations = len(annotation_groups)
        self.register_buffer('table', part_to_annotation(annotation_groups), persistent=False)

    def forward(
        self,
        u: Tensor,
        v: Tensor,
        index: Tensor,
        annotation: Tensor,
        iuv_index: Tensor,
        iuv_uv: Tensor,
        has: Tensor,
    ) -> dict[str, Tensor]:
        batch, _, h, w = u.shape
        parts = (batch, len(self.table), h, w)
        check_shape(u, parts, 'IUVLoss: u')
        check_shape(v, parts, 'IUVLoss: v')
        check_shape(index, parts, 'IUVLoss: index')
        check_shape(annotation, (batch, self.num_annotations, h, w), 'IUVLoss: annotation')
        check_shape(iuv_index, (batch, h, w), 'IUVLoss: iuv_index')
        check_shape(iuv_uv, (batch, 2, h, w), 'IUVLoss: iuv_uv')
        check_shape(has, (batch,), 'IUVLoss: has')
        has = has.bool()
        part = torch.where(has[:, None, None], iuv_index, 0)
        merged = self.table[part]
        return {
            'loss_iuv_u': self.weight_u * self._coordinate(u, part, iuv_uv[:, 0], has),
            'loss_iuv_v': self.weight_v * self._coordinate(v, part, iuv_uv[:, 1], has),
            'loss_iuv_index': self.weight_index * self._part(index, part, has),
            'loss_iuv_annotation': self.weight_annotation * self._part(annotation, merged, has),
        }

    @staticmethod
    def _coordinate(pred: Tensor, part: Tensor, target: Tensor, has: Tensor) -> Tensor:
        pred = pred.gather(1, part[:, None])[:, 0]
        target = fill_unlabelled(target, pred, has)
        return F.smooth_l1_loss(pred, target, reduction='sum') / pred.shape[0]

    @staticmethod
    def _part(logits: Tensor, part: Tensor, has: Tensor) -> Tensor:
        return labelled_mean(F.cross_entropy(logits, part, reduction='none'), has)
