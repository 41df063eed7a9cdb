"""Named joint sets, conversion between them by name, and mirroring."""

from whmr.keypoints.convert import convert_keypoints, flip_keypoints, get_joint_set
from whmr.keypoints.joint_sets import (
    H36M17_TO_J14,
    H36M17_TO_J17,
    JOINT_SETS,
    NUM_OPENPOSE_JOINTS,
    OPENPOSE_TO_SMPL,
    SMPL54_TO_SPIN49,
    SPIN24_TO_J14,
    SPIN24_TO_J17,
    JointSet,
)

__all__ = [
    'H36M17_TO_J14',
    'H36M17_TO_J17',
    'JOINT_SETS',
    'NUM_OPENPOSE_JOINTS',
    'OPENPOSE_TO_SMPL',
    'SMPL54_TO_SPIN49',
    'SPIN24_TO_J14',
    'SPIN24_TO_J17',
    'JointSet',
    'convert_keypoints',
    'flip_keypoints',
    'get_joint_set',
]
