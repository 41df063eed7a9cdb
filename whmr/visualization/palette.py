"""The colours that tell people apart."""

import numpy as np

PERSON_COLORS = (
    (0.66, 0.79, 0.95),  # blue
    (0.70, 0.88, 0.70),  # green
    (0.82, 0.72, 0.95),  # lavender
    (0.98, 0.66, 0.66),  # rose
    (0.97, 0.87, 0.52),  # gold
    (0.55, 0.86, 0.87),  # teal
    (0.96, 0.70, 0.86),  # pink
    (0.84, 0.83, 0.81),  # stone
)
LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR = (255, 150, 50), (245, 245, 245), (60, 180, 255)  # uint8
INK, PALE_INK = (38, 40, 46), (112, 117, 128)  # text on white, uint8
HORIZON_COLOR = (255, 92, 64)  # uint8


def person_color(index: int) -> np.ndarray:
    """Colour of the person with this index; repeats after the last one of the palette.

    Shapes: returns (3,) RGB in [0, 1].
    """
    return np.array(PERSON_COLORS[index % len(PERSON_COLORS)])
