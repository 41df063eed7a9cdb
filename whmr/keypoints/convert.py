"""Conversion of keypoints between joint sets, and mirroring."""

from functools import cache
from typing import TypeVar

import numpy as np
from torch import Tensor

from whmr.keypoints.joint_sets import JOINT_SETS, OPENPOSE_TO_SMPL, JointSet

Array = TypeVar('Array', np.ndarray, Tensor)


def get_joint_set(name: str) -> JointSet:
    """A joint set by its name.

    Args:
        name: A key of `JOINT_SETS`.

    Raises:
        KeyError: No such set.
    """
    if name not in JOINT_SETS:
        raise KeyError(f'unknown joint set {name!r}; known: {", ".join(sorted(JOINT_SETS))}')
    return JOINT_SETS[name]


def convert_keypoints(
    keypoints: Array, conf: Array | None, source: str, target: str
) -> tuple[Array, Array]:
    """Reorder keypoints from one joint set to another, by name.

    A joint that the source lacks gets zeros. Between a body model's joints (`smpl*`) and OpenPose's
    (`op_*`), each OpenPose joint stands for the model joint that the 49-joint set takes for it.
    Annotated joints and OpenPose detections are never taken for one another.

    Args:
        keypoints: Keypoints of the source set.
        conf: Their confidences; None = all 1.
        source: Name of their joint set.
        target: Name of the wanted joint set.

    Shapes: K source joints, T target joints, D numbers per joint.
        keypoints: (..., K, D).  conf: (..., K).
        returns: (..., T, D) and (..., T), new arrays of the same kind.

    Raises:
        KeyError: An unknown joint set.
        ValueError: A shape does not match the source set.
    """
    indices = _conversion(source, target)
    _check(keypoints, conf, get_joint_set(source))
    picked = [max(i, 0) for i in indices]
    missing = [k for k, i in enumerate(indices) if i < 0]
    out = keypoints[..., picked, :]
    out_conf = _ones(out[..., 0]) if conf is None else conf[..., picked]
    if missing:
        out[..., missing, :] = 0
        out_conf[..., missing] = 0
    return out, out_conf


def flip_keypoints(
    keypoints: Array, conf: Array | None, joint_set: str, *, width: float = 0.0
) -> tuple[Array, Array | None]:
    """Mirror keypoints left to right: `x -> width - x`, left and right joints exchanged.

    Args:
        keypoints: Keypoints; the first of their numbers is x.
        conf: Their confidences, or None.
        joint_set: Name of their joint set.
        width: Image width for pixels (twice the mirror column in general); 0 for 3D joints and for
            coordinates in [-1, 1].

    Shapes: K joints, D numbers per joint.
        keypoints: (..., K, D).  conf: (..., K).  returns: the same shapes, new arrays.

    Raises:
        KeyError: An unknown joint set.
        ValueError: A shape does not match the set.
    """
    joints = get_joint_set(joint_set)
    _check(keypoints, conf, joints)
    order = list(joints.flip_permutation)
    out = keypoints[..., order, :]
    out[..., 0] = width - out[..., 0]
    return out, None if conf is None else conf[..., order]


@cache
def _conversion(source: str, target: str) -> tuple[int, ...]:
    """Index into the source set of each target joint, -1 where the source has none."""
    source_set, target_set = get_joint_set(source), get_joint_set(target)
    synonyms: dict[str, str] = {}
    if source.startswith('smpl'):
        synonyms = dict(OPENPOSE_TO_SMPL)
    elif target.startswith('smpl'):
        synonyms = {joint: name for name, joint in OPENPOSE_TO_SMPL.items()}
    indices = []
    for joint in target_set.joints:
        names = [name for name in (joint, synonyms.get(joint)) if name in source_set]
        indices.append(source_set.index(names[0]) if names else -1)
    return tuple(indices)


def _ones(like: Array) -> Array:
    return like.new_ones(like.shape) if isinstance(like, Tensor) else np.ones_like(like)


def _check(keypoints: Array, conf: Array | None, joints: JointSet) -> None:
    if keypoints.ndim < 2 or keypoints.shape[-2] != len(joints):
        raise ValueError(
            f'keypoints: joint set {joints.name} needs shape (..., {len(joints)}, D), '
            f'got {tuple(keypoints.shape)}'
        )
    if conf is not None and tuple(conf.shape) != tuple(keypoints.shape[:-1]):
        raise ValueError(
            f'conf: expected shape {tuple(keypoints.shape[:-1])}, got {tuple(conf.shape)}'
        )
