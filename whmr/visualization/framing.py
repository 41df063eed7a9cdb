"""Where to stand so that everything is in the picture."""

import numpy as np

from whmr.rendering import SceneCamera, sphere_points

ROUNDS = 8
OUTLINE_DIRECTIONS = 96


def outline_points(placed: np.ndarray) -> np.ndarray:
    """The vertices of each mesh that reach farthest, in many directions: enough to frame it by.

    Shapes: placed: (N, V, 3) m.  returns: (P, 3) m, P <= 96 N.
    """
    if not placed.size:
        return np.zeros((0, 3))
    directions = sphere_points(OUTLINE_DIRECTIONS)
    farthest = [np.unique((vertices @ directions.T).argmax(axis=0)) for vertices in placed]
    return np.concatenate([mesh[rows] for mesh, rows in zip(placed, farthest, strict=True)])


def frame_points(
    points: np.ndarray,
    direction: np.ndarray,
    *,
    image_shape: tuple[int, int],
    vfov: float = 0.5,
    margin: float = 0.08,
    up: tuple[float, float, float] = (0.0, -1.0, 0.0),
) -> SceneCamera:
    """A camera that looks along `direction` from as near as it can and still sees all points.

    Args:
        points: What must be seen.
        direction: Where the camera looks; not along `up`.
        image_shape: H, W of the picture.
        vfov: Vertical field of view, rad.
        margin: Free border on each side, as a share of the picture's side.
        up: What is up in the picture; the vertical makes the camera level.

    Shapes: points: (P, 3) m, P > 0.  direction: (3,).

    Raises:
        ValueError: If there are no points, or `direction` lies along `up`.
    """
    if len(points) == 0:
        raise ValueError('frame_points: nothing to look at')
    height, width = image_shape
    limit = np.tan(vfov / 2) * (1 - 2 * margin) * np.array([width / height, 1.0])
    forward = np.asarray(direction, dtype=np.float64) / np.linalg.norm(direction)
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    distance = 1.0
    for _ in range(ROUNDS):
        view = SceneCamera.look_at(
            target - forward, target, image_shape=image_shape, vfov=vfov, up=up
        )
        seen = (points - target) @ view.rotation.T
        distance = max(
            float((np.abs(seen[:, :2]) / limit - seen[:, 2:]).max()), 0.2 - seen[:, 2].min()
        )
        spread = seen[:, :2] / (seen[:, 2:] + distance)
        middle = (spread.min(axis=0) + spread.max(axis=0)) / 2
        target = target + distance * (middle @ view.rotation[:2])
    eye = target - forward * distance
    return SceneCamera.look_at(eye, target, image_shape=image_shape, vfov=vfov, up=up)
