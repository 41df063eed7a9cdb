"""Pictures written to disk."""

from pathlib import Path

import cv2
import numpy as np

from whmr.fileio import write_files


def encode_png(image: np.ndarray) -> bytes:
    """The bytes of a PNG file.

    Shapes: image: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If `image` has another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'encode_png: expected (H, W, 3) uint8, got {image.dtype} {image.shape}')
    done, buffer = cv2.imencode('.png', np.ascontiguousarray(image[..., ::-1]))
    if not done:
        raise ValueError(f'encode_png: OpenCV cannot encode an image of shape {image.shape}')
    return buffer.tobytes()


def save_png(path: str | Path, image: np.ndarray) -> None:
    """Write a picture; the file is there whole or not at all.

    Shapes: image: (H, W, 3) uint8 RGB.

    Raises:
        OSError: If it cannot be written.
        ValueError: If `image` has another shape or type.
    """
    write_files({Path(path): encode_png(image)})
