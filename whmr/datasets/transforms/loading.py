"""Reading the photo of a sample."""

import cv2
import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import LoadImageFromFile

from whmr.datasets.errors import BadSampleError
from whmr.fileio import read_tar_member, tar_member
from whmr.registry import TRANSFORMS

# The bytes that end a whole file of a kind, told by the bytes that it begins with.
_JPEG_START, _JPEG_END, _JPEG_SCAN = b'\xff\xd8', b'\xff\xd9', b'\xff\xda'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Read a photo as uint8 BGR and check it against its label.

    A photo that is missing, cut off, no picture, or of another size than `ori_shape` raises
    `BadSampleError`, which `HMRDataset` answers in training by drawing another sample. A sample
    that carries `img` already (a picture in memory, a rendered one) is only checked.

    A photo may lie in a tar (`whmr.fileio.tar_member`).

    The orientation tag of a JPEG is honoured, as viewers do: labels are expected on the picture as
    it is seen. For a data set whose labels were made on the stored pixels set
    `ignore_orientation=True`.

    Required Keys:

    - img_path (or img)
    - ori_shape (optional)

    Added Keys:

    - img
    - img_shape
    - ori_shape (if it was not there)

    Args:
        ignore_orientation: Take the stored pixels, without the turn that the orientation tag asks.
        imdecode_backend: Decoder, as in mmcv: `cv2`, `pillow`, `turbojpeg`, `tifffile`.
        backend_args: File backend, as in mmengine.

    Shapes: `img` (H, W, 3) uint8 BGR.
    """

    def __init__(
        self,
        *,
        ignore_orientation: bool = False,
        imdecode_backend: str = 'cv2',
        backend_args: dict | None = None,
    ) -> None:
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
        img = results['img'] if results.get('img') is not None else self._read(path)
        shape = img.shape[:2]
        expected = tuple(results.get('ori_shape', shape))
        if shape != expected:
            turned = ', or set ignore_orientation=True' if shape == expected[::-1] else ''
            raise BadSampleError(
                f'{path}: the photo is {shape[0]} x {shape[1]} (H x W) but its label says '
                f'{expected[0]} x {expected[1]}; use the photos that the labels are of{turned}'
            )
        results.update(img=img, img_shape=shape, ori_shape=shape)
        return results

    def _read(self, path: str) -> np.ndarray:
        try:
            member = tar_member(path)
            content = (
                fileio.get(path, backend_args=self.backend_args)
                if member is None
                else read_tar_member(member)
            )
        except OSError as error:
            raise BadSampleError(
                f'{path}: cannot be read ({error.strerror or error}); '
                'check data_prefix and the download'
            ) from error
        advice = 'get the file again'
        if not content:
            raise BadSampleError(f'{path}: the file is empty; {advice}')
        if not _is_whole(content):
            raise BadSampleError(
                f'{path}: the photo is cut off after {len(content)} bytes; {advice}'
            )
        try:
            img = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except (cv2.error, OSError, ValueError, SyntaxError) as error:
            raise BadSampleError(
                f'{path}: not a picture ({error}); {advice}'.replace('\n', ' ')
            ) from error
        if img is None:
            raise BadSampleError(f'{path}: not a picture that can be decoded; {advice}')
        return img


def _is_whole(content: bytes) -> bool:
    """Whether a JPEG or PNG has its end: OpenCV fills a cut-off picture with grey in silence."""
    if content.startswith(_JPEG_START):
        # Neither marker can occur inside the coded scan.
        return content.endswith(_JPEG_END) or (content.rfind(_JPEG_END) > content.rfind(_JPEG_SCAN))
    if content.startswith(_PNG_START):
        return _PNG_END in content
    return True
