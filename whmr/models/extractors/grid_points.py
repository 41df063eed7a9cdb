"""The fixed sampling grid of the first refinement step."""

import torch
from torch import Tensor


def grid_points(rows: int, cols: int) -> Tensor:
    """A regular grid over the whole feature map, corners included.

    Step 1 of W-HMR's loop (Sec. 3.3), when there is no mesh to project yet.

    Args:
        rows: Points along y.
        cols: Points along x.

    Raises:
        ValueError: Fewer than 2 rows or columns.

    Shapes:
        returns: (rows * cols, 2) x, y in [-1, 1]; the point of column ix and row iy has index
        ix * rows + iy.
    """
    if rows < 2 or cols < 2:
        raise ValueError(f'grid_points: rows and cols must be at least 2, got {rows} and {cols}')
    x = torch.linspace(-1, 1, cols)
    y = torch.linspace(-1, 1, rows)
    return torch.stack(torch.meshgrid(x, y, indexing='ij'), dim=-1).reshape(-1, 2)
