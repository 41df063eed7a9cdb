"""Crops and resized photos with numpy alone: the twin of the test pipeline's transforms.

A difference of one grey level in one pixel of ten moves a mesh by centimetres, so OpenCV's
fixed-point interpolation and its rounding are followed to the bit.
"""

from typing import NamedTuple

import numpy as np


class Crop(NamedTuple):
    """A person's crop and where it lies.

    Shapes: pixels: (h, w, 3) uint8.  crop2full: (2, 3) crop px -> full px.
    """

    pixels: np.ndarray
    crop2full: np.ndarray


def crop_person(
    photo: np.ndarray,
    box: np.ndarray,
    shape: tuple[int, int],
    *,
    padding: float = 1.2,
    antialias: bool = True,
) -> Crop:
    """The square around a box, as a network sees it; black outside of the photo.

    Args:
        photo: The photo.
        box: A tight box.
        shape: Height and width of the crop: the middle of the square of their longer side.
        padding: How much larger the square is than the box's longer side.
        antialias: Average before shrinking strongly.

    Shapes: photo: (H, W, 3) uint8.  box: (4,) xyxy full px.
    """
    box = np.asarray(box, np.float64)
    scale = float((box[2:] - box[:2]).max()) * padding / max(shape)
    corner = (box[:2] + box[2:]) / 2 - scale * np.array([shape[1] / 2, shape[0] / 2])
    pixels = _resample(photo, np.full(2, scale), corner, shape, antialias=antialias)
    crop2full = np.array([[scale, 0.0, corner[0]], [0.0, scale, corner[1]]])
    return Crop(pixels, crop2full)


def resize_photo(
    photo: np.ndarray,
    short_side: int,
    max_long_side: int | None = None,
    *,
    antialias: bool = True,
) -> np.ndarray:
    """The whole photo at the size that the camera calibrator reads.

    Args:
        photo: The photo.
        short_side: Its new shorter side, px.
        max_long_side: The longer side is held to this, px; None = no limit.
        antialias: Average before shrinking strongly.

    Shapes: photo: (H, W, 3) uint8.  returns: (H', W', 3) uint8.
    """
    height, width = photo.shape[:2]
    scale = short_side / min(height, width)
    if max_long_side is not None:
        scale = min(scale, max_long_side / max(height, width))
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    if shape == (height, width):
        return photo.copy()
    out2photo = np.array([width / shape[1], height / shape[0]])
    return _resample(photo, out2photo, np.zeros(2), shape, antialias=antialias)


def _resample(
    photo: np.ndarray,
    scale: np.ndarray,
    corner: np.ndarray,
    shape: tuple[int, int],
    *,
    antialias: bool,
) -> np.ndarray:
    """Bilinear; `photo px = scale * output px + corner`, each (2,) x, y; pixels are continuous."""
    shrinkage = np.sqrt(np.linalg.det(np.diag(scale)))  # rounded as the original rounds it
    step = max(int(shrinkage + 0.5), 1) if antialias else 1
    if step > 1:
        photo, low = _averaged(photo, scale, corner, shape, step)
        scale, corner = scale / step, (corner - low) / step
    rows = _line(photo, scale[1], corner[1], shape[0], axis=0)
    return _halves_up(_line(rows, scale[0], corner[0], shape[1], axis=1))


def _averaged(
    photo: np.ndarray, scale: np.ndarray, corner: np.ndarray, shape: tuple[int, int], step: int
) -> tuple[np.ndarray, np.ndarray]:
    """What an output shows of a photo, averaged over cells of `step` x `step` px; its corner."""
    size = np.array(photo.shape[1::-1])
    end = corner + scale * np.array(shape[::-1])
    low = np.clip((np.floor(corner) - 2 * step).astype(int), 0, size - 1)
    high = np.clip((np.ceil(end) + 2 * step).astype(int), low + 1, size)
    cells = -(-(high - low) // step)
    right, below = cells * step - (high - low)
    part = np.pad(photo[low[1] : high[1], low[0] : high[0]], ((0, below), (0, right), (0, 0)))
    rows = part.reshape(cells[1], step, -1).sum(axis=1, dtype=np.uint32)  # fast: whole rows
    means = rows.reshape(cells[1], cells[0], step, -1).sum(axis=2) / step**2
    small = _halves_up(means) if step == 2 else np.rint(means).astype(np.uint8)  # as OpenCV
    return small, low.astype(np.float64)


def _line(pixels: np.ndarray, scale: float, corner: float, count: int, *, axis: int) -> np.ndarray:
    """`pixels` interpolated along an axis, in OpenCV's steps of 1/32 px; float32."""
    first = scale / 2 + corner - 0.5  # the centre of the first pixel is at 0
    steps, first = scale * np.arange(count) * 1024, first * 1024
    place = np.rint(steps + first) if axis == 0 else np.rint(steps) + np.rint(first)
    place = np.floor((place + 16) / 32).astype(int)
    low, share = place // 32, (place % 32).astype(np.float32) / 32
    total = np.float32(0)
    for index, weight in ((low, 1 - share), (low + 1, share)):
        inside = (index >= 0) & (index < pixels.shape[axis])
        weight = np.where(inside, weight, np.float32(0))
        found = pixels.take(np.clip(index, 0, pixels.shape[axis] - 1), axis=axis)
        total = total + np.expand_dims(weight, (1, 2) if axis == 0 else (0, 2)) * found
    return total


def _halves_up(values: np.ndarray) -> np.ndarray:
    return np.floor(values + 0.5).astype(np.uint8)
