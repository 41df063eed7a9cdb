"""Pictures written to disk."""

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np


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


def write_files(contents: dict[Path, bytes]) -> None:
    """Write several files: all of them are put beside their places first, and moved there only when all are whole.

    Args:
        contents: Path to what is written there; the folders must exist.

    Raises:
        OSError: If one cannot be written; no temporary file is left.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            descriptor, name = tempfile.mkstemp(prefix='.', suffix='.part', dir=path.parent)
            staged.append((Path(name), path))
            with os.fdopen(descriptor, 'wb') as file:
                file.write(content)
            os.chmod(name, 0o644)
        for temporary, path in staged:
            os.replace(temporary, path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
