"""A photo as the web page carries it."""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from whmr.visualization.shrinking import shrink_image

QUALITY = 85  # of the JPEG files


@dataclass(frozen=True)
class PagePicture:
    """The photo of one frame, and the same photo with the people drawn over it.

    Raises:
        ValueError: If a picture has another shape or type.

    Shapes: photo, overlay: (H, W, 3) uint8 RGB.
    """

    frame: int
    photo: np.ndarray
    overlay: np.ndarray

    def __post_init__(self) -> None:
        for name, image in (('photo', self.photo), ('overlay', self.overlay)):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(
                    f'PagePicture: {name} must be (H, W, 3) uint8, got {image.dtype} {image.shape}'
                )

    def to_json(self, *, max_side: int) -> dict[str, Any]:
        """What the page reads: both pictures as data URIs of JPEG files.

        Args:
            max_side: Pictures with a longer side are shrunk to this one, px.
        """
        return {
            'frame': self.frame,
            'photo': _data_uri(self.photo, max_side),
            'overlay': _data_uri(self.overlay, max_side),
        }


def _data_uri(image: np.ndarray, max_side: int) -> str:
    image, _ = shrink_image(image, max_side)
    bgr = np.ascontiguousarray(image[..., ::-1])
    done, buffer = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f'OpenCV cannot encode an image of shape {image.shape}')
    return 'data:image/jpeg;base64,' + base64.b64encode(buffer.tobytes()).decode('ascii')
