"""What the picture renderer's compiled loops read, made from the parts of a scene."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import cv2
import numpy as np

from whmr.rendering.scene_types import (
    Panorama,
    SceneCamera,
    SceneGround,
    SceneLight,
    SceneMesh,
    SkyGradient,
)

_NO_FACES = np.zeros((0, 3), dtype=np.int32)
_NO_POINTS = np.zeros((0, 3))


class MeshPart(NamedTuple):
    """One verified mesh: vertices, faces, linear vertex colours, and normals if they were given."""

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    normals: np.ndarray | None


class Casters(NamedTuple):
    """What casts shadows: `faces` into `vertices` (of all meshes); `points` are their own."""

    vertices: np.ndarray
    faces: np.ndarray
    points: np.ndarray


def linear_light(image: np.ndarray) -> np.ndarray:
    """Display values (uint8, or float in [0, 1]) as linear light, float32."""
    values = np.asarray(image)
    scale = 1 / 255 if values.dtype == np.uint8 else 1.0
    return np.square(values * np.float32(scale), dtype=np.float32)


def as_bytes(image: np.ndarray) -> np.ndarray:
    """Display values (uint8, or float in [0, 1]) as contiguous uint8."""
    values = np.asarray(image)
    if values.dtype != np.uint8:
        values = np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(values)


def check_mesh(mesh: SceneMesh, index: int) -> MeshPart:
    """Verify the shapes of one mesh; a flat mesh gets corners of its own for every face.

    Raises:
        ValueError: If an array has a wrong shape, or a face names a vertex that is not there.
    """
    name = f'meshes[{index}]'
    vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float64)
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int32)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f'{name}.vertices must be (V, 3), got {vertices.shape}')
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f'{name}.faces must be (F, 3), got {faces.shape}')
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise ValueError(f'{name}.faces name vertices outside 0..{len(vertices) - 1}')
    colors = np.asarray(mesh.colors, dtype=np.float32)
    if colors.shape not in ((3,), vertices.shape):
        raise ValueError(f'{name}.colors must be (3,) or (V, 3), got {colors.shape}')
    colors = np.broadcast_to(linear_light(colors), vertices.shape)
    normals = None if mesh.normals is None else np.asarray(mesh.normals, dtype=np.float64)
    if normals is not None and normals.shape != vertices.shape:
        raise ValueError(f'{name}.normals must be (V, 3), got {normals.shape}')
    if (mesh.texture is None) != (mesh.face_uv is None):
        raise ValueError(f'{name}: texture and face_uv must be given together')
    if mesh.face_uv is not None and np.shape(mesh.face_uv) != (len(faces), 3, 2):
        raise ValueError(
            f'{name}.face_uv must be ({len(faces)}, 3, 2), got {np.shape(mesh.face_uv)}'
        )
    if not mesh.smooth:
        vertices, colors = vertices[faces.ravel()], colors[faces.ravel()]
        faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
        normals = None
    return MeshPart(vertices, faces, colors, normals)


def build_surfaces(
    kernels: ModuleType,
    meshes: Sequence[SceneMesh],
    camera: SceneCamera,
    supersample: int,
) -> tuple[Any, Casters]:
    """All meshes as one `Surfaces` seen by the camera, and what of them casts shadows.

    Raises:
        ValueError: If an array of a mesh has a wrong shape.
    """
    parts = [check_mesh(mesh, index) for index, mesh in enumerate(meshes)]
    shapes = np.zeros((max(1, len(meshes)), 3), dtype=np.int64)
    pixels, uvs, normals, faces, owners = [], [], [], [], []
    first_vertex, first_pixel = 0, 0
    for index, (part, mesh) in enumerate(zip(parts, meshes, strict=True)):
        part_normals = part.normals
        if part_normals is None:
            part_normals = np.empty_like(part.vertices)
            kernels.vertex_normals(part.vertices, part.faces, part_normals)
        normals.append(part_normals)
        faces.append(part.faces + np.int32(first_vertex))
        owners.append(np.full(len(part.faces), index, dtype=np.int32))
        first_vertex += len(part.vertices)
        if mesh.texture is None:
            uvs.append(np.zeros((len(part.faces), 3, 2), dtype=np.float32))
            continue
        texture = as_bytes(mesh.texture)
        shapes[index] = first_pixel, texture.shape[0], texture.shape[1]
        pixels.append(texture.reshape(-1, 3))
        first_pixel += len(pixels[-1])
        uvs.append(np.asarray(mesh.face_uv, dtype=np.float32))
    vertices = np.concatenate([_NO_POINTS, *(part.vertices for part in parts)])
    surfaces = kernels.Surfaces(
        _project(vertices, camera, supersample),
        np.concatenate([_NO_FACES, *faces]),
        np.concatenate([_NO_POINTS, *normals]),
        np.concatenate([np.zeros((0, 3), dtype=np.float32), *(part.colors for part in parts)]),
        np.concatenate([np.zeros(0, dtype=np.int32), *owners]),
        np.concatenate([np.zeros((0, 3, 2), dtype=np.float32), *uvs]),
        shapes,
        np.concatenate([np.zeros((0, 3), dtype=np.uint8), *pixels]),
    )
    casting = [index for index, mesh in enumerate(meshes) if mesh.cast_shadow]
    casters = Casters(
        vertices,
        np.concatenate([_NO_FACES, *(faces[index] for index in casting)]),
        np.concatenate([_NO_POINTS, *(parts[index].vertices for index in casting)]),
    )
    return surfaces, casters


def _project(vertices: np.ndarray, camera: SceneCamera, supersample: int) -> np.ndarray:
    """(N, 3) x, y in sample pixels and depth."""
    rotation = np.asarray(camera.rotation, dtype=np.float64)
    k = np.asarray(camera.intrinsics, dtype=np.float64)
    points = vertices @ rotation.T + np.asarray(camera.translation, dtype=np.float64)
    scale = supersample / np.maximum(points[:, 2], 1e-6)
    points[:, 0] = points[:, 0] * scale * k[0, 0] + supersample * k[0, 2]
    points[:, 1] = points[:, 1] * scale * k[1, 1] + supersample * k[1, 2]
    return points


def facing_axes(direction: np.ndarray) -> np.ndarray:
    """(3, 3) axes of a depth map seen from the unit vector `direction`: across, down, away."""
    across = np.cross([0.0, 0.0, 1.0] if abs(direction[2]) < 0.9 else [1.0, 0.0, 0.0], direction)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(direction, across), -direction])


def build_lights(kernels: ModuleType, light: SceneLight, casters: Casters, shadow_size: int) -> Any:
    """The sun, with a shadow map that just holds all that casts shadows."""
    direction = np.asarray(light.direction, dtype=np.float64)
    direction = direction / np.linalg.norm(direction)
    colors = np.array([light.sun, light.sky, light.bounce], dtype=np.float64)
    if not light.shadows or not len(casters.faces) or not max(light.sun) > 0:
        empty = np.zeros((1, 1), dtype=np.float32)
        return kernels.Lights(direction, colors, np.zeros((3, 4)), empty)
    axes = facing_axes(direction)
    seen = casters.points @ axes.T
    # A border of 4 px stays empty, so that the taps at the rim read "lit".
    scale = np.array([*((shadow_size - 8) / (np.ptp(seen, axis=0)[:2] + 1e-6)), 1.0])
    offset = np.array([4.0, 4.0, 0.0]) - seen.min(0) * scale
    points = (casters.vertices @ axes.T) * scale + offset
    shadow_map = np.full((shadow_size, shadow_size), kernels.FAR, dtype=np.float32)
    owner = np.empty(shadow_map.shape, dtype=np.int32)
    kernels.fill_depth(points, casters.faces, -kernels.FAR, False, shadow_map, owner)
    to_shadow = np.concatenate([axes * scale[:, None], offset[:, None]], axis=1)
    to_shadow[2, 3] -= 0.012  # a surface does not shade itself
    return kernels.Lights(direction, colors, to_shadow, shadow_map)


def build_ground(kernels: ModuleType, ground: SceneGround | None, casters: Casters) -> Any:
    """The ground plane, its texture pyramid, and the soft dark spots under what stands on it."""
    nothing = np.zeros((1, 1), dtype=np.float32)
    if ground is None:
        mips = np.zeros((2, 1, 3), dtype=np.float32)
        return kernels.Ground(False, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, mips, np.zeros(3), nothing)
    frame, contact = np.zeros(3), nothing
    if len(casters.faces):
        frame, contact = _contact_map(kernels, ground.height, casters)
    texture = np.ones((1, 1, 3)) if ground.texture is None else ground.texture
    return kernels.Ground(
        True,
        float(ground.height),
        1.0 / float(ground.tile_size),
        float(np.cos(ground.yaw)),
        float(np.sin(ground.yaw)),
        float(ground.opacity),
        float(ground.fade_distance),
        _pyramid(linear_light(texture)),
        frame,
        contact,
    )


def _contact_map(
    kernels: ModuleType, height: float, casters: Casters
) -> tuple[np.ndarray, np.ndarray]:
    """How much of the sky low geometry hides from the ground, seen from straight below."""
    margin = 0.6
    low = casters.points.min(0)[[0, 2]] - margin
    extent = casters.points.max(0)[[0, 2]] + margin - low
    scale = min(48.0, 320.0 / float(extent.max()))
    cols, rows = np.maximum(2, np.ceil(extent * scale)).astype(int)
    points = np.stack(
        [
            (casters.vertices[:, 0] - low[0]) * scale,
            (casters.vertices[:, 2] - low[1]) * scale,
            height - casters.vertices[:, 1],
        ],
        axis=1,
    )
    above = np.full((rows, cols), kernels.FAR, dtype=np.float32)
    owner = np.empty(above.shape, dtype=np.int32)
    kernels.fill_depth(points, casters.faces, -0.2, False, above, owner)
    above = np.clip(above, 0, 10)
    result = np.zeros_like(above)
    # What hides falls with its height, and is spread by about that height.
    for reach, strength in ((0.08, 0.45), (0.35, 0.35)):
        hidden = np.exp(above * np.float32(-1 / reach))
        result += strength * cv2.GaussianBlur(hidden, (0, 0), max(0.5, 0.6 * reach * scale))
    return np.array([low[0], low[1], scale]), np.minimum(result, 0.85)


def _pyramid(texture: np.ndarray) -> np.ndarray:
    """A texture and its halvings down to one pixel, stacked to (2T, T, 3)."""
    size = 1 << min(9, int(np.ceil(np.log2(max(texture.shape[:2])))))
    if texture.shape[:2] != (size, size):
        texture = cv2.resize(texture, (size, size), interpolation=cv2.INTER_AREA)
    mips = np.zeros((2 * size, size, 3), dtype=np.float32)
    first = 0
    while True:
        side = len(texture)
        mips[first : first + side, :side] = texture
        if side == 1:
            return mips
        first += side
        texture = texture[::2] + texture[1::2]
        texture = 0.25 * (texture[:, ::2] + texture[:, 1::2])


def build_sky(
    kernels: ModuleType,
    background: SkyGradient | Panorama | np.ndarray | None,
    image_shape: tuple[int, int],
) -> Any:
    """What is seen where nothing is.

    Raises:
        ValueError: If a photo has not the picture's size, or is not uint8.
    """
    gradient = np.zeros((3, 3))
    empty = np.zeros((1, 1, 3), dtype=np.uint8)
    if background is None:
        return kernels.Sky(0, gradient, empty, 0.0, 1.0, empty)
    if isinstance(background, SkyGradient):
        rows = (background.zenith, background.horizon, background.nadir)
        gradient = np.asarray(rows, dtype=np.float64) ** 2
        return kernels.Sky(1, gradient, empty, 0.0, 1.0, empty)
    if isinstance(background, Panorama):
        image = as_bytes(background.image)
        return kernels.Sky(2, gradient, image, float(background.yaw), float(background.gain), empty)
    photo = np.ascontiguousarray(background)
    if photo.shape != (*image_shape, 3) or photo.dtype != np.uint8:
        raise ValueError(
            f'background photo must be uint8 of shape {(*image_shape, 3)}, '
            f'got {photo.dtype} {photo.shape}'
        )
    return kernels.Sky(3, gradient, empty, 0.0, 1.0, photo)
