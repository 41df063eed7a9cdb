"""People drawn over their photo."""

import cv2
import numpy as np

from whmr.rendering import SceneCamera, SceneImage, SceneLight, SceneMesh, render_scene
from whmr.visualization.palette import person_color
from whmr.visualization.posed_people import PosedPeople

OVERLAY_LIGHT = SceneLight(
    direction=(-0.55, -0.75, -0.65),
    sun=(0.80, 0.79, 0.77),
    sky=(0.42, 0.43, 0.45),
    bounce=(0.24, 0.24, 0.24),
)


def draw_overlay(
    image: np.ndarray,
    people: PosedPeople,
    *,
    opacity: float = 0.94,
    max_side: int | None = None,
) -> np.ndarray:
    """The photo with the people's meshes drawn over it by the full-perspective camera.

    Each person is projected by the focal length and translation estimated for it, with the
    principal point in the middle of the photo (W-HMR Eq. 4). Who hides whom follows from the
    distances at the shared focal length.

    Args:
        image: The photo.
        people: Who is drawn.
        opacity: 1 hides the photo behind the meshes.
        max_side: A photo with a longer side is shrunk to this one; None keeps every size.

    Shapes: image: (H, W, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.
    """
    scale = 1.0 if max_side is None else min(1.0, max_side / max(image.shape[:2]))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    drawn = render_overlay(image, people, scale=scale)
    cover = opacity * (drawn.alpha > 0)[..., None]
    mixed = image + cover * (drawn.rgb.astype(np.float32) - image)
    return mixed.round().clip(0, 255).astype(np.uint8)


def render_overlay(image: np.ndarray, people: PosedPeople, *, scale: float = 1.0) -> SceneImage:
    """What `draw_overlay` blends: opaque meshes over the photo, with their mask and depth.

    Args:
        image: The photo, already resized.
        people: Who is drawn.
        scale: Factor by which the photo was resized.

    Shapes: image: (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    focal = people.shared_focal_length * scale
    # Stretching z by f0 / f_i and projecting with f0 is the same as projecting with f_i, and puts
    # all people into one depth buffer; shading keeps the normals of the true shape.
    stretch = people.shared_focal_length / people.focal_length
    meshes = []
    for index, vertices in enumerate(people.vertices + people.cam_t[:, None]):
        placed = vertices * [1.0, 1.0, stretch[index]]
        normals = _vertex_normals(vertices, people.faces)
        color = person_color(index)
        meshes.append(SceneMesh(placed, people.faces, colors=color, normals=normals))
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    camera = SceneCamera(intrinsics, (height, width))
    return render_scene(meshes, camera, light=OVERLAY_LIGHT, background=image)


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit vectors, the mean over the faces around each vertex weighted by their areas."""
    corners = vertices[faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    spread = np.repeat(across, 3, axis=0)
    summed = [np.bincount(faces.ravel(), spread[:, axis], len(vertices)) for axis in range(3)]
    normals = np.stack(summed, axis=1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
