"""Where one shot of a video ends and the next begins."""

import cv2
import numpy as np

CELLS = 2  # the picture is looked at in CELLS x CELLS parts
BINS = (8, 4, 8)  # hue, saturation, value
RANGES = (0, 180, 0, 256, 0, 256)
SMALL = (128, 96)  # W, H of what is looked at


class ShotDetector:
    """Counts shots by how much the colours of neighbouring frames differ.

    The distance of two frames is Hellinger's between their colour histograms, the mean over the
    quarters of the picture: 0 for the same colours, 1 for none in common. Hard cuts are found; a
    fade, and a cut between two views of much the same colours, are not.

    Args:
        threshold: A larger distance is a cut.

    Raises:
        ValueError: If `threshold` is outside (0, 1].
    """

    def __init__(self, *, threshold: float = 0.5) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f'ShotDetector: threshold={threshold} is outside (0, 1]')
        self.threshold = threshold
        self._shot = 0
        self._last: list[np.ndarray] | None = None

    def update(self, image: np.ndarray | None) -> int:
        """The number of the next frame's shot; a frame that could not be read belongs to the last.

        Args:
            image: The next frame, or None.

        Shapes: image: (H, W, 3) uint8 BGR.  returns: 0, 1, ...
        """
        if image is None:
            return self._shot
        found = _histograms(image)
        if self._last is not None:
            distances = [
                cv2.compareHist(one, other, cv2.HISTCMP_BHATTACHARYYA)
                for one, other in zip(self._last, found)
            ]
            self._shot += int(np.mean(distances) > self.threshold)
        self._last = found
        return self._shot


def _histograms(image: np.ndarray) -> list[np.ndarray]:
    """The colour histogram of each part of a picture."""
    small = cv2.resize(image, SMALL, interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    parts = [cell for band in np.split(hsv, CELLS) for cell in np.split(band, CELLS, axis=1)]
    return [cv2.calcHist([part], [0, 1, 2], None, list(BINS), list(RANGES)) for part in parts]
