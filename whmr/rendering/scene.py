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
    kernels = load_kernels()
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

    lights = build_lights(kernels, light, casters, shadow_size)
    plane = build_ground(kernels, ground, casters)
    sky = build_sky(kernels, background, (height, width))

    depth = np.full((height * supersample, width * supersample), kernels.FAR, dtype=np.float32)
    face_id = np.full(depth.shape, -1, dtype=np.int32)
    kernels.fill_depth(surfaces.points, surfaces.faces, _NEAR, True, depth, face_id)
    if ground is not None and ground.opacity >= 1:
        kernels.drop_below_ground(view, plane, supersample, depth, face_id)

    picture = np.empty((height, width, 3), dtype=np.float32)
    rgb = np.empty((height, width, 3), dtype=np.uint8)
    kernels.shade_background(view, lights, plane, sky, supersample, face_id, picture)
    kernels.shade_meshes(view, surfaces, lights, supersample, depth, face_id, picture, rgb)

    alpha = np.empty((height, width), dtype=np.float32)
    mesh_depth = np.empty((height, width), dtype=np.float32)
    mesh_id = np.empty((height, width), dtype=np.int32)
    kernels.resolve_samples(
        surfaces.face_mesh, supersample, depth, face_id, alpha, mesh_depth, mesh_id
    )
    return SceneImage(rgb, alpha, mesh_depth, mesh_id)


def load_kernels() -> ModuleType:
    """The compiled loops, imported when something is drawn.

    Raises:
        ImportError: If numba is not installed.
    """
    try:
        from whmr.rendering import scene_kernels
    except ImportError as error:
        raise ImportError(
            'render_scene needs numba, which is not installed: pip install whmr[render]'
        ) from error
    return scene_kernels
