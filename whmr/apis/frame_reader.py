"""Frames of a video file or of a camera."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from whmr.datasets import BadSampleError

FRAME_COUNT_SLACK = 2  # the count in a video's header may be off by so many frames


def video_name(source: Path | int) -> str:
    """What a video is called in messages: its file as it was given, or `camera0`.

    Args:
        source: A video file, or the number of a camera.
    """
    return f'camera{source}' if isinstance(source, int) else str(source)


class FrameReader:
    """Goes through a video one frame after another; a frame is decoded when it is asked for.

    Args:
        source: A video file, or the number of a camera of this machine.
        every: Stop at frames 0, every, 2 * every, ...
        max_frames: Stop at so many frames at most; None = at all.

    Attributes:
        name: See `video_name`.
        problem: What was wrong with the video as a whole, once the frames are through; or None.
    """

    def __init__(
        self, source: Path | int, *, every: int = 1, max_frames: int | None = None
    ) -> None:
        self.source, self.every, self.max_frames = source, every, max_frames
        self.name = video_name(source)
        self.problem: str | None = None
        self._missing = isinstance(source, Path) and not source.is_file()
        self._capture = cv2.VideoCapture()
        if not self._missing:
            self._capture.open(source if isinstance(source, int) else str(source))

    @property
    def stem(self) -> str:
        """How files that are made of it are called."""
        return Path(self.name).stem

    @property
    def fps(self) -> float | None:
        """Frames per second at which `every` stops; None if the video does not say."""
        rate = float(self._capture.get(cv2.CAP_PROP_FPS)) / self.every
        return rate if np.isfinite(rate) and rate > 0 else None

    def __len__(self) -> int:
        """At how many frames it will stop, as far as the header can be trusted; a camera: 0."""
        if isinstance(self.source, int):
            return self.max_frames or 0
        stops = -(-max(1, self._expected) // self.every)
        return stops if self.max_frames is None else min(stops, self.max_frames)

    def __iter__(self) -> Iterator[int]:
        """Go from frame to frame; yields their numbers."""
        if not self._capture.isOpened():
            kind = 'video' if isinstance(self.source, Path) else 'camera'
            self.problem = 'no such file' if self._missing else f'cannot be opened as a {kind}'
            return
        number, expected = 0, self._expected
        last = None if self.max_frames is None else self.every * self.max_frames
        try:
            while number != last and self._capture.grab():
                if number % self.every == 0:
                    yield number
                number += 1
        finally:
            self._capture.release()
        if number != last and (number + FRAME_COUNT_SLACK < expected or number == 0):
            self.problem = f'the video breaks off: {number} of {expected} frames could be read'

    def decode(self) -> np.ndarray:
        """The frame at which it is.

        Shapes: returns (H, W, 3) uint8 BGR.

        Raises:
            BadSampleError: If it cannot be decoded.
        """
        done, frame = self._capture.retrieve()
        if not done or frame is None:
            raise BadSampleError('the frame cannot be decoded')
        return frame

    def close(self) -> None:
        """Let the file or the camera go."""
        self._capture.release()

    @property
    def _expected(self) -> int:
        return int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
