"""What a scene is made of (meshes, camera, light, ground plane, background), and the picture of it.

Axes are the library's world axes: x right, y DOWN along gravity, z forward, metres. With the
default camera pose (identity, no translation) they are the camera's axes, so a mesh in camera
coordinates is drawn as it is. Colours are RGB display values in [0, 1]; a photo keeps its
channel order.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class SceneMesh:
    """One triangle mesh with its colours.

    The albedo of a point is the interpolated vertex colour times the texture there, if any.

    Args:
        colors: One colour for the mesh, or one per vertex.
        face_uv: Texture coordinates of each face's corners, needed with `texture`.
        texture: Image; columns run along u, rows along v. Bilinear, clamped at the border.
        normals: Vertex normals; computed from the faces if None.
        smooth: Interpolate the normals. False gives flat faces (boxes).
        cast_shadow: Whether the mesh shades others and the ground.

    Shapes: V vertices, F faces.
        vertices: (V, 3) m, world.  faces: (F, 3) int.  colors: (3,) or (V, 3) in [0, 1].
        face_uv: (F, 3, 2) in [0, 1].  texture: (h, w, 3) uint8 or float in [0, 1].
        normals: (V, 3).
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray | tuple[float, float, float] = (0.75, 0.75, 0.78)
    face_uv: np.ndarray | None = None
    texture: np.ndarray | None = None
    normals: np.ndarray | None = None
    smooth: bool = True
    cast_shadow: bool = True


@dataclass(frozen=True)
class SceneCamera:
    """A full-perspective camera: `x_cam = rotation @ x_world + translation`, then `intrinsics`.

    Pixels are continuous: the centre of pixel (row i, col j) is (j + 0.5, i + 0.5).

    Shapes:
        intrinsics: (3, 3) px, no skew.  image_shape: (H, W).  rotation: (3, 3) world to camera.
        translation: (3,) m, camera.
    """

    intrinsics: np.ndarray
    image_shape: tuple[int, int]
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    translation: np.ndarray = field(default_factory=lambda: np.zeros(3))

    @property
    def center(self) -> np.ndarray:
        """(3,) where the camera stands, m, world."""
        rotation = np.asarray(self.rotation, dtype=np.float64)
        return -rotation.T @ np.asarray(self.translation, dtype=np.float64)

    @classmethod
    def look_at(
        cls,
        eye: np.ndarray,
        target: np.ndarray,
        *,
        image_shape: tuple[int, int],
        vfov: float = 0.8,
        up: tuple[float, float, float] = (0.0, -1.0, 0.0),
    ) -> 'SceneCamera':
        """A camera without roll that stands at `eye` and looks at `target`.

        Args:
            eye: Where the camera stands, m, world.
            target: The point in the middle of the picture, m, world.
            image_shape: H, W of the picture.
            vfov: Vertical field of view, rad.
            up: What is up in the picture, world axes; any other than the vertical for a view from
                straight above.

        Raises:
            ValueError: If `eye` and `target` lie on one line with `up` (the view has no right
                side).
        """
        eye = np.asarray(eye, dtype=np.float64)
        forward = np.asarray(target, dtype=np.float64) - eye
        right = np.cross(forward, np.asarray(up, dtype=np.float64))
        if np.linalg.norm(right) < 1e-6 * max(np.linalg.norm(forward), 1e-12):
            raise ValueError(
                'SceneCamera.look_at: eye and target lie on one line with `up` (a vertical one, if '
                'it is not given); move one of them sideways, or give another `up`'
            )
        forward = forward / np.linalg.norm(forward)
        right = right / np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        height, width = image_shape
        focal = height / 2 / np.tan(vfov / 2)
        intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        return cls(intrinsics, image_shape, rotation, -rotation @ eye)


@dataclass(frozen=True)
class SceneLight:
    """A sun and the light of the surroundings.

    Args:
        direction: Points TOWARD the sun, world axes (y is down: a sun above has y < 0), any length.
        sun: RGB strength of the sun on a surface that faces it, linear light.
        sky: RGB ambient strength on a surface that faces up, linear light.
        bounce: RGB ambient strength on a surface that faces down, linear light.
        shadows: Whether the sun casts shadows.
    """

    direction: tuple[float, float, float] = (-0.45, -0.8, -0.4)
    sun: tuple[float, float, float] = (0.75, 0.75, 0.72)
    sky: tuple[float, float, float] = (0.45, 0.46, 0.5)
    bounce: tuple[float, float, float] = (0.25, 0.24, 0.22)
    shadows: bool = True


@dataclass(frozen=True)
class SceneGround:
    """The infinite horizontal plane y = `height`.

    Args:
        height: World y of the plane, m (y is down: larger is lower).
        texture: Tile that repeats in x and z; None gives white.
        tile_size: Side of one tile, m.
        yaw: Turn of the tiling about the vertical, rad.
        opacity: 1 draws the texture; 0 shows the background through and keeps only the shadows
            (a shadow catcher).
        fade_distance: The texture fades into the background about this far from the camera, m.

    Shapes:
        texture: (h, w, 3) uint8 or float in [0, 1].
    """

    height: float
    texture: np.ndarray | None = None
    tile_size: float = 1.0
    yaw: float = 0.0
    opacity: float = 1.0
    fade_distance: float = 60.0

    @classmethod
    def checkerboard(
        cls,
        height: float,
        *,
        square: float = 0.5,
        colors: tuple[tuple[float, float, float], tuple[float, float, float]] = (
            (0.86, 0.86, 0.88),
            (0.70, 0.71, 0.74),
        ),
        fade_distance: float = 25.0,
    ) -> 'SceneGround':
        """A floor of two-coloured squares with side `square` (m)."""
        board = (np.indices((64, 64)) // 32).sum(0) % 2
        texture = np.asarray(colors, dtype=np.float32)[board]
        return cls(height, texture=texture, tile_size=2 * square, fade_distance=fade_distance)


@dataclass(frozen=True)
class SkyGradient:
    """A background from `zenith` (up) over `horizon` to `nadir` (down); RGB display values."""

    zenith: tuple[float, float, float] = (0.42, 0.60, 0.86)
    horizon: tuple[float, float, float] = (0.88, 0.92, 0.97)
    nadir: tuple[float, float, float] = (0.62, 0.62, 0.62)


@dataclass(frozen=True)
class Panorama:
    """An equirectangular photo around the scene; its middle row is the true horizon.

    Args:
        image: The panorama; its middle column lies toward +z when `yaw` is 0, columns run right.
        yaw: Turn about the vertical, rad; positive moves the middle column right (toward +x).
        gain: Factor on its light.

    Shapes:
        image: (h, w, 3) uint8 or float in [0, 1], w = 2 h.
    """

    image: np.ndarray
    yaw: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True)
class SceneImage:
    """A rendered scene.

    Shapes: H, W the picture.
        rgb: (H, W, 3) uint8.  alpha: (H, W) float32, share of the pixel that meshes cover.
        depth: (H, W) float32 m, z of the mesh `mesh_id` (mean of its samples in the pixel), 0 where
        there is none.  mesh_id: (H, W) int32, which mesh covers most of the pixel; -1 where meshes
        cover less than half of it.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    mesh_id: np.ndarray
