"""Joints as fixed linear combinations of vertices."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from whmr.geometry import full_precision


class JointRegressor(nn.Module):
    """Joints as weighted sums of a body's vertices; only the vertices that carry weight are read.

    Args:
        weight: Dense regression matrix over all vertices.
        names: Name of each joint, one per row of `weight`.
        topology: Tag of the body that the vertex ids belong to.

    Raises:
        ValueError: `weight` is not a matrix with one row per name.

    Shapes: K joints, V vertices of the body.
        weight: (K, V).
    """

    def __init__(self, weight: np.ndarray, names: Sequence[str], *, topology: str) -> None:
        super().__init__()
        if weight.ndim != 2 or weight.shape[0] != len(names):
            raise ValueError(
                f'a joint regressor needs a matrix with {len(names)} rows (one per joint), '
                f'got shape {weight.shape}'
            )
        self.names = tuple(names)
        self.topology = topology
        self.num_vertices = weight.shape[1]
        columns = np.flatnonzero(weight.any(axis=0))
        self.register_buffer('index', torch.from_numpy(columns.astype(np.int64)), persistent=False)
        packed = np.ascontiguousarray(weight[:, columns], dtype=np.float32)
        self.register_buffer('weight', torch.from_numpy(packed), persistent=False)

    @classmethod
    def from_rows(
        cls,
        rows: np.ndarray,
        columns: np.ndarray,
        values: np.ndarray,
        *,
        names: Sequence[str],
        num_vertices: int,
        topology: str,
    ) -> 'JointRegressor':
        """Build from the non-zero entries of the matrix.

        Args:
            rows: Joint of each entry.
            columns: Vertex of each entry.
            values: Weight of each entry.
            names: Name of each joint.
            num_vertices: Vertices of the body.
            topology: Tag of the body that the vertex ids belong to.

        Shapes: N entries.
            rows, columns, values: (N,).
        """
        weight = np.zeros((len(names), num_vertices), np.float32)
        weight[rows, columns] = values
        return cls(weight, names, topology=topology)

    def dense(self) -> Tensor:
        """The whole regression matrix.

        Shapes: K joints, V vertices.
            returns: (K, V).
        """
        out = self.weight.new_zeros(self.weight.shape[0], self.num_vertices)
        return out.index_copy(1, self.index, self.weight)

    def forward(self, vertices: Tensor) -> Tensor:
        """Regress joints.

        Shapes: B batch, V vertices, K joints; same unit and frame in and out.
            vertices: (B, V, 3).  returns: (B, K, 3).
        """
        picked = vertices.index_select(1, self.index)
        with full_precision(picked):
            return torch.matmul(self.weight.to(picked.dtype), picked)
