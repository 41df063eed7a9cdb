"""The 24 joints of the free body, in SMPL's order, and the MakeHuman bones that they stand for."""

import numpy as np

NAMES = (
    'pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2',
    'left_ankle', 'right_ankle', 'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar',
    'right_collar', 'head', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
    'left_wrist', 'right_wrist', 'left_hand', 'right_hand',
)  # fmt: skip
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
ID = {name: i for i, name in enumerate(NAMES)}
# Letter of the side in MakeHuman's names, prefix in ours, sign of x.
SIDES = (('L', 'left_', 1.0), ('R', 'right_', -1.0))


def swap_side(name: str) -> str:
    """Name of the joint on the other side."""
    if name.startswith('left_'):
        return name.replace('left_', 'right_')
    return name.replace('right_', 'left_')


MIRROR = np.array([ID[swap_side(name)] for name in NAMES])


def _bone_to_joint() -> dict[str, str]:
    table = {
        'root': 'pelvis',
        'spine03': 'spine1',
        'spine02': 'spine2',
        'spine01': 'spine3',
        'neck01': 'neck',
        'head': 'head',
    }
    for side, left, _ in SIDES:
        table |= {
            f'upperleg01.{side}': f'{left}hip',
            f'lowerleg01.{side}': f'{left}knee',
            f'foot.{side}': f'{left}ankle',
            f'clavicle.{side}': f'{left}collar',
            f'upperarm01.{side}': f'{left}shoulder',
            f'lowerarm01.{side}': f'{left}elbow',
            f'wrist.{side}': f'{left}wrist',
            f'finger1-2.{side}': f'{left}hand',
        }
        table |= {f'toe{i}-1.{side}': f'{left}foot' for i in range(1, 6)}
        table |= {f'finger{i}-1.{side}': f'{left}hand' for i in range(2, 6)}
    return table


def _joint_heads() -> dict[str, list[str]]:
    table = {
        'pelvis': ['spine04'],
        'spine1': ['spine03'],
        'spine2': ['spine02'],
        'spine3': ['spine01'],
        'neck': ['neck01'],
        'head': ['head'],
    }
    for side, left, _ in SIDES:
        table |= {
            f'{left}hip': [f'upperleg01.{side}'],
            f'{left}knee': [f'lowerleg01.{side}'],
            f'{left}ankle': [f'foot.{side}'],
            f'{left}foot': [f'toe{i}-1.{side}' for i in range(1, 5)],
            f'{left}collar': [f'clavicle.{side}'],
            f'{left}shoulder': [f'upperarm01.{side}'],
            f'{left}elbow': [f'lowerarm01.{side}'],
            f'{left}wrist': [f'wrist.{side}'],
            f'{left}hand': [f'finger{i}-1.{side}' for i in range(2, 6)],
        }
    return table


# First bone of each joint; a bone that is not named here follows its nearest named ancestor.
BONE_TO_JOINT = _bone_to_joint()
# Bone heads that are averaged into each joint's position.
JOINT_HEADS = _joint_heads()
