"""Coarser copies of a body's mesh, and the way between them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class SparseRows:
    """A sparse matrix stored as the same number of entries in each row.

    Shapes: R rows, N entries per row.
        index: (R, N) int, column of each entry.  weight: (R, N) float.
    """

    index: np.ndarray
    weight: np.ndarray

    @classmethod
    def from_triplets(
        cls, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, num_rows: int
    ) -> 'SparseRows':
        """Build from the entries of any sparse matrix; short rows are filled with zeros.

        Shapes: E entries.
            rows, columns, values: (E,).
        """
        order = np.argsort(rows, kind='stable')
        rows, columns, values = rows[order], columns[order], values[order]
        count = np.bincount(rows, minlength=num_rows)
        slot = np.arange(len(rows)) - (np.cumsum(count) - count)[rows]
        width = max(int(count.max()), 1)
        index = np.zeros((num_rows, width), np.int64)
        weight = np.zeros((num_rows, width), np.float32)
        index[rows, slot] = columns
        weight[rows, slot] = values
        return cls(index, weight)

    @classmethod
    def from_selection(cls, index: np.ndarray) -> 'SparseRows':
        """Rows that each pick one column.

        Shapes: R rows.
            index: (R,) int.
        """
        return cls(np.asarray(index)[:, None], np.ones((len(index), 1), np.float32))


@dataclass(frozen=True)
class PyramidLevel:
    """One step of the pyramid, from a finer mesh to a coarser one.

    Shapes: Vf, Vc vertices of the finer and the coarser mesh, E edges of the coarser mesh.
        down: (Vc, N) entries over Vf.  up: (Vf, M) entries over Vc.  edges: (E, 2) int, over Vc.
    """

    down: SparseRows
    up: SparseRows
    edges: np.ndarray


class MeshPyramid(nn.Module):
    """A body's mesh at decreasing resolution: level 0 is the body, levels 1 and 2 are coarser.

    W-HMR samples features at level 2 (431 vertices) and supervises the vertices of every level
    (Sec. 3.2 and 3.3). Coarser vertices are weighted sums of finer ones (for most bodies: a
    selection), finer ones are barycentric combinations of coarser ones.

    Args:
        levels: The steps, finest first.
        topology: Tag of the body that the vertex ids belong to.
        num_vertices: Vertices of the body.

    Raises:
        ValueError: A level does not fit on the one before it.
    """

    def __init__(
        self, levels: tuple[PyramidLevel, ...], *, topology: str, num_vertices: int
    ) -> None:
        super().__init__()
        self.topology = topology
        self.num_vertices = num_vertices
        self.num_levels = len(levels)
        sizes = [num_vertices]
        for number, level in enumerate(levels, start=1):
            fine, coarse = sizes[-1], len(level.down.index)
            if (
                len(level.up.index) != fine
                or level.down.index.max() >= fine
                or level.up.index.max() >= coarse
            ):
                raise ValueError(
                    f'mesh pyramid level {number} does not fit on a mesh of {fine} vertices: '
                    f'down {level.down.index.shape}, up {level.up.index.shape}'
                )
            sizes.append(coarse)
            self._put(f'down{number}_index', level.down.index.astype(np.int64))
            self._put(f'down{number}_weight', level.down.weight.astype(np.float32))
            self._put(f'up{number}_index', level.up.index.astype(np.int64))
            self._put(f'up{number}_weight', level.up.weight.astype(np.float32))
            self._put(f'edges{number}', level.edges.astype(np.int64))
        self.sizes = tuple(sizes)

    def down(self, vertices: Tensor, level: int) -> Tensor:
        """Coarsen the body's mesh.

        Args:
            vertices: Vertices of level 0.
            level: Which coarser mesh, 1 or 2 (0 gives `vertices` back).

        Raises:
            ValueError: No such level, or `vertices` is not of level 0.

        Shapes: B batch, V vertices of level 0, Vl of `level`; same unit and frame in and out.
            vertices: (B, V, 3).  returns: (B, Vl, 3).
        """
        self._check(vertices, 0, level)
        for number in range(1, level + 1):
            vertices = self._combine(vertices, f'down{number}')
        return vertices

    def up(self, vertices: Tensor, level: int, to_level: int = 0) -> Tensor:
        """Refine a coarser mesh.

        Args:
            vertices: Vertices of `level`.
            level: The level that `vertices` are of.
            to_level: The level that is wanted, not above `level`.

        Raises:
            ValueError: No such level, or `vertices` is not of `level`.

        Shapes: B batch, Vl vertices of `level`, Vt of `to_level`; same unit and frame in and out.
            vertices: (B, Vl, 3).  returns: (B, Vt, 3).
        """
        self._check(vertices, level, to_level)
        for number in range(level, to_level, -1):
            vertices = self._combine(vertices, f'up{number}')
        return vertices

    def adjacency(self, level: int) -> Tensor:
        """Neighbours of each vertex of a level, itself included, as rows that sum to 1.

        This is the matrix that the graph convolutions of the vertex regressor use.

        Shapes: Vl vertices of `level`.
            returns: (Vl, Vl).
        """
        if not 1 <= level <= self.num_levels:
            raise ValueError(f'adjacency is kept for levels 1..{self.num_levels}, got {level}')
        edges = getattr(self, f'edges{level}')
        matrix = torch.eye(self.sizes[level], device=edges.device)
        matrix[edges[:, 0], edges[:, 1]] = 1
        matrix[edges[:, 1], edges[:, 0]] = 1
        return matrix / matrix.sum(dim=1, keepdim=True)

    def _put(self, name: str, array: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(array), persistent=False)

    def _check(self, vertices: Tensor, level: int, to_level: int) -> None:
        for number in (level, to_level):
            if not 0 <= number <= self.num_levels:
                raise ValueError(f'the mesh pyramid has levels 0..{self.num_levels}, got {number}')
        if vertices.shape[1] != self.sizes[level]:
            raise ValueError(
                f'level {level} of the {self.topology!r} pyramid has {self.sizes[level]} vertices, '
                f'got {vertices.shape[1]}'
            )

    def _combine(self, vertices: Tensor, name: str) -> Tensor:
        index, weight = (
            getattr(self, f'{name}_index'),
            getattr(self, f'{name}_weight').to(vertices.dtype),
        )
        rows, entries = index.shape
        picked = vertices.index_select(1, index.reshape(-1))
        if entries == 1:
            return picked * weight
        picked = picked.reshape(vertices.shape[0], rows, entries, vertices.shape[2])
        return (picked * weight[:, :, None]).sum(dim=2)
