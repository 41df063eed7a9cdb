"""People in the gravity-aligned world, standing on the ground."""

import numpy as np

from whmr.rendering import SceneCamera
from whmr.visualization.bodies import body_meshes
from whmr.visualization.framing import outline_points
from whmr.visualization.palette import HORIZON_COLOR
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.props import arrow_mesh, photo_camera
from whmr.visualization.text import Text, draw_texts
from whmr.visualization.world_scene import (
    EMPTY_SCENE,
    YAWS,
    floor_anchor,
    frame_world,
    render_world,
    view_direction,
)

CAMERA_YAWS = (0.6, -0.6, 0.75, -0.75)  # the photo's camera is seen from behind and the side
ARROW_LENGTH, ARROW_GAP = 1.0, 0.45  # m
UP_COLOR = tuple(part / 255 for part in HORIZON_COLOR)


def draw_world_view(
    people: PosedPeople,
    *,
    image_shape: tuple[int, int] = (640, 640),
    yaw: float | None = None,
    elevation: float = 0.22,
    on_ground: bool = False,
    photo: np.ndarray | None = None,
    up_arrow: bool = True,
) -> np.ndarray:
    """World meshes on a ground plane under a sky, with the shadows they cast.

    The ground lies at the lowest vertex over all people, so of several people who truly stand on
    one floor some may float by the errors of their estimated heights; `on_ground` drops each of
    them to the floor. Squares of the floor are a metre wide.

    Args:
        people: Who is drawn; an empty ground without people.
        image_shape: H, W of the picture.
        yaw: How far the viewer walked around the people, from where the photo's camera stood
            toward its right, rad. None chooses the one of a few angles where the people hide each
            other least.
        elevation: How steeply the viewer looks down, rad.
        on_ground: See above.
        photo: Show the camera that took this photo, as its pyramid of view. It is left out of the
            picture where it stands so far away that the people would be tiny.
        up_arrow: Show an arrow of one metre that points up, against gravity.

    Shapes: photo: (h, w, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If no world is known (`PosedPeople.has_world`).
    """
    placed = people.world_meshes(on_ground=on_ground)
    points = outline_points(placed) if len(people) else EMPTY_SCENE
    anchor = floor_anchor(placed)
    meshes = body_meshes(people, placed)
    places, yaws = placed.mean(axis=1), YAWS
    frustum = photo_camera(
        people,
        photo,
        placed=placed,
        world2cam_rotmat=people.world2cam_rotmat,
        picture_side=max(image_shape),
    )
    if frustum:
        meshes += frustum
        points = np.concatenate([points, *(mesh.vertices for mesh in frustum)])
        places, yaws = np.concatenate([places, np.zeros((1, 3))]), CAMERA_YAWS
    direction = view_direction(points, places, yaws if yaw is None else (yaw,), elevation)
    if not up_arrow or not len(people):
        return render_world(meshes, frame_world(points, direction, image_shape), anchor)
    arrow = _arrow_ends(placed, anchor, direction)
    camera = frame_world(np.concatenate([points, arrow]), direction, image_shape)
    picture = render_world([*meshes, arrow_mesh(*arrow, UP_COLOR)], camera, anchor)
    return _label(picture, camera, arrow[1])


def _arrow_ends(placed: np.ndarray, anchor: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """(2, 3) start on the floor beside the people, at the viewer's left, and end above it."""
    right = np.array([direction[2], 0.0, -direction[0]]) / np.hypot(direction[0], direction[2])
    reach = float(((placed - anchor) @ right).min()) - ARROW_GAP
    start = anchor + reach * right
    return np.stack([start, start - [0.0, ARROW_LENGTH, 0.0]])


def _label(picture: np.ndarray, camera: SceneCamera, tip: np.ndarray) -> np.ndarray:
    """Write what the arrow means above its tip."""
    seen = camera.intrinsics @ (camera.rotation @ tip + camera.translation)
    size = max(10.0, picture.shape[0] / 36)
    place = (float(seen[0] / seen[2]), float(seen[1] / seen[2]) - 0.3 * size)
    color = tuple(int(0.8 * part) for part in HORIZON_COLOR)
    return draw_texts(picture, [Text('up', place, size, color, bold=True, anchor='mb')])
