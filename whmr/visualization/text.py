"""Lines of text in pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Text:
    """One line of text, set in DejaVu Sans, which comes with Matplotlib.

    Args:
        text: What is written; a newline starts another line.
        position: Where `anchor` lies, x and y, px.
        size: Height of the font, px.
        color: Of the letters.
        bold: Heavy letters.
        anchor: Which point of the text: first `l`, `m` or `r`, then `t`, `m` or `b`. Several lines
            know only `t` as the second letter.
        halo: Colour of a rim around the letters, which keeps them readable on a photo.
        chip: Colour of a box behind the text.

    Shapes: colours: RGB in 0..255.
    """

    text: str
    position: tuple[float, float]
    size: float = 16
    color: Color = (255, 255, 255)
    bold: bool = False
    anchor: str = 'lt'
    halo: Color | None = None
    chip: Color | None = None

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        """The font in its size."""
        name = 'DejaVuSans-Bold.ttf' if self.bold else 'DejaVuSans.ttf'
        file = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / name
        return ImageFont.truetype(str(file), max(self.size, 1))

    @property
    def width(self) -> float:
        """Width of the longest line, px."""
        font = self.font
        return max(font.getlength(line) for line in self.text.split('\n'))


def draw_texts(image: np.ndarray, texts: Sequence[Text]) -> np.ndarray:
    """The picture with lines of text.

    Shapes: image: (H, W, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.
    """
    if not texts:
        return image
    canvas = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(canvas)
    for text in texts:
        font = text.font
        rim = 0 if text.halo is None else max(1, round(text.size / 9))
        if text.chip is not None:
            left, top, right, bottom = draw.textbbox(
                text.position, text.text, font, anchor=_pillow_anchor(text)
            )
            pad = text.size / 3
            box = (left - 1.4 * pad, top - pad, right + 1.4 * pad, bottom + pad)
            draw.rounded_rectangle(box, radius=pad, fill=text.chip)
        draw.text(
            text.position,
            text.text,
            text.color,
            font,
            anchor=_pillow_anchor(text),
            stroke_width=rim,
            stroke_fill=text.halo,
        )
    return np.asarray(canvas)


def _pillow_anchor(text: Text) -> str:
    """Pillow's word for the anchor: its `a` is the top of the tallest letter for any text."""
    return text.anchor[0] + {'t': 'a', 'm': 'm', 'b': 'd'}[text.anchor[1]]
