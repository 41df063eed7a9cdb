"""Large pictures made smaller."""

import cv2
import numpy as np


def shrink_image(image: np.ndarray, max_side: int | None) -> tuple[np.ndarray, float]:
    """The picture with no side longer than `max_side`, and the factor of its size.

    Args:
        image: The picture.
        max_side: Longest side that is kept, px; None keeps every size.

    Shapes: image: (H, W, 3) uint8.  returns: (h, w, 3) uint8, and a factor of at most 1.
    """
    scale = 1.0 if max_side is None else min(1.0, max_side / max(image.shape[:2]))
    if scale == 1:
        return image, scale
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale
