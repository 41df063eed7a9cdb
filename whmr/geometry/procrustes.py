"""Similarity Procrustes alignment."""

import torch
from torch import Tensor

from whmr.geometry.checks import check_shape


def procrustes_align(source: Tensor, target: Tensor) -> Tensor:
    """Scale, rotate and move each set of points onto its target (least squares).

    Never mirrors: the rotation is a proper one. Works in float64 inside. A row that holds NaN or
    infinity gives NaN, and leaves the others alone.

    Args:
        source: Points to move.
        target: Where they should go.

    Shapes: B batch, K points.
        source, target: (B, K, 3).  returns: (B, K, 3), dtype of `source`.

    Raises:
        ValueError: A shape is wrong.
    """
    check_shape(source, (None, None, 3), 'source')
    check_shape(target, tuple(source.shape), 'target')
    finite = (source.isfinite() & target.isfinite()).flatten(1).all(1)[:, None, None]
    moved = torch.where(finite, source.double(), 0.0)
    fixed = torch.where(finite, target.double(), 0.0)
    source_mean, target_mean = moved.mean(1, keepdim=True), fixed.mean(1, keepdim=True)
    moved, fixed = moved - source_mean, fixed - target_mean
    u, singular, vh = torch.linalg.svd(moved.mT @ fixed)
    sign = torch.where(torch.linalg.det(u @ vh) < 0, -1.0, 1.0).to(singular)
    # A mirrored best fit is made proper by giving up the weakest direction.
    keep = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], -1)
    rotation = (u * keep[:, None]) @ vh
    spread = (moved**2).sum((1, 2)).clamp_min(torch.finfo(moved.dtype).tiny)
    scale = (singular * keep).sum(-1) / spread
    aligned = scale[:, None, None] * (moved @ rotation) + target_mean
    return torch.where(finite, aligned, torch.nan).to(source)
