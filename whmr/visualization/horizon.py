"""Where the horizon lies in a photo."""

import cv2
import numpy as np
import torch

from whmr.geometry import rotmat_to_pitch_roll
from whmr.visualization.palette import HORIZON_COLOR
from whmr.visualization.text import Text, draw_texts

SHIFT = 4  # sub-pixel bits of OpenCV's drawing


def horizon_line(intrinsics: np.ndarray, world2cam_rotmat: np.ndarray) -> np.ndarray:
    """The line on which all level directions vanish: `a u + b v + c = 0`.

    A pixel p looks along `K^-1 p`, and is level if that is square to gravity, `R (0, 1, 0)`. Pixels
    with `a u + b v + c > 0` look down.

    Shapes: intrinsics: (3, 3) px.  world2cam_rotmat: (3, 3) x_cam = R x_world.  returns: (3,); the
        first two are a unit vector unless the camera looks straight up or down (then they are 0).
    """
    gravity = np.asarray(world2cam_rotmat, dtype=np.float64)[:, 1]
    line = np.linalg.inv(np.asarray(intrinsics, dtype=np.float64)).T @ gravity
    length = np.linalg.norm(line[:2])
    return line / length if length > 1e-12 else np.array([0.0, 0.0, np.sign(line[2])])


def horizon_ends(
    intrinsics: np.ndarray, world2cam_rotmat: np.ndarray, image_shape: tuple[int, int]
) -> np.ndarray | None:
    """Where the horizon crosses the border of the photo, from left to right; None if it does not.

    Shapes: intrinsics: (3, 3) px.  world2cam_rotmat: (3, 3).  image_shape: (H, W).
        returns: (2, 2) u, v in px.
    """
    a, b, c = horizon_line(intrinsics, world2cam_rotmat)
    height, width = image_shape
    points = []
    if abs(b) > 1e-12:
        points += [(u, -(a * u + c) / b) for u in (0.0, float(width))]
    if abs(a) > 1e-12:
        points += [(-(b * v + c) / a, v) for v in (0.0, float(height))]
    inside = [
        point
        for point in points
        if -1e-6 <= point[0] <= width + 1e-6 and -1e-6 <= point[1] <= height + 1e-6
    ]
    if len(inside) < 2:
        return None
    inside.sort()
    return np.array([inside[0], inside[-1]])


def draw_horizon(
    image: np.ndarray,
    intrinsics: np.ndarray,
    world2cam_rotmat: np.ndarray,
    *,
    caption: bool = True,
) -> np.ndarray:
    """The photo with the horizon of its camera.

    A horizon outside the photo is no line, but the caption says on which side it is.

    Args:
        image: The photo.
        intrinsics: Of its camera, in pixels of this picture.
        world2cam_rotmat: How the camera is turned.
        caption: Write the camera's pitch and roll beside it.

    Shapes: image: (H, W, 3) uint8 RGB.  intrinsics: (3, 3) px.  world2cam_rotmat: (3, 3).
        returns: (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    drawn = image.copy()
    ends = horizon_ends(intrinsics, world2cam_rotmat, (height, width))
    thickness = max(2, round(min(height, width) / 240))
    if ends is not None:
        # OpenCV's pixel (0, 0) has its centre there, ours at (0.5, 0.5).
        start, end = (tuple(p) for p in np.round((ends - 0.5) * (1 << SHIFT)).astype(int).tolist())
        for color, extra in (((255, 255, 255), 2), (HORIZON_COLOR, 0)):
            cv2.line(drawn, start, end, color, thickness + extra, cv2.LINE_AA, SHIFT)
    if not caption:
        return drawn
    angles = rotmat_to_pitch_roll(torch.as_tensor(world2cam_rotmat, dtype=torch.float64))
    pitch, roll = (np.rad2deg(float(angle)) for angle in angles)
    size = max(12.0, min(height, width) / 32)
    line = horizon_line(intrinsics, world2cam_rotmat)
    corners = [(width - size, size, 'rt'), (width - size, height - size, 'rb')]
    corners += [(size, size, 'lt'), (size, height - size, 'lb')]
    if ends is None:
        above = line @ [width / 2, height / 2, 1] > 0
        side = ' above the photo' if above else ' below the photo'
        u, v, anchor = corners[0 if above else 1]
    else:  # the corner that the line keeps away from
        side = ''
        u, v, anchor = max(corners, key=lambda corner: round(abs(line @ [*corner[:2], 1]) / size))
    text = f'horizon{side}   pitch {pitch:+.1f}°   roll {roll:+.1f}°'.replace('-', '\u2212')
    return draw_texts(
        drawn, [Text(text, (u, v), size, anchor=anchor, chip=HORIZON_COLOR, bold=True)]
    )
