"""People in the gravity-aligned world, standing on the ground."""

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from whmr.rendering import (
    SceneCamera,
    SceneGround,
    SceneLight,
    SceneMesh,
    SkyGradient,
    render_scene,
)
from whmr.visualization.framing import frame_points
from whmr.visualization.palette import person_color
from whmr.visualization.posed_people import PosedPeople

WORLD_LIGHT = SceneLight(
    direction=(-0.55, -1.0, -0.65),  # right, down, forward of the viewer
    sun=(0.82, 0.81, 0.78),
    sky=(0.46, 0.48, 0.52),
    bounce=(0.40, 0.39, 0.37),
)
WORLD_SKY = SkyGradient(
    zenith=(0.45, 0.63, 0.88), horizon=(0.92, 0.95, 0.98), nadir=(0.88, 0.90, 0.93)
)
FLOOR_COLORS = ((0.82, 0.84, 0.86), (0.79, 0.81, 0.835), (0.66, 0.69, 0.73))  # squares, lines
LINE_WIDTH = 0.025  # m
YAWS = (0.45, -0.45, 0.15, -0.15, 0.8, -0.8)
TITLE_HEIGHT = 44


def draw_world_view(
    people: PosedPeople,
    *,
    image_shape: tuple[int, int] = (640, 640),
    yaw: float | None = None,
    elevation: float = 0.22,
    on_ground: bool = False,
) -> np.ndarray:
    """World meshes on a ground plane under a sky, with the shadows they cast.

    The ground lies at the lowest vertex over all people, so of several people who truly stand on
    one floor some may float by the errors of their estimated heights; `on_ground` drops each of
    them to the floor.

    Args:
        people: Who is drawn; an empty ground without people.
        image_shape: H, W of the picture.
        yaw: How far the viewer walked around the people, from where the photo's camera stood
            toward its right, rad. None chooses the one of a few angles where the people hide each
            other least.
        elevation: How steeply the viewer looks down, rad.
        on_ground: See above.

    Shapes: returns (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If no world is known (`PosedPeople.has_world`).
    """
    meshes = people.world_meshes(on_ground=on_ground)
    return _draw(meshes, people.faces, _viewpoint([meshes], image_shape, yaw, elevation))


def draw_world_columns(
    columns: Mapping[str, PosedPeople],
    *,
    image_shape: tuple[int, int] = (640, 640),
    yaw: float | None = None,
    elevation: float = 0.22,
    on_ground: bool = False,
) -> np.ndarray:
    """World views side by side from one viewpoint, such as without and with OrientCorrect.

    Args:
        columns: Title to people.
        image_shape: H, W of each column, without its title.
        yaw: See `draw_world_view`.
        elevation: See `draw_world_view`.
        on_ground: See `draw_world_view`.

    Shapes: returns (H + 44, W * columns, 3) uint8 RGB.

    Raises:
        ValueError: If there is no column, or a column has no world.
    """
    if not columns:
        raise ValueError('draw_world_columns: no column to draw')
    placed = [people.world_meshes(on_ground=on_ground) for people in columns.values()]
    # Every column's middle is moved onto the first one's, so that one viewpoint fits all of them.
    anchors = [_anchor(meshes) for meshes in placed]
    placed = [meshes + (anchors[0] - own) for meshes, own in zip(placed, anchors, strict=True)]
    camera = _viewpoint(placed, image_shape, yaw, elevation)
    drawn = [
        np.vstack([_title(name, image_shape[1]), _draw(meshes, people.faces, camera)])
        for (name, people), meshes in zip(columns.items(), placed, strict=True)
    ]
    return np.hstack(drawn)


def _anchor(meshes: np.ndarray) -> np.ndarray:
    """The point of the floor under the middle of all people."""
    if meshes.size == 0:
        return np.zeros(3)
    low, high = meshes.min(axis=(0, 1)), meshes.max(axis=(0, 1))
    return np.array([(low[0] + high[0]) / 2, high[1], (low[2] + high[2]) / 2])


def _viewpoint(
    placed: list[np.ndarray], image_shape: tuple[int, int], yaw: float | None, elevation: float
) -> SceneCamera:
    points = np.concatenate([meshes.reshape(-1, 3) for meshes in placed])
    if len(points) == 0:
        points = np.array([[-1.0, 0.0, 3.0], [1.0, 1.0, 5.0]])
    ahead = (points.min(axis=0) + points.max(axis=0)) / 2
    heading = np.arctan2(ahead[0], ahead[2])
    heading -= _best_yaw(placed[0], heading) if yaw is None else yaw
    direction = [np.sin(heading), np.tan(elevation), np.cos(heading)]
    return frame_points(
        points, np.array(direction), image_shape=image_shape, vfov=0.55, margin=0.12
    )


def _best_yaw(meshes: np.ndarray, heading: float) -> float:
    """The candidate angle that keeps the closest pair of people farthest apart in the picture."""
    if len(meshes) < 2:
        return YAWS[0]
    place = meshes.mean(axis=1)[:, [0, 2]]

    def smallest_gap(yaw: float) -> float:
        sideways = place @ [np.cos(heading - yaw), -np.sin(heading - yaw)]
        return float(np.diff(np.sort(sideways)).min())

    return max(YAWS, key=smallest_gap)


def _draw(meshes: np.ndarray, faces: np.ndarray, camera: SceneCamera) -> np.ndarray:
    floor = float(meshes[..., 1].max()) if meshes.size else 1.0
    away = float(np.linalg.norm(_anchor(meshes) - camera.center))
    fade = max(30.0, 2.5 * away)
    ground = SceneGround(floor, texture=_floor_texture(), tile_size=2.0, fade_distance=fade)
    bodies = [
        SceneMesh(vertices, faces, colors=person_color(index))
        for index, vertices in enumerate(meshes)
    ]
    right, down, forward = WORLD_LIGHT.direction
    side = camera.rotation[0]  # the view has no roll, so it is level
    sun = right * side + down * np.array([0, 1, 0]) + forward * np.array([-side[2], 0, side[0]])
    light = replace(WORLD_LIGHT, direction=tuple(sun))
    return render_scene(bodies, camera, light=light, ground=ground, background=WORLD_SKY).rgb


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


def _title(text: str, width: int) -> np.ndarray:
    banner = np.full((TITLE_HEIGHT, width, 3), 255, dtype=np.uint8)
    font, thickness = cv2.FONT_HERSHEY_DUPLEX, 1
    natural = cv2.getTextSize(text, font, 1.0, thickness)[0][0]
    size = min(0.75, 0.94 * width / max(natural, 1))
    left = round((width - natural * size) / 2)
    cv2.putText(banner, text, (left, 30), font, size, (40, 40, 44), thickness, cv2.LINE_AA)
    return banner
