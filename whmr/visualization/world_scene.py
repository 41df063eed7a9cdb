"""The world that people are shown in: floor, sky and light, and where the viewer stands."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from whmr.rendering import (
    SceneCamera,
    SceneGround,
    SceneLight,
    SceneMesh,
    SkyGradient,
    render_scene,
)
from whmr.visualization.bodies import soft_shadow_size
from whmr.visualization.framing import frame_points

WORLD_LIGHT = SceneLight(
    direction=(-0.55, -1.0, -0.65),  # right, down, forward of the viewer
    sun=(0.86, 0.84, 0.80),
    sky=(0.44, 0.46, 0.50),
    bounce=(0.34, 0.33, 0.31),
)
WORLD_SKY = SkyGradient(
    zenith=(0.45, 0.63, 0.88), horizon=(0.92, 0.95, 0.98), nadir=(0.88, 0.90, 0.93)
)
FLOOR_COLORS = ((0.82, 0.84, 0.86), (0.79, 0.81, 0.835), (0.66, 0.69, 0.73))  # squares, lines
LINE_WIDTH = 0.025  # m
YAWS = (0.45, -0.45, 0.15, -0.15, 0.8, -0.8)
SUPERSAMPLE = 3
EMPTY_SCENE = np.array([[-1.0, 0.0, 3.0], [1.0, 1.0, 5.0]])  # what is looked at without people


def floor_anchor(placed: np.ndarray) -> np.ndarray:
    """The point of the floor under the middle of all people; without any, of the empty scene.

    Shapes: placed: (N, V, 3) m, world.  returns: (3,).
    """
    if placed.size == 0:
        placed = EMPTY_SCENE[None]
    low, high = placed.min(axis=(0, 1)), placed.max(axis=(0, 1))
    return np.array([(low[0] + high[0]) / 2, high[1], (low[2] + high[2]) / 2])


def view_direction(
    points: np.ndarray, places: np.ndarray, yaws: Sequence[float], elevation: float
) -> np.ndarray:
    """Where the viewer looks: walked around the people by that yaw which separates them best.

    Args:
        points: What is looked at.
        places: Where people (and other things) are that should not hide each other.
        yaws: Candidates, rad: how far to walk from where the photo's camera stood toward its right.
        elevation: How steeply the viewer looks down, rad.

    Shapes: points: (P, 3), P > 0.  places: (N, 3) m, world.  returns: (3,).
    """
    ahead = (points.min(axis=0) + points.max(axis=0)) / 2
    heading = np.arctan2(ahead[0], ahead[2])

    def smallest_gap(yaw: float) -> float:
        sideways = places[:, [0, 2]] @ [np.cos(heading - yaw), -np.sin(heading - yaw)]
        return float(np.diff(np.sort(sideways)).min()) if len(places) > 1 else 0.0

    heading -= max(yaws, key=smallest_gap)
    return np.array([np.sin(heading), np.tan(elevation), np.cos(heading)])


def frame_world(
    points: np.ndarray, direction: np.ndarray, image_shape: tuple[int, int]
) -> SceneCamera:
    """The viewer's camera, see `frame_points`."""
    return frame_points(points, direction, image_shape=image_shape, vfov=0.55, margin=0.1)


def render_world(
    meshes: Sequence[SceneMesh], camera: SceneCamera, anchor: np.ndarray
) -> np.ndarray:
    """Meshes on a floor of metre squares under a sky, lit from the viewer's upper left.

    Args:
        meshes: What is shown.
        camera: From where.
        anchor: The point of the floor below the middle of what is shown.

    Shapes: anchor: (3,) m, world.  returns: (H, W, 3) uint8 RGB.
    """
    away = float(np.linalg.norm(anchor - camera.center))
    ground = SceneGround(
        float(anchor[1]),
        texture=_floor_texture(),
        tile_size=2.0,
        fade_distance=max(30.0, 2.5 * away),
    )
    right, down, forward = WORLD_LIGHT.direction
    side = camera.rotation[0]  # the view has no roll, so it is level
    sun = right * side + down * np.array([0, 1, 0]) + forward * np.array([-side[2], 0, side[0]])
    light = replace(WORLD_LIGHT, direction=tuple(sun))
    return render_scene(
        meshes,
        camera,
        light=light,
        ground=ground,
        background=WORLD_SKY,
        supersample=SUPERSAMPLE,
        shadow_size=soft_shadow_size(meshes),
    ).rgb


def _floor_texture(pixels: int = 512) -> np.ndarray:
    """(h, w, 3) in [0, 1]: 2 x 2 squares of a metre, hardly different, with lines between."""
    half = pixels // 2
    row, column = np.indices((pixels, pixels))
    texture = np.array(FLOOR_COLORS[:2])[(row // half + column // half) % 2]
    width = LINE_WIDTH * half
    from_line = np.minimum.reduce(
        [row % half, half - row % half, column % half, half - column % half]
    )
    texture[from_line <= width / 2] = FLOOR_COLORS[2]
    return texture
