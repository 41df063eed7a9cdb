"""Meshes written to disk."""

from pathlib import Path

import numpy as np

from whmr.fileio import write_files


def check_mesh(name: str, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Make sure that arrays are a mesh; `name` says who asks.

    Shapes: vertices: (V, 3).  faces: (F, 3) int, 0 is the first vertex.

    Raises:
        ValueError: If a shape is wrong, or a face names a vertex that is not there.
    """
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f'{name}: expected (V, 3) and (F, 3), got {vertices.shape}, {faces.shape}')
    if faces.size and not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError(f'{name}: faces name vertices outside 0..{len(vertices) - 1}')


def encode_obj(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    """The bytes of a Wavefront OBJ file, in metres, with y up.

    Viewers expect y up and z toward the viewer; the library's frames have y down and z forward.
    The mesh is turned by half a turn about x: (x, y, z) becomes (x, -y, -z), so nothing is
    mirrored.

    Shapes: vertices: (V, 3) m, camera or world axes.  faces: (F, 3) int, 0 is the first vertex.

    Raises:
        ValueError: If a shape is wrong, or a face names a vertex that is not there.
    """
    check_mesh('encode_obj', vertices, faces)
    points = '\n'.join(f'v {x:.5f} {-y:.5f} {-z:.5f}' for x, y, z in vertices.tolist())
    triangles = '\n'.join(f'f {a} {b} {c}' for a, b, c in (faces + 1).tolist())
    return f'# metres, y up\n{points}\n{triangles}\n'.encode()


def save_obj(path: str | Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write a mesh as OBJ; the file is there whole or not at all. See `encode_obj`.

    Shapes: vertices: (V, 3) m, camera or world axes.  faces: (F, 3) int.

    Raises:
        OSError: If it cannot be written.
        ValueError: See `encode_obj`.
    """
    write_files({Path(path): encode_obj(vertices, faces)})
