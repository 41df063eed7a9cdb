"""Dense correspondence targets."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# The background and the 24 DensePose parts, merged where two faces belong to one limb.
ANNOTATION_GROUPS: tuple[tuple[int, ...], ...] = (
    (0,),
    (1, 2),
    (3,),
    (4,),
    (5,),
    (6,),
    (7, 9),
    (8, 10),
    (11, 13),
    (12, 14),
    (15, 17),
    (16, 18),
    (19, 21),
    (20, 22),
    (23, 24),
)


class IUVMaps(NamedTuple):
    """One-hot parts and per-part coordinates.

    Shapes: B batch, P parts with the background, A merged parts.
    """

    u: Tensor  # (B, P, h, w) the coordinate in its part's channel, 0 elsewhere
    v: Tensor  # (B, P, h, w)
    index: Tensor  # (B, P, h, w) 0 or 1
    annotation: Tensor  # (B, A, h, w) 0 or 1


def part_to_annotation(groups: tuple[tuple[int, ...], ...] = ANNOTATION_GROUPS) -> Tensor:
    """The merged part of each part, as a table to index.

    Args:
        groups: The parts of each merged part; together they name each part from 0 on once.

    Raises:
        ValueError: A part is missing or named twice.

    Shapes: P parts with the background.
        returns: (P,) int64.
    """
    merged = {part: group for group, parts in enumerate(groups) for part in parts}
    count = sum(len(parts) for parts in groups)
    if sorted(merged) != list(range(count)):
        raise ValueError('annotation groups must name each part from 0 on exactly once')
    return torch.tensor([merged[part] for part in range(count)])


def iuv_target_maps(iuv_index: Tensor, iuv_uv: Tensor) -> IUVMaps:
    """The channel-per-part form of rendered correspondence maps, for the standard 25 parts.

    W-HMR Eq. 11 is written on these maps; `IUVLoss` reaches the same numbers without building them.

    Args:
        iuv_index: Part of each pixel.
        iuv_uv: Surface coordinates of each pixel.

    Shapes: B batch.
        iuv_index: (B, h, w) int64 in 0..24, 0 = background.  iuv_uv: (B, 2, h, w) in [0, 1].
        returns: `IUVMaps` in the dtype of `iuv_uv`.
    """
    table = part_to_annotation().to(iuv_index.device)
    index = F.one_hot(iuv_index, len(table)).movedim(-1, 1).to(iuv_uv.dtype)
    merged = F.one_hot(table[iuv_index], len(ANNOTATION_GROUPS)).movedim(-1, 1).to(iuv_uv.dtype)
    return IUVMaps(index * iuv_uv[:, :1], index * iuv_uv[:, 1:], index, merged)
