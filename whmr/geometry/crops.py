"""How a crop lies in its photo: the affine from crop to full pixels, coordinates on the crop.

Everything here takes numpy arrays or torch tensors and gives back the same kind. Pixels are
continuous: the crop spans [0, w] x [0, h], pixel (i, j) has its centre at (j + 0.5, i + 0.5).
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from torch import Tensor

Array = TypeVar('Array', np.ndarray, Tensor)


def crop_affine(
    bbox_center: Sequence[float] | np.ndarray,
    bbox_size: float,
    crop_shape: tuple[int, int],
) -> np.ndarray:
    """The affine `crop2full` of an upright square box.

    The SQUARE crop of side R = max(h, w) covers the box; the input is its middle h x w part.

    Args:
        bbox_center: Centre of the box, x and y.
        bbox_size: Side of the square box.
        crop_shape: Height and width of the network input.

    Shapes:
        bbox_center: (2,) full px.  returns: (2, 3) float64, crop px -> full px.

    Raises:
        ValueError: The centre is not two numbers, or the box has no extent.
    """
    center = np.asarray(bbox_center, dtype=np.float64)
    if center.shape != (2,):
        raise ValueError(f'bbox_center: expected shape (2,), got {center.shape}')
    if not float(bbox_size) > 0:
        raise ValueError(f'bbox_size: must be positive, got {bbox_size}')
    scale = float(bbox_size) / max(crop_shape)
    shift = center - scale * np.array([crop_shape[1] / 2, crop_shape[0] / 2])
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def invert_affine(affine: Array) -> Array:
    """The affine that undoes `affine`.

    Args:
        affine: Affine maps of the plane.

    Shapes:
        affine: (..., 2, 3).  returns: (..., 2, 3).

    Raises:
        ValueError: The last axes are not (2, 3).
    """
    _check_affine(affine, 'affine')
    a, b, c, d = affine[..., 0, 0], affine[..., 0, 1], affine[..., 1, 0], affine[..., 1, 1]
    x, y = affine[..., 0, 2], affine[..., 1, 2]
    inverse = [[d, -b, b * y - d * x], [-c, a, c * x - a * y]]
    determinant = a * d - b * c
    out = affine * 0.0
    for i in range(2):
        for j in range(3):
            out[..., i, j] = inverse[i][j] / determinant
    return out


def compose_affine(outer: Array, inner: Array) -> Array:
    """The affine that does `inner` first and `outer` then.

    Args:
        outer: The second map.
        inner: The first map.

    Shapes:
        outer, inner: (..., 2, 3), leading axes broadcast.  returns: (..., 2, 3).

    Raises:
        ValueError: The last axes are not (2, 3).
    """
    _check_affine(outer, 'outer')
    _check_affine(inner, 'inner')
    out = outer[..., :, :2] @ inner
    shift = outer[..., :, 2]
    if isinstance(out, Tensor):
        return out + (out.new_tensor([0.0, 0.0, 1.0]) * shift[..., None])
    return out + np.array([0.0, 0.0, 1.0], dtype=out.dtype) * shift[..., None]


def apply_affine(affine: Array, points: Array) -> Array:
    """Map points.

    Args:
        affine: One map, or a map for each row of a batch.
        points: Points, x and y.

    Shapes: N... batch axes, K points.
        affine: (2, 3) with points (..., 2), or (N..., 2, 3) with points (N..., K, 2).
        returns: as points.

    Raises:
        ValueError: The shapes do not pair up.
    """
    _check_affine(affine, 'affine')
    if points.shape[-1] != 2:
        raise ValueError(f'points: last axis must be 2, got shape {tuple(points.shape)}')
    if affine.ndim == 2:
        return points @ affine[:, :2].T + affine[:, 2]
    if points.ndim != affine.ndim or tuple(points.shape[:-2]) != tuple(affine.shape[:-2]):
        raise ValueError(
            f'affine of shape {tuple(affine.shape)} does not pair with points of shape '
            f'{tuple(points.shape)}'
        )
    return points @ affine[..., :, :2].swapaxes(-1, -2) + affine[..., None, :, 2]


def square_crop_normalize(points: Array, crop_shape: tuple[int, int]) -> Array:
    """Crop pixels to [-1, 1] on the SQUARE of side R = max(h, w) around the crop's centre.

    Args:
        points: Points on the crop.
        crop_shape: Height and width of the network input.

    Shapes:
        points: (..., 2) crop px.  returns: (..., 2).
    """
    h, w = crop_shape
    return (points - _constant([w / 2, h / 2], points)) / (max(h, w) / 2)


def square_crop_denormalize(points: Array, crop_shape: tuple[int, int]) -> Array:
    """[-1, 1] on the SQUARE crop to crop pixels; the inverse of `square_crop_normalize`.

    Args:
        points: Points normalised on the square crop.
        crop_shape: Height and width of the network input.

    Shapes:
        points: (..., 2).  returns: (..., 2) crop px.
    """
    h, w = crop_shape
    return points * (max(h, w) / 2) + _constant([w / 2, h / 2], points)


def square_to_feature(points: Array, crop_shape: tuple[int, int]) -> Array:
    """From [-1, 1] on the SQUARE crop to [-1, 1] on the true h x w crop.

    The latter is where feature maps are sampled. W-HMR's release leaves this out, so that x is off
    by 4/3 on 256 x 192 crops.

    Args:
        points: Points normalised on the square crop.
        crop_shape: Height and width of the network input.

    Shapes:
        points: (..., 2).  returns: (..., 2).
    """
    h, w = crop_shape
    return points * _constant([max(h, w) / w, max(h, w) / h], points)


def _constant(values: list[float], like: Array) -> Array:
    if isinstance(like, Tensor):
        return like.new_tensor(values)
    floating = np.issubdtype(like.dtype, np.floating)
    return np.array(values, dtype=like.dtype if floating else np.float64)


def _check_affine(affine: Array, name: str) -> None:
    if tuple(affine.shape[-2:]) != (2, 3):
        raise ValueError(f'{name}: last axes must be (2, 3), got shape {tuple(affine.shape)}')
