"""Skeletons over a photo: joints by name, the left side in one colour and the right in another."""

import cv2
import numpy as np

from whmr.keypoints import JOINT_SETS
from whmr.visualization.palette import LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR
from whmr.visualization.text import Text, draw_texts

# The annotators' joints; feet by OpenPose's, which have no other name.
_SIDE_BONES = (
    ('hip_lsp', 'knee'),
    ('knee', 'ankle'),
    ('shoulder', 'elbow'),
    ('elbow', 'wrist'),
)
_FOOT_BONES = (('ankle', 'heel'), ('ankle', 'big_toe'))
BONES: tuple[tuple[str, str], ...] = (
    ('pelvis_mpii', 'spine_h36m'),
    ('spine_h36m', 'neck_lsp'),
    ('neck_lsp', 'head_top_lsp'),
    *(
        (f'{side}_{start}', f'{side}_{end}')
        for side in ('left', 'right')
        for start, end in _SIDE_BONES
    ),
    *(
        (f'{side}_{start}', f'op_{side}_{end}')
        for side in ('left', 'right')
        for start, end in _FOOT_BONES
    ),
    *(
        pair
        for side in ('left', 'right')
        for pair in (
            ('pelvis_mpii', f'{side}_hip_lsp'),
            ('neck_lsp', f'{side}_shoulder'),
            ('nose', f'{side}_eye'),
            (f'{side}_eye', f'{side}_ear'),
        )
    ),
)
MIN_NAMED = 160  # px: names would hide a smaller person
SHIFT = 4  # sub-pixel bits of OpenCV's drawing


def draw_skeleton(
    image: np.ndarray,
    keypoints_2d: np.ndarray,
    *,
    shown: np.ndarray | None = None,
    names: bool = False,
) -> np.ndarray:
    """A photo with one person's skeleton; left is orange, right is blue, as the person means it.

    Lines grow with the person. A bone is drawn where both its joints are shown.

    Args:
        image: The photo.
        keypoints_2d: The joints of the set `spin49`.
        shown: Which of them are drawn; None: all.
        names: Write each joint's name beside it, where the person is large enough for that.

    Shapes: image: (H, W, 3) uint8 RGB.  keypoints_2d: (49, 2) px.  shown: (49,) bool.
        returns: (H, W, 3) uint8 RGB.
    """
    joints = JOINT_SETS['spin49']
    known = np.isfinite(keypoints_2d).all(axis=1)
    known &= np.abs(np.nan_to_num(keypoints_2d)).max(axis=1) < 1e4  # OpenCV's own limit is near
    known &= True if shown is None else shown
    bones = [
        bone for bone in BONES if known[joints.index(bone[0])] and known[joints.index(bone[1])]
    ]
    ends = sorted({joint for bone in bones for joint in bone}, key=joints.index)
    if not ends:
        return image.copy()
    # Pixel (0, 0) has its centre at (0.5, 0.5); OpenCV's has it at (0, 0).
    place = {
        name: tuple(
            np.round((keypoints_2d[joints.index(name)] - 0.5) * (1 << SHIFT)).astype(int).tolist()
        )
        for name in ends
    }
    extent = np.ptp(keypoints_2d[[joints.index(name) for name in ends]], axis=0).max()
    thickness = int(np.clip(round(extent / 75), 1, 12))
    radius = round(0.75 * thickness * (1 << SHIFT)) + (1 << SHIFT) // 2
    drawn = image.copy()
    for rim in (True, False):
        extra = 2 * max(1, thickness // 4) if rim else 0
        for start, end in bones:
            color = (32, 34, 40) if rim else _side_color(end)
            cv2.line(drawn, place[start], place[end], color, thickness + extra, cv2.LINE_AA, SHIFT)
        for name in ends:
            color = (32, 34, 40) if rim else _side_color(name)
            size = radius + (extra << SHIFT) // 2
            cv2.circle(drawn, place[name], size, color, -1, cv2.LINE_AA, SHIFT)
    if not names or extent < MIN_NAMED:
        return drawn
    size = float(np.clip(extent / 45, 10, 16))
    return draw_texts(drawn, [_name_tag(name, keypoints_2d, size, radius) for name in ends])


def _name_tag(name: str, keypoints_2d: np.ndarray, size: float, radius: int) -> Text:
    u, v = keypoints_2d[JOINT_SETS['spin49'].index(name)].tolist()
    gap = radius / (1 << SHIFT) + 3
    left = _is_left(name)
    place = (u + gap, v) if left else (u - gap, v)
    return Text(name, place, size, anchor='lm' if left else 'rm', halo=(32, 34, 40))


def _is_left(name: str) -> bool:
    return 'left_' in name


def _side_color(name: str) -> tuple[int, int, int]:
    if _is_left(name):
        return LEFT_COLOR
    return RIGHT_COLOR if 'right_' in name else MIDDLE_COLOR
