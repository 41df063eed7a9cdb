"""The one way in which pixels of a photo get into a network input."""

import cv2
import numpy as np


def shrinkage(out2photo: np.ndarray) -> float:
    """How many photo pixels one output pixel is wide.

    Args:
        out2photo: Affine from output pixels to photo pixels.

    Shapes: out2photo: (2, 3).
    """
    return float(np.sqrt(abs(np.linalg.det(out2photo[:, :2]))))


def needed_window(
    out2photo: np.ndarray, out_shape: tuple[int, int], *, antialias: bool = True
) -> np.ndarray:
    """Corners of the part of a photo that `warp_photo` looks at.

    Args:
        out2photo: Affine from continuous output pixels to continuous photo pixels.
        out_shape: Height and width of the output.
        antialias: As in `warp_photo`.

    Shapes: out2photo: (2, 3).  returns: (2, 2) x, y of the corner and of the one across, photo px;
        may lie outside of the photo.
    """
    height, width = out_shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    corners = corners @ out2photo[:, :2].T + out2photo[:, 2]
    margin = 2 * _step(out2photo, antialias)
    return np.stack([np.floor(corners.min(0)) - margin, np.ceil(corners.max(0)) + margin])


def warp_photo(
    photo: np.ndarray, out2photo: np.ndarray, out_shape: tuple[int, int], *, antialias: bool = True
) -> np.ndarray:
    """Resample a photo by an affine, bilinear, black outside of the photo.

    Where the output shrinks the photo by 1.5 or more, the part that is needed is first averaged
    over k x k pixels (k = the rounded shrinkage), so that fine texture does not alias.

    Args:
        photo: The photo.
        out2photo: Affine from continuous output pixels to continuous photo pixels.
        out_shape: Height and width of the output.
        antialias: Average before shrinking.

    Returns:
        The resampled picture.

    Shapes:
        photo: (H, W, C) uint8.  out2photo: (2, 3).  returns: (h, w, C) uint8.
    """
    affine = np.asarray(out2photo, np.float64)
    step = _step(affine, antialias)
    if step > 1:
        photo, offset = _shrunk_part(photo, affine, out_shape, step)
        affine = np.column_stack([affine[:, :2], affine[:, 2] - offset]) / step
    # OpenCV counts from the centres of pixels: half a pixel is added on both sides.
    shift = affine[:, :2].sum(1) / 2 + affine[:, 2] - 0.5
    height, width = out_shape
    return cv2.warpAffine(
        photo,
        np.column_stack([affine[:, :2], shift]),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )


def _step(out2photo: np.ndarray, antialias: bool) -> int:
    """Over how many photo pixels in each direction is averaged."""
    return max(int(shrinkage(out2photo) + 0.5), 1) if antialias else 1


def _shrunk_part(
    photo: np.ndarray, affine: np.ndarray, out_shape: tuple[int, int], step: int
) -> tuple[np.ndarray, np.ndarray]:
    """The part of the photo that the output shows, averaged over cells of `step` x `step` pixels.

    Returns the small picture and the photo coordinates of its corner.
    """
    corners = needed_window(affine, out_shape)
    size = np.array(photo.shape[1::-1])
    low = np.clip(corners[0].astype(int), 0, size - 1)
    high = np.clip(corners[1].astype(int), low + 1, size)
    cells = -(-(high - low) // step)
    part = photo[low[1] : high[1], low[0] : high[0]]
    right, below = cells * step - (high - low)
    if right or below:
        part = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0)
    small = cv2.resize(part, tuple(int(n) for n in cells), interpolation=cv2.INTER_AREA)
    return small, low.astype(np.float64)
