"""The pixels of a photo, decoded as finely as they are needed."""

import io
import os
from typing import IO, Any

import cv2
import numpy as np
from PIL import Image

from whmr.datasets.errors import BadSampleError

_ORIENTATION_TAG = 0x0112
# OpenCV decodes a JPEG at 1/k of its size, in which pixel j covers [k j, k (j + 1)) of the photo.
_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def header_shape(
    file: str | os.PathLike | IO[bytes], *, ignore_orientation: bool = False
) -> tuple[int, int, int]:
    """What the header of a picture says of it, without decoding it.

    Args:
        file: The picture, or its path.
        ignore_orientation: Height and width of the stored pixels, not of the picture as it is seen.

    Returns:
        Height, width, and the orientation tag (1 = as stored; also if it is ignored).

    Raises:
        OSError, ValueError, SyntaxError: It is no picture that can be read.

    Shapes: px.
    """
    with Image.open(file) as image:
        width, height = image.size
        tag = 1 if ignore_orientation else int(image.getexif().get(_ORIENTATION_TAG, 1))
    return (width, height, tag) if tag >= 5 else (height, width, tag)


class EncodedPhoto:
    """A whole JPEG that is decoded when a transform asks for its pixels.

    Args:
        content: The JPEG.
        path: Its name in errors.
        ignore_orientation: Take the stored pixels, without the turn that the orientation tag asks.

    Attributes:
        shape: Height and width.

    Raises:
        BadSampleError: It is no picture.

    Shapes: `shape` (H, W) px.
    """

    def __init__(self, content: bytes, path: str, *, ignore_orientation: bool = False) -> None:
        self._content, self._path = content, path
        self._flag = cv2.IMREAD_IGNORE_ORIENTATION if ignore_orientation else 0
        try:
            found = header_shape(io.BytesIO(content), ignore_orientation=ignore_orientation)
        except (OSError, ValueError, SyntaxError) as error:
            raise self._bad(f'not a picture ({error})') from error
        self.shape = found[:2]
        self._turned = found[2] != 1
        self._pixels: np.ndarray | None = None
        self._factor = 1

    def pixels(self, shrink: float = np.inf) -> tuple[np.ndarray, int]:
        """The photo at 1/k of its size, k as large as `shrink` allows; decoded once if possible.

        Args:
            shrink: How many photo pixels one pixel of the output is wide. The picture has at least
                one pixel for each of the output's; below 2 it is the whole photo. Infinity takes
                whatever is decoded.

        Returns:
            The picture, and k: 1, 2, 4 or 8.

        Raises:
            BadSampleError: It cannot be decoded.

        Shapes: returns: (ceil(H / k), ceil(W / k), 3) uint8 BGR.
        """
        factor = max(k for k in _FLAGS if k <= max(shrink + 1e-6, 1))  # of rounding
        if self._turned and any(side % factor for side in self.shape):
            factor = 1  # the grid of large pixels would begin outside of the turned photo
        if self._pixels is None or self._factor > factor:
            self._pixels, self._factor = self._decoded(factor), factor
        return self._pixels, self._factor

    def _decoded(self, factor: int) -> np.ndarray:
        code = np.frombuffer(self._content, np.uint8)
        try:
            pixels = cv2.imdecode(code, _FLAGS[factor] | self._flag)
        except cv2.error as error:
            raise self._bad(f'not a picture ({error})'.replace('\n', ' ')) from error
        if pixels is None:
            raise self._bad('not a picture that can be decoded')
        expected = tuple(-(-side // factor) for side in self.shape)
        if pixels.shape[:2] != expected:
            raise self._bad(f'decoded to {pixels.shape[:2]} px instead of {expected}')
        return pixels

    def _bad(self, what: str) -> BadSampleError:
        return BadSampleError(f'{self._path}: {what}; get the file again')


def photo_pixels(results: dict[str, Any], shrink: float = np.inf) -> tuple[np.ndarray, int]:
    """The pixels of a sample's photo: `img` as it is, or `encoded` as finely as is needed.

    Args:
        results: The sample.
        shrink: See `EncodedPhoto.pixels`.

    Returns:
        The picture, and how many photo pixels one of its pixels is wide.

    Raises:
        BadSampleError: The photo cannot be decoded.

    Shapes: returns: (H / k, W / k, 3) uint8 BGR.
    """
    if 'encoded' in results:
        return results['encoded'].pixels(shrink)
    return results['img'], 1


def photo_shape(results: dict[str, Any]) -> tuple[int, int]:
    """Height and width of a sample's photo.

    Args:
        results: The sample.

    Shapes: returns: (H, W) px.
    """
    return results['encoded'].shape if 'encoded' in results else results['img'].shape[:2]
