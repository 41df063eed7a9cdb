"""Pack the built body into the two files that the package ships."""

from pathlib import Path

import numpy as np

from whmr.fileio import atomic_path


def sparse_fields(prefix: str, matrix: np.ndarray) -> dict[str, np.ndarray]:
    """The non-zero entries of a matrix as three named arrays."""
    rows, columns = np.nonzero(matrix)
    return {
        f'{prefix}_row': rows.astype(np.uint8),
        f'{prefix}_column': columns.astype(np.uint16),
        f'{prefix}_value': matrix[rows, columns].astype(np.float32),
    }


def unique_edges(faces: np.ndarray) -> np.ndarray:
    """Each edge of a mesh once, (E, 2)."""
    edges = np.concatenate([faces[:, :2], faces[:, 1:], faces[:, [2, 0]]])
    return np.unique(np.sort(edges, axis=1), axis=0).astype(np.uint16)


def write_npz(path: Path, fields: dict[str, np.ndarray]) -> None:
    """Write a compressed file in one step, so that a stopped build leaves no half file."""
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **fields)
