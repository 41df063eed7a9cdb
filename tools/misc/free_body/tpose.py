"""Bring MakeHuman's rest pose (arms and legs spread) to the T-pose of the free body."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from free_body.skeleton import ID, PARENTS, SIDES
from free_body.source import Rig

_LIMB_JOINTS = ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist', 'hand')
# Shares of the wrist's twist that the two bones of the forearm take over.
FOREARM_TWIST = (('lowerarm01', 0.25), ('lowerarm02', 0.65))


@dataclass
class TPose:
    """A mesh in T-pose about its pelvis, and how each bone moved to bring it there.

    Shapes: N vertices, K bones.
        vertices: (N, 3) m.  joints: (24, 3) m.  bone_rotations: (K, 3, 3).
        bone_shifts: (K, 3) m: a rest point x goes with a bone to `R x + shift`.
    """

    vertices: np.ndarray
    joints: np.ndarray
    bone_rotations: np.ndarray
    bone_shifts: np.ndarray


def to_tpose(vertices: np.ndarray, rig: Rig) -> TPose:
    """Straighten the limbs of a base mesh with its own rig and weights.

    Args:
        vertices: The base mesh with any phenotype's offset, (N, 3) m.
        rig: Its rig.
    """
    joints, heads = rig.joints(vertices)
    rotations, twists = _joint_rotations(joints, heads)
    posed = joints.copy()
    for i in range(1, len(PARENTS)):
        parent = PARENTS[i]
        posed[i] = posed[parent] + rotations[parent] @ (joints[i] - joints[parent])
    bone_rotations = rotations[rig.joint].copy()
    for side, left, _ in SIDES:
        for bone, share in FOREARM_TWIST:
            twist = Rotation.from_rotvec([-share * twists[left], 0, 0]).as_matrix()
            bone_rotations[rig.index[f'{bone}.{side}']] = twist @ rotations[ID[f'{left}elbow']]
    shifts = posed[rig.joint] - np.einsum('bij,bj->bi', bone_rotations, joints[rig.joint])
    shifts = shifts - posed[0]
    return TPose(
        skin_linear(vertices, rig.weights, bone_rotations, shifts),
        posed - posed[0],
        bone_rotations,
        shifts,
    )


def skin_linear(
    vertices: np.ndarray, weights: np.ndarray, rotations: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Linear blend skinning, (N, 3)."""
    blended = (weights @ rotations.reshape(-1, 9)).reshape(-1, 3, 3)
    return np.einsum('vij,vj->vi', blended, vertices) + weights @ shifts


def _shortest_rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    source, target = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis = np.cross(source, target)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, source @ target)).as_matrix()


def _joint_rotations(
    joints: np.ndarray, heads: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, float]]:
    """Global rotation of each joint that leads to the T-pose, and each forearm's twist in rad."""
    rotations, twists = np.tile(np.eye(3), (len(PARENTS), 1, 1)), {}
    for side, left, sign in SIDES:
        ids = {n: ID[left + n] for n in _LIMB_JOINTS}
        pairs = ('hip knee', 'knee ankle', 'shoulder elbow', 'elbow wrist', 'wrist hand')
        bone = {}
        for pair in pairs:
            upper, lower = pair.split()
            bone[pair] = joints[ids[lower]] - joints[ids[upper]]
        thigh, shin = bone['hip knee'], bone['knee ankle']
        spread = 0.07 * sign * np.linalg.norm(thigh)
        rotations[ids['hip']] = _shortest_rotation(thigh, np.array([spread, *thigh[1:]]))
        rotations[ids['knee']] = _shortest_rotation(shin, np.array([0.0, *shin[1:]]))
        out = np.array([sign, 0, 0])
        upper = _shortest_rotation(bone['shoulder elbow'], out)
        lower = _shortest_rotation(upper @ bone['elbow wrist'], out) @ upper
        hand = _shortest_rotation(lower @ bone['wrist hand'], out) @ lower
        wrist = heads[f'wrist.{side}']
        palm = np.cross(heads[f'finger2-1.{side}'] - wrist, heads[f'finger5-1.{side}'] - wrist)
        back = hand @ (palm * sign)  # points out of the back of the hand: turn it up
        twists[left] = np.arctan2(back[2], back[1])
        rotations[ids['shoulder']], rotations[ids['elbow']] = upper, lower
        turned = Rotation.from_rotvec([-twists[left], 0, 0]).as_matrix() @ hand
        rotations[ids['wrist']] = rotations[ids['hand']] = turned
    return rotations, twists
