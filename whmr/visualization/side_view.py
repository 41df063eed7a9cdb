"""People in camera space, seen from the side."""

import numpy as np

from whmr.rendering import SceneLight, SceneMesh, SkyGradient, render_scene
from whmr.visualization.framing import frame_points
from whmr.visualization.palette import person_color
from whmr.visualization.posed_people import PosedPeople

PAPER = SkyGradient(zenith=(1.0, 1.0, 1.0), horizon=(1.0, 1.0, 1.0), nadir=(1.0, 1.0, 1.0))


def draw_side_view(
    people: PosedPeople,
    *,
    image_shape: tuple[int, int] = (640, 640),
    from_right: bool = True,
) -> np.ndarray:
    """Camera-space meshes seen from beside the scene; the photo's vertical is upright.

    Shows what the overlay cannot: how the bodies lean toward or away from the camera, and their
    distances from it.

    Args:
        people: Who is drawn; an empty picture without people.
        image_shape: H, W of the picture.
        from_right: Stand on the right of the photo, so that the camera is on the left of this
            picture, not on its right.

    Shapes: returns (H, W, 3) uint8 RGB.
    """
    if len(people) == 0:
        return np.full((*image_shape, 3), 255, dtype=np.uint8)
    placed = people.camera_meshes()
    side = -1.0 if from_right else 1.0
    camera = frame_points(
        placed.reshape(-1, 3), np.array([side, 0.0, 0.0]), image_shape=image_shape, vfov=0.25
    )
    light = SceneLight(
        direction=(-0.7 * side, -0.75, -0.5),
        sun=(0.80, 0.79, 0.77),
        sky=(0.42, 0.43, 0.45),
        bounce=(0.24, 0.24, 0.24),
    )
    meshes = [
        SceneMesh(vertices, people.faces, colors=person_color(index))
        for index, vertices in enumerate(placed)
    ]
    return render_scene(meshes, camera, light=light, background=PAPER).rgb
