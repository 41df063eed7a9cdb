"""A person's movement as a BVH file (Biovision hierarchy)."""

import numpy as np

from whmr.visualization.export.animated_glb import check_rate
from whmr.visualization.export.body_rig import JOINT_NAMES
from whmr.visualization.export.person_motion import PersonMotion

ROTATIONS = 'Zrotation Xrotation Yrotation'
_GIMBAL = 1e-6  # how near to 1 a sine counts as 1


def encode_bvh(motion: PersonMotion, *, fps: float) -> bytes:
    """One person: the skeleton in T-pose, and its pose in each frame; metres, y up, degrees.

    The pelvis has six channels, `Xposition Yposition Zposition Zrotation Xrotation Yrotation`, the
    other joints the last three: a joint's rotation is Rz Rx Ry. Frames go from the first to the
    last that the person is seen in; in a gap the last pose stays. Joints come depth first.

    Args:
        motion: The person.
        fps: Frames per second.

    Raises:
        ValueError: If `fps` is no frame rate.
    """
    check_rate(fps)
    order = _depth_first(motion.rig.parents)
    span = np.arange(motion.frames[0], motion.frames[-1] + 1)
    held = np.searchsorted(motion.frames, span, side='right') - 1
    angles = euler_zxy(motion.rotations)[held][:, order].reshape(len(span), -1)
    table = np.concatenate([motion.pelvis[held], angles], axis=1)
    lines = ['HIERARCHY', *_hierarchy(motion.rig.bones(), motion.rig.parents)]
    lines += ['MOTION', f'Frames: {len(span)}', f'Frame Time: {1 / fps:.8f}']
    lines += [' '.join(f'{value:.6f}' for value in row) for row in table.tolist()]
    return ('\n'.join(lines) + '\n').encode()


def euler_zxy(rotations: np.ndarray) -> np.ndarray:
    """Angles of R = Rz(a) Rx(b) Ry(c) that run smoothly from frame to frame.

    Of the two triples that give a rotation, and all that differ by full turns, the one that is
    nearest to the frame before is taken (at first, the one with b in [-90, 90]).

    Shapes: T frames.
        rotations: (T, ..., 3, 3).  returns: (T, ..., 3) a, b, c in degrees.
    """
    r = rotations.astype(np.float64)
    sine = np.clip(r[..., 2, 1], -1, 1)
    locked = np.abs(sine) > 1 - _GIMBAL**2
    a = np.where(
        locked,
        np.arctan2(r[..., 1, 0], r[..., 0, 0]),
        np.arctan2(-r[..., 0, 1], r[..., 1, 1]),
    )
    # The cosine from its own two entries: an arc sine alone is inexact near 90 degrees.
    b = np.arctan2(r[..., 2, 1], np.hypot(r[..., 0, 1], r[..., 1, 1]))
    c = np.where(locked, 0.0, np.arctan2(-r[..., 2, 0], r[..., 2, 2]))
    one = np.degrees(np.stack([a, b, c], axis=-1))
    other = np.stack([one[..., 0] + 180, 180 - one[..., 1], one[..., 2] + 180], axis=-1)
    out = one.copy()
    for frame in range(1, len(out)):
        before = out[frame - 1]
        near = [t - 360 * np.round((t - before) / 360) for t in (one[frame], other[frame])]
        change = [np.abs(t - before).sum(-1, keepdims=True) for t in near]
        out[frame] = np.where(change[0] <= change[1], near[0], near[1])
    return out


def _depth_first(parents: tuple[int, ...]) -> list[int]:
    """The joints in the order in which a nested text names them."""

    def below(joint: int) -> list[int]:
        children = [i for i, parent in enumerate(parents) if parent == joint]
        return [joint, *(found for child in children for found in below(child))]

    return below(0)


def _hierarchy(bones: np.ndarray, parents: tuple[int, ...]) -> list[str]:
    def numbers(values: np.ndarray) -> str:
        return ' '.join(f'{value:.6f}' for value in values.tolist())

    def block(joint: int, indent: str) -> list[str]:
        inner = indent + '  '
        children = [i for i, parent in enumerate(parents) if parent == joint]
        offset = bones[joint] if joint else np.zeros(3)  # the channels say where the pelvis is
        position = '' if joint else 'Xposition Yposition Zposition '
        lines = [
            f'{indent}{"JOINT" if joint else "ROOT"} {JOINT_NAMES[joint]}',
            f'{indent}{{',
            f'{inner}OFFSET {numbers(offset)}',
            f'{inner}CHANNELS {3 if joint else 6} {position}{ROTATIONS}',
        ]
        for child in children:
            lines += block(child, inner)
        if not children:
            end = ('End Site', '{', f'  OFFSET {numbers(bones[joint] / 2)}', '}')
            lines += [inner + line for line in end]
        return [*lines, f'{indent}}}']

    return block(0, '')
