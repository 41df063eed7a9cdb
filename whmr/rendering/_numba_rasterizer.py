"""CPU kernel of the rasteriser. Import it only where it is used: numba is an optional extra."""

from collections.abc import Callable

import numba
import numpy as np

LARGEST = np.float32(1e12)  # px; a vertex farther out has no meaning in float32


def compile_kernel(function: Callable) -> Callable:
    """Compile with numba, keeping the machine code on disk where a folder for it can be written."""
    try:
        return numba.njit(cache=True, nogil=True, error_model='numpy')(function)
    except RuntimeError:  # numba found no writable cache folder: a read-only installation
        return numba.njit(nogil=True, error_model='numpy')(function)


@compile_kernel
def rasterize_batch(
    vertices: np.ndarray,
    faces: np.ndarray,
    intrinsics: np.ndarray,
    near: float,
    face_id: np.ndarray,
    barycentric: np.ndarray,
    depth: np.ndarray,
) -> None:
    """Z-buffer of a batch, written into the last three arguments, whatever they hold.

    A first pass over the faces finds which one each pixel sees, a second over the pixels works out
    where on it: most faces that cover a pixel are hidden by another.

    Args:
        vertices: Camera coordinates, float32.
        faces: Vertex ids, int64.
        intrinsics: Camera matrices, float32.
        near: Faces with a vertex nearer than this are left out, m.
        face_id: Nearest face, int64, -1 on background.
        barycentric: Perspective-correct weights of its corners, float32, 0 on background.
        depth: Its depth, float32, 0 on background.

    Shapes: B batch, V vertices, F faces, h and w the image; px, m, camera frame.
        vertices: (B, V, 3).  faces: (F, 3).  intrinsics: (B, 3, 3).  face_id: (B, h, w).
        barycentric: (B, h, w, 3).  depth: (B, h, w).
    """
    zero, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    batch, height, width = depth.shape
    num_vertices = vertices.shape[1]
    # x, y in pixels from the centre of the first pixel, inverse depth or -1
    points = np.empty((num_vertices, 3), np.float32)
    cells = np.empty((num_vertices, 4), np.int32)  # next and last pixel centre in x, then in y
    inverse_depth = np.empty((height, width), np.float32)
    for body in range(batch):
        k = intrinsics[body]
        for i in range(num_vertices):
            points[i, 2] = -one
            z = vertices[body, i, 2]
            if z >= near:
                inverse = one / z
                u, v = vertices[body, i, 0] * inverse, vertices[body, i, 1] * inverse
                x = k[0, 0] * u + k[0, 1] * v + k[0, 2] - half
                y = k[1, 0] * u + k[1, 1] * v + k[1, 2] - half
                if abs(x) < LARGEST and abs(y) < LARGEST:
                    points[i, 0], points[i, 1], points[i, 2] = x, y, inverse
                    cells[i, 0] = min(max(np.ceil(x), zero), np.float32(width))
                    cells[i, 1] = min(max(np.floor(x), -one), np.float32(width - 1))
                    cells[i, 2] = min(max(np.ceil(y), zero), np.float32(height))
                    cells[i, 3] = min(max(np.floor(y), -one), np.float32(height - 1))
        seen = face_id[body]
        seen[:] = -1
        inverse_depth[:] = zero
        for f in range(len(faces)):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            left = min(cells[a, 0], cells[b, 0], cells[c, 0])
            right = max(cells[a, 1], cells[b, 1], cells[c, 1])
            top = min(cells[a, 2], cells[b, 2], cells[c, 2])
            bottom = max(cells[a, 3], cells[b, 3], cells[c, 3])
            if (left > right) | (top > bottom):  # one branch that is nearly always taken
                continue
            ia, ib, ic = points[a, 2], points[b, 2], points[c, 2]
            if min(ia, ib, ic) < zero:
                continue
            xa, ya = points[a, 0], points[a, 1]
            xb, yb = points[b, 0], points[b, 1]
            xc, yc = points[c, 0], points[c, 1]
            area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
            if area == zero:
                continue
            scale = one / area
            for row in range(top, bottom + 1):
                y = np.float32(row)
                for column in range(left, right + 1):
                    x = np.float32(column)
                    wa = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) * scale
                    wb = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) * scale
                    wc = one - wa - wb
                    if min(wa, wb, wc) < zero:
                        continue
                    inverse = wa * ia + wb * ib + wc * ic
                    if inverse > inverse_depth[row, column]:
                        inverse_depth[row, column] = inverse
                        seen[row, column] = f
        for row in range(height):
            y = np.float32(row)
            for column in range(width):
                f = seen[row, column]
                if f < 0:
                    depth[body, row, column] = zero
                    barycentric[body, row, column] = zero
                    continue
                x = np.float32(column)
                a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
                xa, ya = points[a, 0], points[a, 1]
                xb, yb = points[b, 0], points[b, 1]
                xc, yc = points[c, 0], points[c, 1]
                scale = one / ((xb - xa) * (yc - ya) - (xc - xa) * (yb - ya))
                wa = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) * scale
                wb = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) * scale
                z = one / inverse_depth[row, column]
                depth[body, row, column] = z
                barycentric[body, row, column, 0] = wa * points[a, 2] * z
                barycentric[body, row, column, 1] = wb * points[b, 2] * z
                barycentric[body, row, column, 2] = (one - wa - wb) * points[c, 2] * z
