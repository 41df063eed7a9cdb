"""Reading the photo of a sample."""

import cv2
import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import LoadImageFromFile

from whmr.datasets.errors import BadSampleError
from whmr.datasets.transforms.photo import EncodedPhoto
from whmr.fileio import is_url, read_file, read_tar_member, tar_member
from whmr.registry import TRANSFORMS

# The bytes that end a whole file of a kind, told by the bytes that it begins with.
_JPEG_START, _JPEG_END, _JPEG_SCAN = b'\xff\xd8', b'\xff\xd9', b'\xff\xda'
_ADVICE = 'get the file again'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Read a photo as uint8 BGR and check it against its label.

    A photo that is missing, cut off, no picture, or of another size than `ori_shape` raises
    `BadSampleError`, which `HMRDataset` answers in training by drawing another sample. A sample
    that carries `img` already (a picture in memory, a rendered one) is only checked.

    A photo may lie in a tar (`whmr.fileio.tar_member`) and behind a URL (`s3://bucket/...`: read
    with fsspec).

    With `lazy_decode` a JPEG becomes `encoded` instead of `img`: it is only checked here, and
    `CropPerson` and `ResizeFull` decode it, at 1/2, 1/4 or 1/8 of its size where that has at least
    one pixel for each of theirs, and of it as little as the crop needs (`jpeg_window`), which is
    faster for large photos. All coordinates stay those of the whole photo. Transforms that use
    `img` themselves need it off.

    The orientation tag of a JPEG is honoured, as viewers do: labels are expected on the picture as
    it is seen. For a data set whose labels were made on the stored pixels set
    `ignore_orientation=True`.

    Required Keys:

    - img_path (or img)
    - ori_shape (optional)

    Added Keys:

    - img (or encoded)
    - img_shape
    - ori_shape (if it was not there)

    Args:
        ignore_orientation: Take the stored pixels, without the turn that the orientation tag asks.
        lazy_decode: Let the views decode JPEGs, as much and as finely as they need.
        imdecode_backend: Decoder, as in mmcv: `cv2`, `pillow`, `turbojpeg`, `tifffile`.
        backend_args: File backend, as in mmengine.

    Raises:
        ValueError: `lazy_decode` is asked of another decoder than `cv2`.

    Shapes: `img` (H, W, 3) uint8 BGR.
    """

    def __init__(
        self,
        *,
        ignore_orientation: bool = False,
        lazy_decode: bool = False,
        imdecode_backend: str = 'cv2',
        backend_args: dict | None = None,
    ) -> None:
        if lazy_decode and imdecode_backend != 'cv2':
            raise ValueError(f"lazy_decode needs imdecode_backend='cv2', not {imdecode_backend!r}")
        self.ignore_orientation, self.lazy_decode = ignore_orientation, lazy_decode
        super().__init__(
            color_type='color_ignore_orientation' if ignore_orientation else 'color',
            imdecode_backend=imdecode_backend,
            backend_args=backend_args,
        )

    def transform(self, results: dict) -> dict:
        """Read the photo.

        Args:
            results: The sample.

        Raises:
            BadSampleError: The photo is missing, broken, or of another size than its label.

        Shapes: as in the class.
        """
        path = results.get('img_path', 'the given picture')
        photo = results['img'] if results.get('img') is not None else self._read(path)
        shape = tuple(photo.shape[:2])
        expected = tuple(results.get('ori_shape', shape))
        if shape != expected:
            turned = ', or set ignore_orientation=True' if shape == expected[::-1] else ''
            raise BadSampleError(
                f'{path}: the photo is {shape[0]} x {shape[1]} (H x W) but its label says '
                f'{expected[0]} x {expected[1]}; use the photos that the labels are of{turned}'
            )
        key = 'encoded' if isinstance(photo, EncodedPhoto) else 'img'
        results.update({key: photo, 'img_shape': shape, 'ori_shape': shape})
        return results

    def read_content(self, path: str) -> bytes:
        """The bytes of a photo, not decoded.

        Args:
            path: Its path or URL.

        Raises:
            BadSampleError: It is missing, empty or cut off.

        Shapes: none.
        """
        try:
            member = tar_member(path)
            if member is not None:
                content = read_tar_member(member)
            elif is_url(path) and self.backend_args is None:
                content = read_file(path)
            else:
                content = fileio.get(path, backend_args=self.backend_args)
        except OSError as error:
            raise BadSampleError(
                f'{path}: cannot be read ({error.strerror or error}); '
                'check data_prefix and the download'
            ) from error
        if not content:
            raise BadSampleError(f'{path}: the file is empty; {_ADVICE}')
        if not _is_whole(content):
            raise BadSampleError(
                f'{path}: the photo is cut off after {len(content)} bytes; {_ADVICE}'
            )
        return content

    def _read(self, path: str) -> np.ndarray | EncodedPhoto:
        content = self.read_content(path)
        if self.lazy_decode and content.startswith(_JPEG_START):
            return EncodedPhoto(content, path, ignore_orientation=self.ignore_orientation)
        try:
            img = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except (cv2.error, OSError, ValueError, SyntaxError) as error:
            raise BadSampleError(
                f'{path}: not a picture ({error}); {_ADVICE}'.replace('\n', ' ')
            ) from error
        if img is None:
            raise BadSampleError(f'{path}: not a picture that can be decoded; {_ADVICE}')
        return img


def _is_whole(content: bytes) -> bool:
    """Whether a JPEG or PNG has its end: OpenCV fills a cut-off picture with grey in silence."""
    if content.startswith(_JPEG_START):
        # Neither marker can occur inside the coded scan.
        return content.endswith(_JPEG_END) or (content.rfind(_JPEG_END) > content.rfind(_JPEG_SCAN))
    if content.startswith(_PNG_START):
        return _PNG_END in content
    return True
