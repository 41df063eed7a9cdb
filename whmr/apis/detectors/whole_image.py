"""The detector for photos that are crops of one person already."""

import numpy as np

from whmr.apis.detectors.base import PersonDetector, check_image
from whmr.registry import DETECTORS


@DETECTORS.register_module()
class WholeImageDetector(PersonDetector):
    """Says that the whole photo is one person."""

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PersonDetector.detect`.

        Raises:
            ValueError: If `image` is not (H, W, 3) uint8.
        """
        check_image(image, 'WholeImageDetector')
        height, width = image.shape[:2]
        return np.array([[0, 0, width, height]], dtype=np.float32), np.ones(1, dtype=np.float32)
