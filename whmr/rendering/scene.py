"""Pictures of scenes, on the CPU, without any system graphics library."""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from whmr.rendering.scene_buffers import (
    build_ground,
    build_lights,
    build_sky,
    build_surfaces,
)
from whmr.rendering.scene_types import (
    Panorama,
    SceneCamera,
    SceneGround,
    SceneImage,
    SceneLight,
    SceneMesh,
    SkyGradient,
)

_NEAR = 0.05  # m


def render_scene(
    meshes: Sequence[SceneMesh],
    camera: SceneCamera,
    *,
    light: SceneLight | None = None,
    ground: SceneGround | None = None,
    background: SkyGradient | Panorama | np.ndarray | None = None,
    supersample: int = 2,
    shadow_size: int = 1024,
) -> SceneImage:
    """Draw meshes, their shadows, a ground plane and a background as a camera sees them.

    An overlay on a photo is `render_scene([SceneMesh(vertices + cam_t, faces)],
    SceneCamera(intrinsics, (H, W)), background=photo)`; a view of the world is the same with
    `SceneCamera.look_at(...)`, `SceneGround.checkerboard(...)` and world vertices.

    Args:
        meshes: What to draw; may be empty. A face with a vertex nearer than 0.05 m to the camera
            plane is dropped.
        camera: Where the picture is taken from.
        light: Sun and ambient light; None is daylight from the upper left behind the camera.
        ground: The ground plane; None for none.
        background: What is seen where nothing is: a sky, a panorama, a photo of the picture's size,
            or None (black).
        supersample: Samples per pixel side; 2 anti-aliases with 2x2 samples.
        shadow_size: Side of the square shadow map, px.

    Shapes: H, W of `camera.image_shape`.
        background: (H, W, 3) uint8 if it is a photo.

    Raises:
        ImportError: If numba is not installed.
        ValueError: If an array has a wrong shape.
    """
    kernels = _load_kernels()
    light = light if light is not None else SceneLight()
    height, width = camera.image_shape
    rotation = np.ascontiguousarray(camera.rotation, dtype=np.float64)
    intrinsics = np.asarray(camera.intrinsics, dtype=np.float64)
    view = kernels.View(
        float(intrinsics[0, 0]),
        float(intrinsics[1, 1]),
        float(intrinsics[0, 2]),
        float(intrinsics[1, 2]),
        rotation,
        np.ascontiguousarray(camera.center),
    )
    surfaces, casters = build_surfaces(kernels, meshes, camera, supersample)

    shape = (height * supersample, width * supersample)
    depth = np.full(shape, kernels.FAR, dtype=np.float32)
    face_id = np.full(shape, -1, dtype=np.int32)
    kernels.fill_depth(surfaces.points, surfaces.faces, _NEAR, True, depth, face_id)

    rgb = np.empty((height, width, 3), dtype=np.uint8)
    alpha = np.empty((height, width), dtype=np.float32)
    depth_out = np.empty((height, width), dtype=np.float32)
    mesh_id = np.empty((height, width), dtype=np.int32)
    kernels.shade(
        depth,
        face_id,
        supersample,
        view,
        surfaces,
        build_lights(kernels, light, casters, shadow_size),
        build_ground(kernels, ground, casters),
        build_sky(kernels, background, (height, width)),
        rgb,
        alpha,
        depth_out,
        mesh_id,
    )
    return SceneImage(rgb, alpha, depth_out, mesh_id)


def _load_kernels() -> ModuleType:
    try:
        from whmr.rendering import scene_kernels
    except ImportError as error:
        raise ImportError(
            'render_scene needs numba, which is not installed: pip install whmr[render]'
        ) from error
    return scene_kernels
