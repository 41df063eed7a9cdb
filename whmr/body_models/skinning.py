"""Linear blend skinning: the arithmetic that every body model here shares.

The formulation is SMPL's (Loper et al., SIGGRAPH Asia 2015): shape and pose blend shapes, joints
regressed from the shaped rest mesh, a kinematic chain, and a weighted sum of the joints' transforms
per vertex.
"""

import torch
from torch import Tensor


def joint_groups(parents: tuple[int, ...]) -> list[tuple[int, int]]:
    """Split the joints into runs whose parents all come before the run.

    Each run is then one batched product.

    Args:
        parents: Parent of each joint, the root's is -1; parents come before their children.

    Raises:
        ValueError: A parent does not come before its child.

    Shapes: returns: list of (start, stop) over the joints after the root.
    """
    if parents[0] != -1 or any(not 0 <= p < i for i, p in enumerate(parents[1:], start=1)):
        raise ValueError(
            f'kinematic tree: the root comes first and each parent before its child, got {parents}'
        )
    groups, start = [], 1
    for joint in range(1, len(parents) + 1):
        if joint == len(parents) or parents[joint] >= start:
            groups.append((start, joint))
            start = joint
    return groups


def kinematic_chain(
    rotations: Tensor, rest_joints: Tensor, parents: Tensor, groups: list[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """Carry each joint's rotation down the tree.

    Args:
        rotations: Rotation of each joint relative to its parent (any 3x3 matrices).
        rest_joints: Joint positions of the rest pose.
        parents: Parent of each joint.
        groups: Runs of joints from `joint_groups`.

    Shapes: B batch, J joints; m, model frame.
        rotations: (B, J, 3, 3).  rest_joints: (B, J, 3).  parents: (J,) int64.
        returns: global matrices (B, J, 3, 3) and posed joint positions (B, J, 3).
    """
    bones = torch.cat(
        [rest_joints[:, :1], rest_joints[:, 1:] - rest_joints.index_select(1, parents[1:])], dim=1
    )
    local = torch.cat([rotations, bones[..., None]], dim=-1)
    chain = local[:, :1]
    for start, stop in groups:
        above = chain.index_select(1, parents[start:stop])
        step = torch.matmul(above[..., :3], local[:, start:stop])
        step = torch.cat([step[..., :3], step[..., 3:] + above[..., 3:]], dim=-1)
        chain = torch.cat([chain, step], dim=1)
    return chain[..., :3], chain[..., 3]


def skin(
    points: Tensor, weights: Tensor, matrices: Tensor, joints: Tensor, rest_joints: Tensor
) -> Tensor:
    """Move each rest point by the weighted sum of the joints' transforms.

    Coordinates come before vertices in memory: the blend is one matrix product and the rest runs
    over long rows.

    Args:
        points: Shaped (and pose-corrected) rest points, coordinates first.
        weights: Skinning weights, joints first.
        matrices: Global matrix of each joint.
        joints: Posed joint positions.
        rest_joints: Joint positions of the rest pose.

    Shapes: B batch, J joints, V vertices; m, model frame.
        points: (B, 3, V).  weights: (J, V).  matrices: (B, J, 3, 3).
        joints, rest_joints: (B, J, 3).
        returns: (B, 3, V).
    """
    batch, num_joints = matrices.shape[:2]
    shift = joints - torch.matmul(matrices, rest_joints[..., None])[..., 0]
    transforms = torch.cat([matrices, shift[..., None]], dim=-1)  # (B, J, 3, 4)
    transforms = transforms.permute(0, 3, 2, 1).reshape(batch * 12, num_joints)
    blended = torch.matmul(transforms, weights)
    blended = blended.reshape(batch, 4, 3, weights.shape[1])  # column of the 3x4, row, vertex
    out = torch.addcmul(blended[:, 3], blended[:, 0], points[:, 0:1])
    out = torch.addcmul(out, blended[:, 1], points[:, 1:2])
    return torch.addcmul(out, blended[:, 2], points[:, 2:3])
