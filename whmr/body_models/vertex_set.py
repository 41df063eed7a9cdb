"""Named vertices of one body: landmarks and markers."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


class VertexSet(nn.Module):
    """Named single vertices of a body, such as finger tips or motion-capture markers.

    Args:
        index: Vertex of each point.
        names: Name of each point.
        topology: Tag of the body that the vertex ids belong to.

    Raises:
        ValueError: `index` is not one vertex id per name.

    Shapes: N points.
        index: (N,).
    """

    def __init__(self, index: np.ndarray, names: Sequence[str], *, topology: str) -> None:
        super().__init__()
        index = np.asarray(index)
        if index.shape != (len(names),) or index.dtype.kind not in 'iu':
            raise ValueError(
                f'a vertex set needs {len(names)} integer vertex ids (one per name), '
                f'got {index.dtype} {index.shape}'
            )
        self.names = tuple(names)
        self.topology = topology
        self.register_buffer('index', torch.from_numpy(index.astype(np.int64)), persistent=False)

    def forward(self, vertices: Tensor) -> Tensor:
        """Pick the points from a mesh.

        Shapes: B batch, V vertices, N points; same unit and frame in and out.
            vertices: (B, V, 3).  returns: (B, N, 3).
        """
        return vertices.index_select(1, self.index)
