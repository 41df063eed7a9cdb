"""Landmarks and motion-capture markers of the free body as vertex ids."""

import numpy as np

from free_body.skeleton import ID
from free_body.source import Rig, SourceMesh
from free_body.surface import Surface

# Order of the 21 landmarks in whmr.keypoints.JOINT_SETS['smpl54'].
LANDMARKS = (
    'nose', 'right_eye', 'left_eye', 'right_ear', 'left_ear', 'left_big_toe', 'left_small_toe',
    'left_heel', 'right_big_toe', 'right_small_toe', 'right_heel', 'left_thumb', 'left_index',
    'left_middle', 'left_ring', 'left_pinky', 'right_thumb', 'right_index', 'right_middle',
    'right_ring', 'right_pinky',
)  # fmt: skip
FINGERS = ('thumb', 'index', 'middle', 'ring', 'pinky')

# Names of the 67 markers of the SSM2 set, in its order.
MARKERS = (
    'C7', 'CLAV', 'LANK', 'LASI', 'LBAK', 'LBCEP', 'LBHD', 'LBUM', 'LBUST', 'LCHEECK', 'LELB',
    'LELBIN', 'LFHD', 'LFIN', 'LFRM', 'LFTHIIN', 'LHEE', 'LIWR', 'LKNE', 'LKNI', 'LMT1', 'LMT5',
    'LNWST', 'LOWR', 'LPSI', 'LRSTBEEF', 'LSCAP', 'LSHN', 'LSHO', 'LTHI', 'LTHILO', 'LTHMB',
    'LTOE', 'MBLLY', 'RANK', 'RASI', 'RBAK', 'RBCEP', 'RBHD', 'RBSH', 'RBUM', 'RBUST',
    'RCHEECK', 'RELB', 'RELBIN', 'RFHD', 'RFIN', 'RFRM2', 'RFTHI', 'RFTHIIN', 'RHEE', 'RIWR',
    'RKNE', 'RKNI', 'RMT1', 'RMT5', 'RNWST', 'ROWR', 'RPSI', 'RRSTBEEF', 'RSHO', 'RTHI',
    'RTHMB', 'RTIB', 'RTOE', 'STRN', 'T8',
)  # fmt: skip
# Where a marker lies: from a point on the line between two joints (fraction of the way), the skin
# in a direction (x out to the left, y up, z forward). Right markers mirror the left rules.
MARKER_RAYS = {
    'C7': ('neck', 'neck', 0, (0, 0.25, -1)),
    'CLAV': ('neck', 'spine3', 0.28, (0, 0, 1)),
    'STRN': ('neck', 'spine3', 0.95, (0, 0, 1)),
    'T8': ('spine3', 'spine3', 0, (0, 0, -1)),
    'MBLLY': ('spine1', 'pelvis', 0.35, (0, 0, 1)),
    'LFHD': ('head', 'head', 0, (0.55, 0.75, 1)),
    'LBHD': ('head', 'head', 0, (0.6, 0.75, -1)),
    'LCHEECK': ('head', 'head', 0, (0.55, -0.12, 1)),
    'LSHO': ('left_collar', 'left_shoulder', 0.9, (0, 1, 0)),
    'LBSH': ('left_shoulder', 'left_shoulder', 0, (0, 0.2, -1)),
    'LBUST': ('spine3', 'left_shoulder', 0.52, (0, -0.35, 1)),
    'LBAK': ('spine3', 'left_shoulder', 0.5, (0, -0.3, -1)),
    'LSCAP': ('spine3', 'left_shoulder', 0.62, (0, 0.05, -1)),
    'LBCEP': ('left_shoulder', 'left_elbow', 0.55, (0, 0, 1)),
    'LELB': ('left_shoulder', 'left_elbow', 1, (0, 0, -1)),
    'LELBIN': ('left_shoulder', 'left_elbow', 1, (0, 0, 1)),
    'LFRM': ('left_elbow', 'left_wrist', 0.55, (0, 1, 0)),
    'LFRM2': ('left_elbow', 'left_wrist', 0.6, (0, 0, -1)),
    'LIWR': ('left_elbow', 'left_wrist', 0.98, (0, 0, 1)),
    'LOWR': ('left_elbow', 'left_wrist', 0.98, (0, 0, -1)),
    'LFIN': ('left_wrist', 'left_hand', 1, (0, 1, 0.2)),
    'LTHMB': ('left_wrist', 'left_hand', 0.75, (0, 0, 1)),
    'LNWST': ('spine1', 'spine1', 0, (1, 0, 0.1)),
    'LASI': ('pelvis', 'left_hip', 0.75, (0.15, 0.45, 1)),
    'LPSI': ('pelvis', 'left_hip', 0.45, (0, 0.3, -1)),
    'LBUM': ('pelvis', 'left_hip', 0.85, (0, -0.35, -1)),
    'LTHI': ('left_hip', 'left_knee', 0.5, (1, 0, 0)),
    'LTHILO': ('left_hip', 'left_knee', 0.75, (1, 0, 0.3)),
    'LFTHI': ('left_hip', 'left_knee', 0.45, (0, 0, 1)),
    'LFTHIIN': ('left_hip', 'left_knee', 0.45, (-1, 0, 0.5)),
    'LKNE': ('left_knee', 'left_knee', 0, (1, 0, 0)),
    'LKNI': ('left_knee', 'left_knee', 0, (-1, 0, 0)),
    'LSHN': ('left_knee', 'left_ankle', 0.4, (0.2, 0, 1)),
    'LTIB': ('left_knee', 'left_ankle', 0.7, (0.6, 0, 1)),
    'LANK': ('left_ankle', 'left_ankle', 0, (1, 0, 0)),
    'LHEE': ('left_ankle', 'left_ankle', 0, (0, -0.55, -1)),
    'LMT1': ('left_ankle', 'left_foot', 1, (-1, 0, 0)),
    'LMT5': ('left_ankle', 'left_foot', 0.9, (1, 0, -0.1)),
    'LTOE': ('left_foot', 'left_foot', 0, (-0.1, 0, 1)),
    'LRSTBEEF': ('left_ankle', 'left_foot', 0.5, (0.55, 1, 0.3)),
}


def find_markers(
    vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray, joints: np.ndarray
) -> np.ndarray:
    """Vertex of each of `MARKERS`, (67,).

    Raises:
        ValueError: A marker's ray leaves the body without meeting its skin.
    """
    found = []
    for name in MARKERS:
        rule = name if name in MARKER_RAYS else 'L' + name[1:]
        start, stop, fraction, direction = MARKER_RAYS[rule]
        origin = joints[ID[start]] + fraction * (joints[ID[stop]] - joints[ID[start]])
        hit = first_hit(origin, np.array(direction, float), vertices[faces])
        if hit is None:
            raise ValueError(f'the ray of marker {name} does not meet the skin')
        vertex = np.linalg.norm(vertices - hit, axis=1).argmin()
        found.append(vertex if rule == name else mirror[vertex])
    return np.array(found)


def first_hit(origin: np.ndarray, direction: np.ndarray, corners: np.ndarray) -> np.ndarray | None:
    """Nearest point where a ray meets triangles (F, 3, 3), or None."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(ab, ac)
    slope = normal @ direction
    with np.errstate(divide='ignore', invalid='ignore'):
        along = ((a - origin) * normal).sum(axis=1) / slope
        offset = np.cross(direction, origin - a)
        v = (ac * offset).sum(axis=1) / slope
        w = -(ab * offset).sum(axis=1) / slope
    edge = 1e-9
    hit = (along > 0) & (v >= -edge) & (w >= -edge) & (v + w <= 1 + edge)
    if not hit.any():
        return None
    return origin + along[hit].min() * direction


def find_landmarks(
    mesh: SourceMesh, rig: Rig, surface: Surface, vertices: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Vertex of each of `LANDMARKS`, (21,): the left side is looked for, the right is its mirror.

    Args:
        mesh: The source.
        rig: Its rig, whose finger and toe bones say where to look.
        surface: The surface.
        vertices: The mean body in T-pose, (V, 3) m.
        weights: Its skinning weights over our joints, (V, 24).
    """
    bones = np.zeros((len(vertices), len(rig.bones)))
    own = surface.source < len(mesh.vertices)
    bones[own] = rig.weights[surface.source[own]]
    x, y, z = vertices.T

    def farthest(inside: np.ndarray, score: np.ndarray) -> int:
        ids = np.flatnonzero(inside)
        return int(ids[score[ids].argmax()])

    head = weights[:, ID['head']] > 0.5
    found = {'nose': farthest(head, z), 'left_ear': farthest(head, x)}
    found['left_eye'] = int(np.flatnonzero(surface.source == mesh.eye_front('l'))[0])
    for number, finger in enumerate(FINGERS, start=1):
        tip = bones[:, rig.index[f'finger{number}-3.L']] > 0.4
        found[f'left_{finger}'] = farthest(tip, x - y + z if finger == 'thumb' else x)
    found['left_big_toe'] = farthest(bones[:, rig.index['toe1-2.L']] > 0.3, z)
    found['left_small_toe'] = farthest(bones[:, rig.index['toe5-3.L']] > 0.3, z)
    found['left_heel'] = farthest(weights[:, ID['left_ankle']] > 0.5, -z - 0.5 * y)
    for name in list(found):
        if name.startswith('left_'):
            found[name.replace('left_', 'right_')] = int(surface.mirror[found[name]])
    return np.array([found[name] for name in LANDMARKS])
