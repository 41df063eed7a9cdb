"""What a person detector must be."""

from abc import ABC, abstractmethod

import numpy as np


class PersonDetector(ABC):
    """Finds people in a photo. Subclasses are registered in `DETECTORS`."""

    @abstractmethod
    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes around the people of one photo, most confident first.

        Shapes: N people (may be 0).
            image: (H, W, 3) uint8 BGR.
            returns: boxes (N, 4) float32 xyxy, continuous full px inside [0, W] x [0, H]; scores
                (N,) float32 in [0, 1].
        """

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Same as `detect`."""
        return self.detect(image)


def check_image(image: np.ndarray, owner: str) -> None:
    """Refuse what is not an 8-bit colour photo.

    Args:
        image: The photo to check.
        owner: Who asks, named in the error.

    Raises:
        ValueError: If `image` is not (H, W, 3) uint8 with H, W > 0.
    """
    if (
        not isinstance(image, np.ndarray)
        or image.ndim != 3
        or image.shape[2] != 3
        or image.dtype != np.uint8
        or image.size == 0
    ):
        kind = f'{image.dtype} {image.shape}' if isinstance(image, np.ndarray) else type(image)
        raise ValueError(f'{owner}: expected a (H, W, 3) uint8 BGR image, got {kind}')


def clip_boxes(boxes: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Boxes cut at the border of the photo.

    Shapes: boxes: (N, 4) xyxy full px.  image_shape: (H, W).  returns: (N, 4) float32.
    """
    height, width = image_shape
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
