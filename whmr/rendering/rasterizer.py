"""Rasteriser without a graphics library: which face each pixel sees, where on it, how far."""

from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor

BACKENDS = ('auto', 'torch', 'numba')
NEAR = 0.05  # m; a face that comes nearer to the camera plane is left out
_CHUNK = 1 << 22  # pairs of a face and a pixel that the torch path looks at together
_LARGEST = 1e12  # px; a vertex farther out has no meaning in float32


class RasterOutput(NamedTuple):
    """What is seen at each pixel's centre.

    Shapes: B batch, h and w the image.
        face_id: (B, h, w) int64, -1 = background.
        barycentric: (B, h, w, 3) weights of the face's corners on the surface, 0 on background.
        depth: (B, h, w) m along the camera's z axis, 0 = background.
    """

    face_id: Tensor
    barycentric: Tensor
    depth: Tensor


@torch.no_grad()
def rasterize(
    vertices_cam: Tensor,
    faces: Tensor,
    intrinsics: Tensor,
    image_shape: tuple[int, int],
    backend: str = 'auto',
) -> RasterOutput:
    """Draw meshes that share their faces, one per image, into z-buffers.

    Pixels are sampled at their centres (j + 0.5, i + 0.5); both sides of a face are seen; of two
    faces at the same depth the first is taken. Faces of no area, and faces with a vertex behind
    the near plane (5 cm), are left out. The result carries no gradient.

    Args:
        vertices_cam: Meshes in camera coordinates.
        faces: Vertex ids of each face.
        intrinsics: Camera matrices, last row (0, 0, 1).
        image_shape: Height and width of the image.
        backend: 'torch' (any device), 'numba' (CPU, several times faster), or 'auto': numba for
            CPU tensors where it is installed, else torch.

    Raises:
        ValueError: A shape does not fit, a face names a vertex that is not there, or the backend is
            unknown or cannot take these tensors.
        ImportError: `backend='numba'` and numba is not installed.

    Shapes: B batch, V vertices, F faces, h and w the image.
        vertices_cam: (B, V, 3) m, camera frame.  faces: (F, 3) int.
        intrinsics: (B, 3, 3) px.  returns: RasterOutput.
    """
    _check(vertices_cam, faces, intrinsics, image_shape, backend)
    on_cpu = vertices_cam.device.type == 'cpu'
    if backend == 'auto':
        backend = 'numba' if on_cpu and _has_numba() else 'torch'
    if backend == 'numba' and not on_cpu:
        raise ValueError(
            f"backend 'numba' needs CPU tensors, got {vertices_cam.device}: use 'torch'"
        )
    draw = _rasterize_numba if backend == 'numba' else _rasterize_torch
    return draw(vertices_cam.float(), faces.long(), intrinsics.float(), image_shape)


@cache
def _has_numba() -> bool:
    return find_spec('numba') is not None


def _check(
    vertices: Tensor, faces: Tensor, intrinsics: Tensor, image_shape: tuple[int, int], backend: str
) -> None:
    if backend not in BACKENDS:
        raise ValueError(f'backend must be one of {", ".join(BACKENDS)}, got {backend!r}')
    if vertices.ndim != 3 or vertices.shape[2] != 3:
        raise ValueError(f'vertices_cam must have shape (B, V, 3), got {tuple(vertices.shape)}')
    if intrinsics.shape != (vertices.shape[0], 3, 3):
        raise ValueError(
            f'intrinsics must have shape ({vertices.shape[0]}, 3, 3), got {tuple(intrinsics.shape)}'
        )
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f'faces must have shape (F, 3), got {tuple(faces.shape)}')
    if min(image_shape) < 1:
        raise ValueError(f'image_shape must be at least (1, 1), got {tuple(image_shape)}')
    if faces.device.type == 'cpu' and len(faces):
        low, high = (int(value) for value in faces.aminmax())
        if low < 0 or high >= vertices.shape[1]:
            raise ValueError(
                f'faces name vertices {low}..{high}, but there are {vertices.shape[1]} vertices'
            )


def _rasterize_numba(
    vertices: Tensor, faces: Tensor, intrinsics: Tensor, image_shape: tuple[int, int]
) -> RasterOutput:
    from whmr.rendering._numba_rasterizer import rasterize_batch

    shape = (len(vertices), *image_shape)
    face_id = torch.empty(shape, dtype=torch.int64)
    barycentric = torch.empty(*shape, 3)
    depth = torch.empty(shape)
    inputs = [x.contiguous().numpy() for x in (vertices, faces, intrinsics)]
    rasterize_batch(*inputs, NEAR, face_id.numpy(), barycentric.numpy(), depth.numpy())
    return RasterOutput(face_id, barycentric, depth)


def _rasterize_torch(
    vertices: Tensor, faces: Tensor, intrinsics: Tensor, image_shape: tuple[int, int]
) -> RasterOutput:
    """Each face is paired with the pixels of its bounding box; the nearest pair wins each pixel."""
    height, width = image_shape
    batch, num_faces = len(vertices), len(faces)
    points = _project(vertices, intrinsics)
    seen, left, top, columns, rows = _pixel_boxes(points, faces, image_shape)
    counts = columns * rows

    nothing = torch.iinfo(torch.int64).max
    nearest = torch.full((batch * height * width,), nothing, device=vertices.device)
    for start, stop in _chunks(counts):
        count = counts[start:stop]
        pair = torch.repeat_interleave(torch.arange(start, stop, device=seen.device), count)
        step = torch.arange(len(pair), device=seen.device) - (count.cumsum(0) - count)[pair - start]
        row, column = top[pair] + step // columns[pair], left[pair] + step % columns[pair]
        body, face = seen[pair] // num_faces, seen[pair] % num_faces
        weight, depth = _surface(points[body[:, None], faces[face]], row, column)
        hit = (weight >= 0).all(dim=1)
        pixel = ((body * height + row) * width + column)[hit]
        # positive floats are ordered as their bits are; the face number below them decides ties
        key = (depth[hit].view(torch.int32).long() << 32) | face[hit]
        nearest.scatter_reduce_(0, pixel, key, 'amin')

    pixel = (nearest != nothing).nonzero()[:, 0]
    face = nearest[pixel] & 0xFFFFFFFF
    body = pixel // (height * width)
    row, column = pixel // width % height, pixel % width
    weight, depth = _surface(points[body[:, None], faces[face]], row, column)
    face_id = torch.full_like(nearest, -1).index_copy(0, pixel, face)
    barycentric = vertices.new_zeros(len(nearest), 3).index_copy(0, pixel, weight)
    depths = vertices.new_zeros(len(nearest)).index_copy(0, pixel, depth)
    shape = (batch, height, width)
    return RasterOutput(
        face_id.reshape(shape), barycentric.reshape(*shape, 3), depths.reshape(shape)
    )


def _project(vertices: Tensor, intrinsics: Tensor) -> Tensor:
    """Pixel coordinates and inverse depth (-1 where it cannot be drawn) of vertices: (B, V, 3)."""
    depth = vertices[..., 2:]
    inverse = torch.where(depth >= NEAR, 1 / depth, -1.0)
    pixels = (vertices[..., :2] * inverse) @ intrinsics[:, :2, :2].mT + intrinsics[:, None, :2, 2]
    usable = (pixels.abs() < _LARGEST).all(dim=-1, keepdim=True)
    return torch.cat([pixels, torch.where(usable, inverse, -1.0)], dim=-1)


def _pixel_boxes(
    points: Tensor, faces: Tensor, image_shape: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Faces (of all bodies) that may cover a pixel's centre, and the box of such pixels of each.

    Returns their numbers, first column, first row, count of columns, count of rows; (N,) each.
    """
    planes = points.permute(2, 0, 1).contiguous()  # (3, B, V): gathers from long rows are fast
    (xa, ya, ia), (xb, yb, ib), (xc, yc, ic) = (
        planes.index_select(2, faces[:, corner]) for corner in range(3)
    )
    left = (torch.minimum(torch.minimum(xa, xb), xc) - 0.5).ceil().clamp(min=0)
    right = (torch.maximum(torch.maximum(xa, xb), xc) - 0.5).floor().clamp(max=image_shape[1] - 1)
    top = (torch.minimum(torch.minimum(ya, yb), yc) - 0.5).ceil().clamp(min=0)
    bottom = (torch.maximum(torch.maximum(ya, yb), yc) - 0.5).floor().clamp(max=image_shape[0] - 1)
    seen = (left <= right) & (top <= bottom) & (ia > 0) & (ib > 0) & (ic > 0)
    seen &= (xb - xa) * (yc - ya) != (xc - xa) * (yb - ya)  # a face of no area
    seen = seen.reshape(-1).nonzero()[:, 0]
    left, right, top, bottom = (
        edge.reshape(-1)[seen].long() for edge in (left, right, top, bottom)
    )
    return seen, left, top, right - left + 1, bottom - top + 1


def _chunks(counts: Tensor) -> list[tuple[int, int]]:
    """Runs of faces whose pairs fit into memory together."""
    if not len(counts):
        return []
    chunk = (counts.cumsum(0) - 1) // _CHUNK
    stops = torch.unique_consecutive(chunk, return_counts=True)[1].cumsum(0).tolist()
    return list(zip([0, *stops[:-1]], stops))


def _surface(corners: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    """Perspective-correct weights (N, 3) and depth (N,) of faces (N, 3, 3) at pixel centres."""
    x = corners[:, :, 0] - (column + 0.5)[:, None]
    y = corners[:, :, 1] - (row + 0.5)[:, None]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    first = (x[:, 1] * y[:, 2] - x[:, 2] * y[:, 1]) / area
    second = (x[:, 2] * y[:, 0] - x[:, 0] * y[:, 2]) / area
    weight = torch.stack([first, second, 1 - first - second], dim=1) * corners[:, :, 2]
    depth = 1 / weight.sum(dim=1)
    return weight * depth[:, None], depth
