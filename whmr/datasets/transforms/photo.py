"""The pixels of a photo, as many and as fine as are needed."""

import io
import os
from typing import IO, Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from whmr.datasets.errors import BadSampleError
from whmr.datasets.transforms.jpeg_window import cut_window, read_layout

try:
    import simplejpeg
except ImportError:  # the extra `photos`: slower without, with the same pixels
    simplejpeg = None

_ORIENTATION_TAG = 0x0112
_EXIF = b'Exif\x00'  # what holds the tag begins with it
# OpenCV decodes a JPEG at 1/k of its size, in which pixel j covers [k j, k (j + 1)) of the photo.
_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_MARGIN = 3  # decoded pixels around a window: the outermost ones of a cut JPEG are not exact


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


class PhotoPart(NamedTuple):
    """Some of a photo's pixels.

    Args:
        pixels: The picture, BGR.
        factor: How many photo pixels one of its pixels is wide.
        origin: x, y of its corner in the photo.

    Shapes: pixels: (h, w, 3) uint8.  origin: photo px.
    """

    pixels: np.ndarray
    factor: int = 1
    origin: tuple[int, int] = (0, 0)

    def affine(self, out2photo: np.ndarray) -> np.ndarray:
        """The affine into this picture of one into the photo.

        Args:
            out2photo: From output pixels to photo pixels.

        Shapes: out2photo: (2, 3).  returns: (2, 3).
        """
        moved = np.column_stack([out2photo[:, :2], out2photo[:, 2] - self.origin])
        return moved / self.factor


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
        self._layout = read_layout(content)
        if self._layout is not None and _EXIF not in content[: self._layout.scan]:
            self.shape, self._turned = self._layout.shape, False
        else:
            try:
                found = header_shape(io.BytesIO(content), ignore_orientation=ignore_orientation)
            except (OSError, ValueError, SyntaxError) as error:
                raise self._bad(f'not a picture ({error})') from error
            self.shape, self._turned = found[:2], found[2] != 1
        self._part: PhotoPart | None = None

    def pixels(self, shrink: float = 1.0, window: np.ndarray | None = None) -> PhotoPart:
        """The photo, or the part of it that is needed, at 1/k of its size.

        k is as large as `shrink` allows. What is decoded already is taken if it is enough. Only the
        window is decoded where the JPEG can be cut (`jpeg_window`), which changes no pixel of it.

        Args:
            shrink: How many photo pixels one pixel of the output is wide. The picture has at least
                one pixel for each of the output's; below 2 it is that of the whole photo.
            window: Corners of the part that is needed; None: the whole photo.

        Returns:
            The picture, k (1, 2, 4 or 8), and where in the photo it begins.

        Raises:
            BadSampleError: It cannot be decoded.

        Shapes: window: (2, 2) x, y in photo px.
        """
        factor = max(k for k in _FLAGS if k <= max(shrink + 1e-6, 1))  # of rounding
        if self._turned and any(side % factor for side in self.shape):
            factor = 1  # the grid of large pixels would begin outside of the turned photo
        size = np.array(self.shape[::-1])
        low, high = np.clip((0 * size, size) if window is None else window, 0, size)
        if self._part is None or not _is_enough(self._part, factor, low, high, size):
            self._part = self._decoded(factor, low, high)
        return self._part

    @property
    def any_pixels(self) -> np.ndarray:
        """Whatever is decoded already, or else the whole photo.

        Raises:
            BadSampleError: It cannot be decoded.

        Shapes: returns: (h, w, 3) uint8 BGR.
        """
        return (self._part or self.pixels()).pixels

    def _decoded(self, factor: int, low: np.ndarray, high: np.ndarray) -> PhotoPart:
        is_part = (low > 0).any() or (high < self.shape[::-1]).any()
        layout = self._layout if is_part and not self._turned else None
        margin = _MARGIN * factor
        window = layout and cut_window(self._content, layout, low - margin, high + margin)
        if window is None:
            return PhotoPart(self._decode(self._content, factor, self.shape), factor)
        if not window.has_rest:
            pixels = self._decode(window.content, factor, window.shape)
        elif simplejpeg is not None:
            pixels = self._decode_begin(window.content, factor, window.shape)
        else:
            rows = -(-window.shape[0] // factor)
            pixels = self._decode(self._content, factor, self.shape)[:rows]
        return PhotoPart(pixels, factor, window.origin)

    def _decode_begin(self, content: bytes, factor: int, shape: tuple[int, int]) -> np.ndarray:
        """Decode a JPEG after whose pixels more follows: OpenCV prints a line about each."""
        small = [-(-side // factor) for side in shape]
        try:
            pixels = simplejpeg.decode_jpeg(
                content, 'BGR', min_height=small[0], min_width=small[1], strict=False
            )
        except ValueError as error:
            raise self._bad(f'not a picture that can be decoded ({error})') from error
        return self._checked(pixels, factor, shape)

    def _decode(self, content: bytes, factor: int, shape: tuple[int, int]) -> np.ndarray:
        try:
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS[factor] | self._flag)
        except cv2.error as error:
            raise self._bad(f'not a picture ({error})'.replace('\n', ' ')) from error
        if pixels is None:
            raise self._bad('not a picture that can be decoded')
        return self._checked(pixels, factor, shape)

    def _checked(self, pixels: np.ndarray, factor: int, shape: tuple[int, int]) -> np.ndarray:
        expected = tuple(-(-side // factor) for side in shape)
        if pixels.shape[:2] != expected:
            raise self._bad(f'decoded to {pixels.shape[:2]} px instead of {expected}')
        return pixels

    def _bad(self, what: str) -> BadSampleError:
        return BadSampleError(f'{self._path}: {what}; get the file again')


def _is_enough(
    part: PhotoPart, factor: int, low: np.ndarray, high: np.ndarray, size: np.ndarray
) -> bool:
    """Whether a part is as fine and as large as is asked, without its outermost pixels."""
    start, edge = np.array(part.origin), _MARGIN * part.factor
    stop = start + np.array(part.pixels.shape[1::-1]) * part.factor
    inside = (low >= start + edge * (start > 0)) & (high <= stop - edge * (stop < size))
    return part.factor <= factor and bool(inside.all())


def photo_part(
    results: dict[str, Any], shrink: float = 1.0, window: np.ndarray | None = None
) -> PhotoPart:
    """The pixels of a sample's photo: `img` as it is, or `encoded` as much of it as is needed.

    Args:
        results: The sample.
        shrink: See `EncodedPhoto.pixels`.
        window: See `EncodedPhoto.pixels`.

    Raises:
        BadSampleError: The photo cannot be decoded.

    Shapes: as in `EncodedPhoto.pixels`.
    """
    if 'encoded' in results:
        return results['encoded'].pixels(shrink, window)
    return PhotoPart(results['img'])


def photo_shape(results: dict[str, Any]) -> tuple[int, int]:
    """Height and width of a sample's photo.

    Args:
        results: The sample.

    Shapes: returns: (H, W) px.
    """
    return results['encoded'].shape if 'encoded' in results else results['img'].shape[:2]
