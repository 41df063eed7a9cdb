"""A video with its people drawn over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from whmr.fileio import atomic_path
from whmr.visualization import PosedPeople, draw_overlay

CODEC = 'mp4v'  # MPEG-4 part 2: what OpenCV from PyPI can always write
MAX_SIDE = 1280  # px


class OverlayVideo:
    """Draws frame after frame; see `open_overlay`."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None

    def add(self, image: np.ndarray, people: PosedPeople) -> None:
        """Append a frame.

        Args:
            image: The frame.
            people: Who is drawn over it.

        Shapes: image: (H, W, 3) uint8 BGR.

        Raises:
            ImportError: If numba is not installed.
            OSError: If the video cannot be written.
        """
        rgb = np.ascontiguousarray(image[..., ::-1])
        drawn = draw_overlay(rgb, people, max_side=MAX_SIDE)
        drawn = drawn[: drawn.shape[0] // 2 * 2, : drawn.shape[1] // 2 * 2]  # the codec wants even
        if self._writer is None:
            size = drawn.shape[1::-1]
            code = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self._path), code, self._fps, size)
            if not self._writer.isOpened():
                raise OSError(f'OpenCV cannot write {size[0]} x {size[1]} px as {CODEC} video')
        self._writer.write(np.ascontiguousarray(drawn[..., ::-1]))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()


@contextmanager
def open_overlay(path: Path, fps: float) -> Iterator[OverlayVideo]:
    """A video file that is there whole, or not at all, when the block ends.

    Args:
        path: The `.mp4` file.
        fps: Frames per second.

    Raises:
        OSError: If the file cannot be written.
    """
    with atomic_path(path) as partial:
        video = OverlayVideo(partial, fps)
        try:
            yield video
        finally:
            video.close()
