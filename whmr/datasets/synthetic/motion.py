"""Mocap frames as body poses: change of axes, and from hanging arms to the body's T-pose.

The clips' figure stands with hanging arms, y up, facing +x, right = +z. A library body stands in a
T-pose, y up, facing +z, left = +x. A limb whose rest direction differs between the two gets a fixed
turn B (from the body's rest direction to the figure's); with B_p of its parent, a joint's rotation
E of the figure becomes B_p^T A E A^T B in the body, where A changes the axes.
"""

import numpy as np

from whmr.keypoints import JOINT_SETS

SMPL24 = JOINT_SETS['smpl24']
NUM_JOINTS = len(SMPL24.joints)

# Axes of the clips -> axes of the body: forward x -> z, up y -> y, right z -> -x.
CLIP_TO_BODY = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

# Where a frame holds the joints' rotations: first number, and 4 for a quaternion wxyz or 1 for an
# angle about the figure's z axis.
FRAME_LAYOUT: dict[str, tuple[int, int]] = {
    'root': (0, 4),
    'chest': (4, 4),
    'neck': (8, 4),
    'right_hip': (12, 4),
    'right_knee': (16, 1),
    'right_ankle': (17, 4),
    'right_shoulder': (21, 4),
    'right_elbow': (25, 1),
    'left_hip': (26, 4),
    'left_knee': (30, 1),
    'left_ankle': (31, 4),
    'left_shoulder': (35, 4),
    'left_elbow': (39, 1),
}
# A rotation of the figure is shared equally by these joints of the body.
SHARED: dict[str, tuple[str, ...]] = {
    'chest': ('spine1', 'spine2', 'spine3'),
    'neck': ('neck', 'head'),
}
LIMBS: dict[str, tuple[str, ...]] = {
    'arm': ('shoulder', 'elbow', 'wrist'),
    'leg': ('hip', 'knee', 'ankle'),
}


class Retargeter:
    """Turns frames of the motion clips into poses of one body.

    Args:
        rest_joints: The body's joints in its rest pose, joint set `smpl24`.

    Shapes:
        rest_joints: (24, 3) m, model frame.
    """

    def __init__(self, rest_joints: np.ndarray) -> None:
        self._to_hanging = {}
        for side in ('left', 'right'):
            for root, _, tip in LIMBS.values():
                start, end = (SMPL24.index(f'{side}_{name}') for name in (root, tip))
                along = rest_joints[end] - rest_joints[start]
                turn = _shortest_turn(along, np.array([0.0, -1.0, 0.0]))
                limb = next(names for names in LIMBS.values() if names[0] == root)
                self._to_hanging |= {f'{side}_{name}': turn for name in limb}

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The body's pose in one frame.

        Shapes:
            frame: (40,) or longer, the rotation numbers of a clip's frame.
            returns: global_orient (3, 3), the body's orientation in a world whose y is up; body
            rest orientation = facing +z.  body_pose (23, 3, 3).
        """
        pose = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
        for name, (first, size) in FRAME_LAYOUT.items():
            rotation = _frame_rotation(frame[first : first + size].astype(np.float64))
            rotation = CLIP_TO_BODY @ rotation @ CLIP_TO_BODY.T
            if name == 'root':
                pose[0] = rotation
            elif name in SHARED:
                part = rotation_from_vector(vector_of_rotation(rotation) / len(SHARED[name]))
                pose[[SMPL24.index(joint) for joint in SHARED[name]]] = part
            else:
                # The hip and the shoulder hang on the trunk, which is not turned at rest.
                turn = self._to_hanging[name]
                at_trunk = name.endswith(('hip', 'shoulder'))
                pose[SMPL24.index(name)] = (np.eye(3) if at_trunk else turn.T) @ rotation @ turn
        for side in ('left', 'right'):  # feet keep their rest shape: only the leg was turned
            ankle = SMPL24.index(f'{side}_ankle')
            pose[ankle] = pose[ankle] @ self._to_hanging[f'{side}_ankle'].T
        return pose[0], pose[1:]


def mirror_pose(global_orient: np.ndarray, body_pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pose with left and right swapped (a mirror at the body's x = 0 plane).

    Shapes:
        global_orient: (3, 3), body_pose: (23, 3, 3).  returns: the same.
    """
    pose = np.concatenate([global_orient[None], body_pose])[list(SMPL24.flip_permutation)]
    flip = np.array([-1.0, 1.0, 1.0])
    pose = flip[:, None] * pose * flip
    return pose[0], pose[1:]


def rotation_from_vector(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of a rotation vector (axis times angle).

    Shapes:
        vector: (3,) rad.  returns: (3, 3).
    """
    angle = float(np.linalg.norm(vector))
    return turn_about(vector / angle, angle) if angle > 1e-12 else np.eye(3)


def vector_of_rotation(rotation: np.ndarray) -> np.ndarray:
    """Rotation vector of a rotation by less than pi.

    Shapes:
        rotation: (3, 3).  returns: (3,) rad.
    """
    axis = np.array(
        [
            rotation[2, 1] - rotation[1, 2],
            rotation[0, 2] - rotation[2, 0],
            rotation[1, 0] - rotation[0, 1],
        ]
    )
    sine = np.linalg.norm(axis) / 2
    if sine < 1e-9:
        return np.zeros(3)
    return axis / (2 * sine) * np.arctan2(sine, (np.trace(rotation) - 1) / 2)


def turn_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation matrix of a turn about a unit axis (Rodrigues' formula).

    Shapes:
        axis: (3,).  angle: rad.  returns: (3, 3).
    """
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _frame_rotation(numbers: np.ndarray) -> np.ndarray:
    if len(numbers) == 1:
        return turn_about(np.array([0.0, 0.0, 1.0]), float(numbers[0]))
    w, x, y, z = numbers / np.linalg.norm(numbers)
    norm = np.sqrt(x * x + y * y + z * z)
    if norm < 1e-9:
        return np.eye(3)
    return turn_about(np.array([x, y, z]) / norm, 2 * np.arctan2(norm, w))


def _shortest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation without twist that brings one direction onto another."""
    axis = np.cross(source, target)
    norm = np.linalg.norm(axis)
    if norm < 1e-9:
        return np.eye(3)
    return turn_about(axis / norm, np.arctan2(norm, source @ target))
