"""Pictures put on a page, each with a caption."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from whmr.visualization.palette import INK, PALE_INK
from whmr.visualization.text import Text, draw_texts

MARGIN, GAP, CAPTION = 28, 16, 44  # px, of a page 1800 px wide
REFERENCE_WIDTH = 1800


@dataclass(frozen=True)
class Panel:
    """A picture that is made in the size that the page gives it.

    Args:
        caption: The line below it.
        aspect: Width through height.
        draw: Makes the picture, (H, W) -> (H, W, 3) uint8 RGB.
    """

    caption: str
    aspect: float
    draw: Callable[[tuple[int, int]], np.ndarray]


def compose_page(rows: Sequence[Sequence[Panel]], *, width: int = REFERENCE_WIDTH) -> np.ndarray:
    """A white page with rows of panels, lettered (a), (b), ... in reading order.

    The panels of a row are equally high and fill the page's width.

    Args:
        rows: What is shown.
        width: Of the page, px.

    Shapes: returns (H, width, 3) uint8 RGB.

    Raises:
        ValueError: If there is no panel, or the page is too narrow for them.
    """
    if not rows or not all(rows):
        raise ValueError('compose_page: every row needs a panel')
    unit = width / REFERENCE_WIDTH
    margin, gap, caption = (max(2, round(unit * size)) for size in (MARGIN, GAP, CAPTION))
    placed, texts = [], []
    letter, top = ord('a'), margin
    for row in rows:
        inner = width - 2 * margin - gap * (len(row) - 1)
        height = round(inner / sum(panel.aspect for panel in row))
        edges = np.cumsum([0.0, *(panel.aspect for panel in row)])
        edges = np.round(inner * edges / edges[-1]).astype(int)
        if height < 1 or np.diff(edges).min() < 1:
            raise ValueError(f'compose_page: {width} px are too few for {len(row)} panels')
        for index, panel in enumerate(row):
            left = margin + gap * index + int(edges[index])
            columns = int(edges[index + 1] - edges[index])
            placed.append((top, left, panel.draw((height, columns))))
            place = (left + columns / 2, top + height + 0.46 * caption)
            texts += _caption(chr(letter), panel.caption, place, columns, unit)
            letter += 1
        top += height + caption + gap
    page = np.full((top - gap + margin // 2, width, 3), 255, dtype=np.uint8)
    for first_row, first_column, picture in placed:
        rows_of_it, columns = picture.shape[:2]
        page[first_row : first_row + rows_of_it, first_column : first_column + columns] = picture
    return draw_texts(page, texts)


def _caption(
    letter: str, words: str, middle: tuple[float, float], columns: int, unit: float
) -> list[Text]:
    """The letter and the words, together centred below the panel and as wide as it at most."""
    parts = [
        Text(f'({letter})  ', middle, 21 * unit, INK, bold=True, anchor='lm'),
        Text(words, middle, 21 * unit, PALE_INK, anchor='lm'),
    ]
    wide = sum(part.width for part in parts)
    if wide > columns:
        parts = [replace(part, size=part.size * columns / wide) for part in parts]
    left = middle[0] - min(wide, columns) / 2
    return [
        replace(parts[0], position=(left, middle[1])),
        replace(parts[1], position=(left + parts[0].width, middle[1])),
    ]
