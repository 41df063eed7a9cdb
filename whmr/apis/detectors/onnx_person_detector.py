"""The bundled person detector, run by onnxruntime."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from whmr.apis.detectors.base import PersonDetector, check_image, clip_boxes
from whmr.apis.detectors.onnx_session import open_session
from whmr.apis.detectors.ssd import decode_boxes, non_maximum_suppression, ssd_anchors
from whmr.registry import DETECTORS

BUNDLED_MODEL = Path(__file__).parent / 'assets' / 'person_ssd_f16.onnx'
INPUT_SIZE = 300
PERSON_CLASS = 4  # of the network's 24 classes (background first)
CUT_MARGIN = 0.01  # a box this close to a tile's inner border, as a share of its side, is cut off


@DETECTORS.register_module()
class OnnxPersonDetector(PersonDetector):
    """SSD-MobileNetV2 trained on Open Images: small, offline, some 12 ms a pass on two CPU cores.

    The network sees squares resized to 300x300: first the whole photo (padded at the right or at
    the bottom), then overlapping tiles of it, because a person lower than about a sixth of the
    square is easily missed. What a tile cuts off is dropped; neighbouring tiles overlap by half,
    so another one holds that person whole.

    Args:
        model_path: An ONNX file of the same network; None is the bundled one.
        tile_sizes: Sides of the tiles as shares of the photo's shorter side; () looks at the whole
            photo only. Smaller tiles find smaller people and take longer (1.0 adds three passes on
            a 16:9 photo, 0.5 adds 21).
        score_threshold: Boxes with a lower score are dropped.
        iou_threshold: Of two boxes that overlap by more than this, the one with the lower score is
            dropped.
        inside_threshold: A box of which more than this share lies inside a better one is dropped
            as a part of that person.
        num_threads: Threads of the runtime; None lets the runtime choose.

    Raises:
        FileNotFoundError: If `model_path` is not a file.
        ImportError: If onnxruntime is not installed.
        ValueError: If the model file is damaged, or a threshold or tile size is out of range.
    """

    def __init__(
        self,
        model_path: str | Path | None = None,
        *,
        tile_sizes: Sequence[float] = (1.0,),
        score_threshold: float = 0.4,
        iou_threshold: float = 0.5,
        inside_threshold: float = 0.9,
        num_threads: int | None = None,
    ) -> None:
        thresholds = {'score': score_threshold, 'iou': iou_threshold, 'inside': inside_threshold}
        for name, value in thresholds.items():
            if not 0 <= value <= 1:
                raise ValueError(f'OnnxPersonDetector: {name}_threshold={value} is outside [0, 1]')
        if not all(0 < size <= 1 for size in tile_sizes):
            raise ValueError(f'OnnxPersonDetector: tile_sizes={tuple(tile_sizes)}: each in (0, 1]')
        self.tile_sizes = tuple(tile_sizes)
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.inside_threshold = inside_threshold
        self._session = open_session(
            Path(model_path or BUNDLED_MODEL), owner='OnnxPersonDetector', num_threads=num_threads
        )
        self._input_name = self._session.get_inputs()[0].name
        self._anchors = ssd_anchors()

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `PersonDetector.detect`.

        Raises:
            ValueError: If `image` is not (H, W, 3) uint8.
        """
        check_image(image, 'OnnxPersonDetector')
        found = [
            self._look(image, *window) for window in _windows(image.shape[:2], self.tile_sizes)
        ]
        boxes = clip_boxes(np.concatenate([each[0] for each in found]), image.shape[:2])
        scores = np.concatenate([each[1] for each in found])
        kept = non_maximum_suppression(
            boxes, scores, iou_threshold=self.iou_threshold, inside_threshold=self.inside_threshold
        )
        return boxes[kept], scores[kept].astype(np.float32)

    def _look(
        self, image: np.ndarray, left: int, top: int, side: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Candidates inside one square window, in full px, but for those that it cuts off."""
        tile = image[top : top + side, left : left + side]
        codes, logits = self._session.run(None, {self._input_name: _network_input(tile, side)})
        scores = 1 / (1 + np.exp(-logits[0, :, PERSON_CLASS].astype(np.float64)))
        candidate = scores >= self.score_threshold
        boxes = decode_boxes(codes[0][candidate], self._anchors[candidate]) * side + np.tile(
            [left, top], 2
        )
        height, width = image.shape[:2]
        margin = CUT_MARGIN * side
        whole = (
            ((boxes[:, 0] >= left + margin) | (left == 0))
            & ((boxes[:, 1] >= top + margin) | (top == 0))
            & ((boxes[:, 2] <= left + side - margin) | (left + side >= width))
            & ((boxes[:, 3] <= top + side - margin) | (top + side >= height))
        )
        return boxes[whole], scores[candidate][whole]


def _windows(
    image_shape: tuple[int, int], tile_sizes: Sequence[float]
) -> Iterator[tuple[int, int, int]]:
    """Left, top, side of each square window: the whole photo, then overlapping tiles."""
    longer, shorter = max(image_shape), min(image_shape)
    yield 0, 0, longer
    for size in tile_sizes:
        side = max(1, round(size * shorter))
        if side == longer:
            continue
        starts = [_starts(extent, side) for extent in image_shape]
        yield from ((left, top, side) for top in starts[0] for left in starts[1])


def _starts(extent: int, side: int) -> list[int]:
    count = math.ceil(2 * (extent - side) / side) + 1
    return np.linspace(0, extent - side, count).round().astype(int).tolist()


def _network_input(image: np.ndarray, side: int) -> np.ndarray:
    """(1, 300, 300, 3) float32 RGB in [-1, 1], the photo in the upper left of a black square."""
    square = np.zeros((side, side, 3), dtype=np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    small = cv2.resize(square, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
    return small[None, ..., ::-1].astype(np.float32) / 127.5 - 1
