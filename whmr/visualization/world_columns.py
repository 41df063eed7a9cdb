"""Several worlds side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from whmr.rendering import SceneCamera
from whmr.visualization.bodies import body_meshes
from whmr.visualization.framing import outline_points
from whmr.visualization.palette import INK
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.text import Text, draw_texts
from whmr.visualization.world_scene import (
    EMPTY_SCENE,
    YAWS,
    floor_anchor,
    frame_world,
    render_world,
    view_direction,
)

TITLE_HEIGHT = 44


def draw_world_columns(
    columns: Mapping[str, PosedPeople],
    *,
    image_shape: tuple[int, int] = (640, 640),
    yaw: float | None = None,
    elevation: float = 0.22,
    on_ground: bool = False,
) -> np.ndarray:
    """World views side by side from one viewpoint, each below its title.

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
    view = share_view(
        list(columns.values()),
        image_shape=image_shape,
        yaw=yaw,
        elevation=elevation,
        on_ground=on_ground,
    )
    drawn = [
        np.vstack([_title(title, image_shape[1]), view.draw(index)])
        for index, title in enumerate(columns)
    ]
    return np.hstack(drawn)


@dataclass(frozen=True)
class SharedView:
    """Several worlds that are looked at from one viewpoint.

    Shapes: placed: (N, V, 3) m each.  anchor: (3,) m.
    """

    worlds: Sequence[PosedPeople]
    placed: Sequence[np.ndarray]
    camera: SceneCamera
    anchor: np.ndarray

    def draw(self, index: int) -> np.ndarray:
        """One of the worlds.

        Shapes: returns (H, W, 3) uint8 RGB.
        """
        meshes = body_meshes(self.worlds[index], self.placed[index])
        return render_world(meshes, self.camera, self.anchor)


def share_view(
    worlds: Sequence[PosedPeople],
    *,
    image_shape: tuple[int, int],
    yaw: float | None = None,
    elevation: float = 0.22,
    on_ground: bool = False,
) -> SharedView:
    """Find the viewpoint for several worlds; see `draw_world_columns`.

    Every world's middle is moved onto the first one's, so that one viewpoint fits all of them.

    Raises:
        ValueError: If one of them is none (`PosedPeople.has_world`).
    """
    placed = [people.world_meshes(on_ground=on_ground) for people in worlds]
    anchors = [floor_anchor(meshes) for meshes in placed]
    placed = [meshes + (anchors[0] - own) for meshes, own in zip(placed, anchors, strict=True)]
    points = np.concatenate([outline_points(meshes) for meshes in placed])
    points = points if len(points) else EMPTY_SCENE
    yaws = YAWS if yaw is None else (yaw,)
    direction = view_direction(points, placed[0].mean(axis=1), yaws, elevation)
    camera = frame_world(points, direction, image_shape)
    return SharedView(worlds, placed, camera, anchors[0])


def _title(text: str, width: int) -> np.ndarray:
    banner = np.full((TITLE_HEIGHT, width, 3), 255, dtype=np.uint8)
    title = Text(text, (width / 2, TITLE_HEIGHT / 2), 19, INK, anchor='mm')
    if title.width > 0.96 * width:
        title = replace(title, size=title.size * 0.96 * width / title.width)
    return draw_texts(banner, [title])
