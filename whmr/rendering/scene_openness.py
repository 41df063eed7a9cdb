"""How open a surface is to the light around it: ambient occlusion of one body."""

import numpy as np

from whmr.rendering.scene import load_kernels
from whmr.rendering.scene_buffers import facing_axes

_OFF_SURFACE = 0.012  # m: a point does not hide itself


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals, the mean over the faces around each vertex weighted by their areas.

    Shapes: vertices: (V, 3) m.  faces: (F, 3) int, counter-clockwise seen from outside.
        returns: (V, 3) float64; 0 for a vertex without faces.

    Raises:
        ImportError: If numba is not installed.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    normals = np.empty_like(points)
    load_kernels().vertex_normals(points, np.ascontiguousarray(faces, dtype=np.int32), normals)
    return normals


def surface_openness(
    vertices: np.ndarray, faces: np.ndarray, *, num_directions: int = 32, map_size: int = 128
) -> np.ndarray:
    """Share of the surrounding light that reaches each vertex past the mesh's other parts.

    A depth map per direction says what is hidden; directions are weighted by the cosine to the
    normal. It changes neither with the body's place nor (but for the sampling) with its rotation.

    Args:
        vertices: The mesh.
        faces: Its triangles.
        num_directions: How many directions, spread evenly over the sphere.
        map_size: Side of the depth maps, px.

    Shapes: vertices: (V, 3) m.  faces: (F, 3) int.  returns: (V,) float32 in [0, 1].

    Raises:
        ImportError: If numba is not installed.
    """
    kernels = load_kernels()
    points = np.array(vertices, dtype=np.float64, order='C')
    triangles = np.ascontiguousarray(faces, dtype=np.int32)
    normals = vertex_normals(points, triangles)
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    lifted = np.ascontiguousarray((points + _OFF_SURFACE * normals).T)
    half = map_size / 2
    scale = (half - 1) / max(float(np.linalg.norm(points, axis=1).max()), 1e-6)
    depth = np.empty((map_size, map_size), dtype=np.float32)
    owner = np.empty(depth.shape, dtype=np.int32)
    seen, possible = np.zeros(len(points)), np.zeros(len(points))
    for direction in sphere_points(num_directions):
        to_map = facing_axes(direction) * [[scale], [scale], [1.0]]
        depth.fill(kernels.FAR)
        kernels.fill_depth(
            points @ to_map.T + [half, half, 0.0], triangles, -kernels.FAR, False, depth, owner
        )
        column, row, own = to_map @ lifted
        pixel = (row + half).astype(np.int64) * map_size + (column + half).astype(np.int64)
        weight = np.maximum(direction @ normals.T, 0)
        seen += weight * (own <= depth.ravel()[np.clip(pixel, 0, map_size**2 - 1)])
        possible += weight
    return (seen / np.maximum(possible, 1e-9)).astype(np.float32)


def sphere_points(count: int) -> np.ndarray:
    """Unit vectors spread evenly, on a Fibonacci spiral.

    Shapes: returns (count, 3).
    """
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = index * np.pi * (1 + np.sqrt(5))
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], axis=1)
