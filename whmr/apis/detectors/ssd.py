"""The arithmetic of a single-shot detector: anchors, decoding, non-maximum suppression."""

import numpy as np

ANCHOR_GRIDS = (19, 10, 5, 3, 2, 1)
ANCHOR_RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
MIN_SCALE, MAX_SCALE = 0.2, 0.95
FIRST_GRID_SHAPES = ((1.0, 0.1), (2.0, MIN_SCALE), (0.5, MIN_SCALE))
CENTER_VARIANCE, SIZE_VARIANCE = 10.0, 5.0


def ssd_anchors() -> np.ndarray:
    """Anchor boxes of SSD (Liu et al., ECCV 2016, Sec. 2.2) on the six grids 19, 10, 5, 3, 2, 1.

    Scales run evenly from 0.2 to 0.95. The finest grid has three shapes, every other grid five
    aspect ratios and one more square between its scale and the next. Order: grid, row, column,
    shape.

    Shapes: returns (1917, 4) float32 cx, cy, w, h in units of the square input's side.
    """
    scales = np.append(np.linspace(MIN_SCALE, MAX_SCALE, len(ANCHOR_GRIDS)), 1.0)
    anchors = []
    for level, cells in enumerate(ANCHOR_GRIDS):
        if level == 0:
            shapes = np.array(FIRST_GRID_SHAPES)
        else:
            shapes = np.array([(ratio, scales[level]) for ratio in ANCHOR_RATIOS])
            between = np.sqrt(scales[level] * scales[level + 1])
            shapes = np.vstack([shapes, (1.0, between)])
        ratio, scale = np.sqrt(shapes[:, 0]), shapes[:, 1]
        size = np.stack([scale * ratio, scale / ratio], axis=1)
        row, column = np.divmod(np.arange(cells * cells), cells)
        center = (np.stack([column, row], axis=1) + 0.5) / cells
        grid = np.empty((len(center), len(size), 4))
        grid[..., :2] = center[:, None]
        grid[..., 2:] = size[None]
        anchors.append(grid.reshape(-1, 4))
    return np.concatenate(anchors).astype(np.float32)


def decode_boxes(codes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Boxes from the network's offsets to its anchors (box coding of Faster R-CNN).

    Shapes: A anchors.
        codes: (A, 4) dy, dx, dh, dw.  anchors: (A, 4) cx, cy, w, h.
        returns: (A, 4) xyxy in the anchors' unit.
    """
    center = codes[:, 1::-1] / CENTER_VARIANCE * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(codes[:, :1:-1] / SIZE_VARIANCE) * anchors[:, 2:] / 2
    return np.concatenate([center - half, center + half], axis=1)


def box_overlap(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much every pair overlaps; 0 where the boxes are empty.

    Shapes: boxes: (N, 4) xyxy.  others: (M, 4) xyxy.
        returns: (N, M) intersection over union, (N, M) share of each of `boxes` that lies inside
            each of `others`.
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=-1)
    area, other_area = (
        np.prod(np.clip(b[:, 2:4] - b[:, :2], 0, None), axis=-1) for b in (boxes, others)
    )
    union = area[:, None] + other_area[None] - common
    own = np.broadcast_to(area[:, None], common.shape)
    return _ratio(common, union), _ratio(common, own)


def non_maximum_suppression(
    boxes: np.ndarray,
    scores: np.ndarray,
    *,
    iou_threshold: float = 0.5,
    inside_threshold: float = 1.0,
) -> np.ndarray:
    """Indices of the boxes that no better kept box repeats, best first.

    Args:
        boxes: The candidates.
        scores: Their confidence.
        iou_threshold: A box whose intersection over union with a better one is larger is dropped.
        inside_threshold: A box of which a larger share lies inside a better one is dropped.

    Shapes: boxes: (N, 4) xyxy.  scores: (N,).  returns: (K,) int64.
    """
    order = np.argsort(-scores, kind='stable')
    iou, inside = box_overlap(boxes[order], boxes[order])
    repeats = (iou > iou_threshold) | (inside > inside_threshold)
    kept: list[int] = []
    for candidate in range(len(order)):
        if not repeats[candidate, kept].any():
            kept.append(candidate)
    return order[kept].astype(np.int64)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
