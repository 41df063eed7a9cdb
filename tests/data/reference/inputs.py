"""The photos of the reference runs, from the small sources that are recorded with each run."""

import numpy as np

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def normalise(pixels: np.ndarray, repeat: int) -> np.ndarray:
    """Repeat every pixel, then normalise as for ImageNet.

    Shapes: B photos.
        pixels: (B, h, w, 3) uint8, RGB.  returns: (B, 3, h * repeat, w * repeat) float32.
    """
    large = np.repeat(np.repeat(pixels, repeat, 1), repeat, 2).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(((large - MEAN) / STD).transpose(0, 3, 1, 2)).astype(np.float32)
