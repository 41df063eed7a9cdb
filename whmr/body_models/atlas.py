"""Surface coordinates of a body: a part and a (u, v) for each corner of each face."""

import numpy as np
import torch
from torch import nn

NUM_PARTS = 24


class BodyAtlas(nn.Module):
    """The 24 DensePose-like parts of a body's surface, each with its own unit square of (u, v).

    Args:
        part: Part of each face, 1..24 (0 is left for the background of rendered maps).
        uv: Coordinates of each face's three corners inside its part's chart.
        topology: Tag of the body that the faces belong to.

    Raises:
        ValueError: Shapes do not fit, or a value is outside its range.

    Shapes: F faces.
        part: (F,) int.  uv: (F, 3, 2) in [0, 1].
    """

    def __init__(self, part: np.ndarray, uv: np.ndarray, *, topology: str) -> None:
        super().__init__()
        if part.ndim != 1 or uv.shape != (len(part), 3, 2):
            raise ValueError(
                f'an atlas needs part (F,) and uv (F, 3, 2), got {part.shape} and {uv.shape}'
            )
        if part.min() < 1 or part.max() > NUM_PARTS:
            raise ValueError(
                f'atlas field "part" must lie in 1..{NUM_PARTS}, got {part.min()}..{part.max()}'
            )
        if uv.min() < 0 or uv.max() > 1:
            raise ValueError(
                f'atlas field "uv" must lie in [0, 1], got {uv.min():.3g}..{uv.max():.3g}'
            )
        self.topology = topology
        self.register_buffer('part', torch.from_numpy(part.astype(np.int64)), persistent=False)
        self.register_buffer('uv', torch.from_numpy(uv.astype(np.float32)), persistent=False)
