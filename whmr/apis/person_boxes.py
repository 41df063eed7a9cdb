"""Person boxes that the user gives: which of them can be used."""

import numpy as np

from whmr.datasets import BadSampleError


def check_boxes(boxes: np.ndarray, image_shape: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Given boxes that can be used, and what is wrong with the others.

    Shapes: boxes: (N, 4) xyxy full px.  image_shape: (H, W).  returns: (M, 4) float32, M <= N.

    Raises:
        ValueError: If `boxes` has another shape.
    """
    try:
        boxes = np.asarray(boxes, dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(f'boxes must be numbers of the shape (N, 4), got {boxes!r}') from None
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'boxes must have the shape (N, 4), got {boxes.shape}')
    height, width = image_shape
    good, problems = [], []
    for index, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        text = f'box {index} ({x1:g}, {y1:g}, {x2:g}, {y2:g})'
        if not np.isfinite([x1, y1, x2, y2]).all():
            problems.append(f'{text} is not finite')
        elif x2 <= x1 or y2 <= y1:
            problems.append(f'{text} has no area; it must be x1, y1, x2, y2 with x2 > x1, y2 > y1')
        elif x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
            problems.append(f'{text} lies outside the photo of {height} x {width} px (H x W)')
        else:
            good.append(index)
    return boxes[good], problems


def usable_boxes(
    boxes: np.ndarray, image_shape: tuple[int, int], *, of_this_photo: bool
) -> tuple[np.ndarray, list[str]]:
    """`check_boxes`; boxes of another shape spoil one photo only, if they are that photo's own.

    Shapes: as in `check_boxes`.

    Raises:
        BadSampleError: If this photo's own boxes have another shape.
        ValueError: If the boxes of all photos have.
    """
    try:
        return check_boxes(boxes, image_shape)
    except ValueError as error:
        raise (BadSampleError(str(error)) if of_this_photo else error) from None
