"""Named joint sets as tables.

One vocabulary of names: two sets share a name when a data set's annotation and another's are taken
for the same point. The `_lsp`, `_mpii` and `_h36m` joints are annotators' points, which differ from
the body model's joint of that kind (`left_hip` is the model's, `left_hip_lsp` the annotated one).
`op_` joints are OpenPose detections, kept apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType


@dataclass(frozen=True)
class JointSet:
    """An ordered, named set of joints.

    Args:
        name: Name of the set.
        joints: Name of each joint, in order, no name twice.

    Raises:
        ValueError: A name occurs twice.
    """

    name: str
    joints: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f'joint set {self.name}: a joint name occurs twice')

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint.

        Args:
            joint: Its name.

        Raises:
            KeyError: The set has no such joint.
        """
        if joint not in self._positions:
            raise KeyError(f'joint set {self.name} has no joint {joint!r}; it has {self.joints}')
        return self._positions[joint]

    def __contains__(self, joint: object) -> bool:
        return joint in self._positions

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {joint: i for i, joint in enumerate(self.joints)}

    @cached_property
    def flip_permutation(self) -> tuple[int, ...]:
        """Index of each joint's mirror partner (left <-> right; itself for a middle joint)."""
        return tuple(self.index(mirror_name(joint)) for joint in self.joints)


def mirror_name(joint: str) -> str:
    """Name of the joint on the other side of the body.

    Args:
        joint: A joint's name; a name without `left_` or `right_` is its own mirror.
    """
    if 'left_' in joint:
        return joint.replace('left_', 'right_')
    return joint.replace('right_', 'left_')


_SMPL24 = (
    'pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2',
    'left_ankle', 'right_ankle', 'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar',
    'right_collar', 'head', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
    'left_wrist', 'right_wrist', 'left_hand', 'right_hand',
)  # fmt: skip
_LANDMARKS = (
    'nose', 'right_eye', 'left_eye', 'right_ear', 'left_ear', 'left_big_toe', 'left_small_toe',
    'left_heel', 'right_big_toe', 'right_small_toe', 'right_heel', 'left_thumb', 'left_index',
    'left_middle', 'left_ring', 'left_pinky', 'right_thumb', 'right_index', 'right_middle',
    'right_ring', 'right_pinky',
)  # fmt: skip
_EXTRAS = (
    'right_hip_lsp', 'left_hip_lsp', 'neck_lsp', 'head_top_lsp', 'pelvis_mpii', 'thorax_mpii',
    'spine_h36m', 'jaw_h36m', 'head_h36m',
)  # fmt: skip
_SMPL54 = _SMPL24 + _LANDMARKS + _EXTRAS
_OPENPOSE25 = (
    'op_nose', 'op_neck', 'op_right_shoulder', 'op_right_elbow', 'op_right_wrist',
    'op_left_shoulder', 'op_left_elbow', 'op_left_wrist', 'op_mid_hip', 'op_right_hip',
    'op_right_knee', 'op_right_ankle', 'op_left_hip', 'op_left_knee', 'op_left_ankle',
    'op_right_eye', 'op_left_eye', 'op_right_ear', 'op_left_ear', 'op_left_big_toe',
    'op_left_small_toe', 'op_left_heel', 'op_right_big_toe', 'op_right_small_toe',
    'op_right_heel',
)  # fmt: skip
_LSP14 = (
    'right_ankle', 'right_knee', 'right_hip_lsp', 'left_hip_lsp', 'left_knee', 'left_ankle',
    'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist',
    'neck_lsp', 'head_top_lsp',
)  # fmt: skip
_SPIN24 = _LSP14 + (
    'pelvis_mpii', 'thorax_mpii', 'spine_h36m', 'jaw_h36m', 'head_h36m', 'nose', 'left_eye',
    'right_eye', 'left_ear', 'right_ear',
)  # fmt: skip
_H36M17 = (
    'pelvis_mpii', 'left_hip_lsp', 'left_knee', 'left_ankle', 'right_hip_lsp', 'right_knee',
    'right_ankle', 'spine_h36m', 'neck_lsp', 'jaw_h36m', 'head_h36m', 'left_shoulder',
    'left_elbow', 'left_wrist', 'right_shoulder', 'right_elbow', 'right_wrist',
)  # fmt: skip
_COCO17 = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder',
    'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip_lsp', 'right_hip_lsp',
    'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
# MediaPipe's BlazePose. Its hips stand for the annotated ones, as COCO's do.
_BLAZEPOSE33 = (
    'nose', 'left_eye_inner', 'left_eye', 'left_eye_outer', 'right_eye_inner', 'right_eye',
    'right_eye_outer', 'left_ear', 'right_ear', 'left_mouth', 'right_mouth', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
    'left_pinky_knuckle', 'right_pinky_knuckle', 'left_index_knuckle', 'right_index_knuckle',
    'left_thumb_knuckle', 'right_thumb_knuckle', 'left_hip_lsp', 'right_hip_lsp', 'left_knee',
    'right_knee', 'left_ankle', 'right_ankle', 'op_left_heel', 'op_right_heel', 'op_left_big_toe',
    'op_right_big_toe',
)  # fmt: skip

# Body-model joints (smpl54) that make the 49: 25 as OpenPose has them, then the 24 annotated ones.
SMPL54_TO_SPIN49: tuple[int, ...] = (
    24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
    8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27,
)  # fmt: skip

# Protocol tables. J14: right leg up, left leg down, right arm in, left arm out, neck, head top.
H36M17_TO_J14: tuple[int, ...] = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
H36M17_TO_J17: tuple[int, ...] = H36M17_TO_J14 + (0, 7, 9)
# Of the annotated joints the protocol takes Human3.6M's head, too: that set has no head top.
SPIN24_TO_J17: tuple[int, ...] = tuple(range(13)) + (18, 14, 16, 17)
SPIN24_TO_J14: tuple[int, ...] = SPIN24_TO_J17[:14]

# Where the spin24 joints begin in spin49.
NUM_OPENPOSE_JOINTS = 25

JOINT_SETS: Mapping[str, JointSet] = MappingProxyType(
    {
        name: JointSet(name, joints)
        for name, joints in {
            'smpl24': _SMPL24,
            'smpl45': _SMPL24 + _LANDMARKS,
            'smpl54': _SMPL54,
            'spin49': _OPENPOSE25 + _SPIN24,
            'spin24': _SPIN24,
            'h36m17': _H36M17,
            'j14': _LSP14,
            'j17': tuple(_SPIN24[i] for i in SPIN24_TO_J17),
            'lsp14': _LSP14,
            'coco17': _COCO17,
            'openpose25': _OPENPOSE25,
            'blazepose33': _BLAZEPOSE33,
        }.items()
    }
)

# The body-model joint that stands for each OpenPose joint.
OPENPOSE_TO_SMPL: Mapping[str, str] = MappingProxyType(
    {joint: _SMPL54[i] for joint, i in zip(_OPENPOSE25, SMPL54_TO_SPIN49)}
)
