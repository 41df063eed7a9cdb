"""Large pictures become smaller, small ones stay as they are."""

import numpy as np
import pytest

from whmr.visualization.shrinking import shrink_image


@pytest.mark.parametrize(
    ('max_side', 'shape', 'scale'),
    [(None, (40, 100), 1.0), (100, (40, 100), 1.0), (200, (40, 100), 1.0), (50, (20, 50), 0.5)],
)
def test_no_side_is_longer(max_side: int | None, shape: tuple[int, int], scale: float) -> None:
    image = np.full((40, 100, 3), 7, np.uint8)
    small, factor = shrink_image(image, max_side)
    assert small.shape == (*shape, 3) and factor == scale
    assert (small == 7).all()


def test_a_thin_picture_keeps_a_pixel() -> None:
    small, _ = shrink_image(np.zeros((1, 400, 3), np.uint8), 100)
    assert small.shape == (1, 100, 3)
