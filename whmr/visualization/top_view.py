"""People seen from straight above."""

import numpy as np

from whmr.visualization.bodies import body_meshes
from whmr.visualization.framing import frame_points, outline_points
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.props import photo_camera
from whmr.visualization.world_scene import EMPTY_SCENE, floor_anchor, render_world


def draw_top_view(
    people: PosedPeople,
    *,
    image_shape: tuple[int, int] = (640, 640),
    photo: np.ndarray | None = None,
) -> np.ndarray:
    """People from above on a floor of metre squares: who is how far away, and turned where.

    The photo's camera is below this picture and looks up in it; the right side of the photo is the
    right side here. Above means against gravity where the world is known, else against the photo's
    vertical.

    Args:
        people: Who is drawn; an empty floor without people.
        image_shape: H, W of the picture.
        photo: Show the camera that took this photo, unless it is very far away.

    Shapes: photo: (h, w, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.
    """
    placed = people.world_meshes() if people.has_world else people.camera_meshes()
    meshes = body_meshes(people, placed)
    points = outline_points(placed) if len(people) else EMPTY_SCENE
    frustum = photo_camera(
        people,
        photo,
        placed=placed,
        world2cam_rotmat=people.world2cam_rotmat if people.has_world else np.eye(3),
        picture_side=max(image_shape),
    )
    meshes += frustum
    points = np.concatenate([points, *(mesh.vertices for mesh in frustum)])
    camera = frame_points(
        points,
        np.array([0.0, 1.0, 0.0]),
        image_shape=image_shape,
        vfov=0.35,
        margin=0.1,
        up=(0.0, 0.0, 1.0),
    )
    anchor = floor_anchor(placed)
    return render_world(meshes, camera, anchor)
