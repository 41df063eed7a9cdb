"""grid_points."""

import pytest
import torch

from whmr.models import grid_points


def test_columns_are_slow_and_rows_fast():
    rows, cols = 3, 5
    points = grid_points(rows, cols)
    assert points.shape == (15, 2)
    for ix in range(cols):
        for iy in range(rows):
            x, y = points[ix * rows + iy].tolist()
            assert x == pytest.approx(-1 + 2 * ix / (cols - 1))
            assert y == pytest.approx(-1 + 2 * iy / (rows - 1))


def test_corners_are_included():
    points = grid_points(9, 7)
    assert points.amin() == -1 and points.amax() == 1
    torch.testing.assert_close(points.mean(dim=0), torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize('rows, cols', [(1, 7), (9, 0)])
def test_too_small_a_grid_is_refused(rows, cols):
    with pytest.raises(ValueError, match='at least 2'):
        grid_points(rows, cols)
