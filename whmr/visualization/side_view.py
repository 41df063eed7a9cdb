"""People in camera space, seen from the side."""

import numpy as np

from whmr.rendering import SceneLight, SkyGradient, render_scene
from whmr.visualization.bodies import body_meshes, soft_shadow_size
from whmr.visualization.framing import frame_points, outline_points
from whmr.visualization.posed_people import PosedPeople
from whmr.visualization.props import photo_camera
from whmr.visualization.world_scene import EMPTY_SCENE

PAPER = SkyGradient((0.95, 0.96, 0.975), (0.95, 0.96, 0.975), (0.95, 0.96, 0.975))
SUPERSAMPLE = 3


def draw_side_view(
    people: PosedPeople,
    *,
    image_shape: tuple[int, int] = (640, 640),
    from_right: bool = True,
    photo: np.ndarray | None = None,
) -> np.ndarray:
    """Camera-space meshes seen from beside the scene; the photo's vertical is upright.

    Shows what the overlay cannot: how the bodies lean toward or away from the camera, and their
    distances from it.

    Args:
        people: Who is drawn; an empty picture without people.
        image_shape: H, W of the picture.
        from_right: Stand on the right of the photo, so that the camera is on the left of this
            picture, not on its right.
        photo: Show the camera that took this photo, unless it is very far away.

    Shapes: photo: (h, w, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.
    """
    placed, side = people.camera_meshes(), -1.0 if from_right else 1.0
    meshes, points = body_meshes(people, placed), outline_points(placed)
    frustum = photo_camera(
        people,
        photo,
        placed=placed,
        world2cam_rotmat=np.eye(3),
        picture_side=max(image_shape),
    )
    meshes += frustum
    points = np.concatenate([points, *(mesh.vertices for mesh in frustum)])
    points = points if len(points) else EMPTY_SCENE
    camera = frame_points(points, np.array([side, 0.0, 0.0]), image_shape=image_shape, vfov=0.25)
    light = SceneLight(
        direction=(-0.7 * side, -0.75, -0.5),
        sun=(0.80, 0.79, 0.77),
        sky=(0.40, 0.41, 0.44),
        bounce=(0.24, 0.24, 0.24),
    )
    return render_scene(
        meshes,
        camera,
        light=light,
        background=PAPER,
        supersample=SUPERSAMPLE,
        shadow_size=soft_shadow_size(meshes),
    ).rgb
