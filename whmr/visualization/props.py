"""Things beside the people that explain a scene: an arrow, the photo's camera."""

import cv2
import numpy as np

from whmr.rendering import SceneMesh
from whmr.visualization.posed_people import PosedPeople

SIDES = 16
FRAME_COLOR = (0.25, 0.27, 0.31)
MAX_DISTANCE = 4.0  # of a camera that is shown, in sizes of the scene
EDGE_SHARE, MAX_EDGE = 0.22, 1.3  # of the camera's pyramid: share of the scene's size, m
PHOTO_SHARE = 0.2  # about what the pyramid's base takes of the picture's side


def tube_mesh(
    points: np.ndarray,
    radii: np.ndarray,
    color: tuple[float, float, float],
    *,
    cast_shadow: bool = True,
) -> SceneMesh:
    """A round tube along a straight line, with a radius of its own at each point.

    Args:
        points: Points on the line, in order.
        radii: Radius at each.
        color: Its colour.
        cast_shadow: Whether it shades the ground.

    Shapes: points: (P, 3) m, P >= 2, not all the same.  radii: (P,) m.  color: RGB in [0, 1].
    """
    along = points[-1] - points[0]
    along = along / np.linalg.norm(along)
    across = np.cross(along, [1.0, 0.0, 0.0] if abs(along[0]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    angle = 2 * np.pi * np.arange(SIDES) / SIDES
    ring = np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * np.cross(along, across)
    vertices = (points[:, None] + np.asarray(radii)[:, None, None] * ring).reshape(-1, 3)
    this = np.arange(SIDES)
    after = (this + 1) % SIDES
    faces = []
    for first in range(0, (len(points) - 1) * SIDES, SIDES):
        a, b, c, d = first + this, first + after, first + SIDES + this, first + SIDES + after
        faces += [np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)]
    return SceneMesh(vertices, np.concatenate(faces), color, cast_shadow=cast_shadow)


def arrow_mesh(start: np.ndarray, end: np.ndarray, color: tuple[float, float, float]) -> SceneMesh:
    """An arrow from `start` to `end`.

    Shapes: start, end: (3,) m.  color: RGB in [0, 1].
    """
    length = float(np.linalg.norm(end - start))
    share = np.array([0.0, 0.76, 0.76, 1.0])
    radii = np.array([0.014, 0.014, 0.045, 0.0]) * length
    return tube_mesh(start + share[:, None] * (end - start), radii, color)


def photo_camera(
    people: PosedPeople,
    photo: np.ndarray | None,
    *,
    placed: np.ndarray,
    world2cam_rotmat: np.ndarray,
    picture_side: int,
) -> list[SceneMesh]:
    """The photo's camera at the origin: its pyramid of view, with the photo as its base.

    Args:
        people: Whose camera it is.
        photo: What it took; None shows no camera.
        placed: Where the people are.
        world2cam_rotmat: How the camera is turned.
        picture_side: Longer side of the picture, px: the photo is shrunk to about the size in which
            it is seen, as it would flicker otherwise.

    Returns:
        Nothing without a photo, where there is nobody, or where the camera is so far away that the
        people would be tiny.

    Shapes: photo: (h, w, 3) uint8 RGB.  placed: (N, V, 3) m.  world2cam_rotmat: (3, 3).
    """
    if photo is None or not len(people):
        return []
    low, high = placed.min(axis=(0, 1)), placed.max(axis=(0, 1))
    size = float((high - low).max())
    if np.linalg.norm(low + high) / 2 > MAX_DISTANCE * size:
        return []
    scale = min(1.0, PHOTO_SHARE * picture_side / max(photo.shape[:2]))
    width, height = (max(1, round(side * scale)) for side in photo.shape[1::-1])
    small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    focal = people.shared_focal_length * height / photo.shape[0]
    pixels = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    rays = np.concatenate([pixels, np.full((4, 1), focal)], axis=1)
    edge = min(EDGE_SHARE * size, MAX_EDGE)
    corners = edge / np.linalg.norm(rays[0]) * rays @ world2cam_rotmat
    starts = [*np.zeros((4, 3)), *corners]
    ends = [*corners, *np.roll(corners, -1, axis=0)]
    radii = np.full(2, 0.012 * edge)
    frame = [
        tube_mesh(np.stack(line), radii, FRAME_COLOR, cast_shadow=False)
        for line in zip(starts, ends, strict=True)
    ]
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    corner_uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    picture = SceneMesh(
        corners,
        faces,
        (1.15, 1.15, 1.15),
        face_uv=corner_uv[faces],
        texture=small,
        smooth=False,
        cast_shadow=False,
    )
    return [*frame, picture]
