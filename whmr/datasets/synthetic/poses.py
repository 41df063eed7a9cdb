"""Poses of the synthetic people: motion capture with noise, random limbs inside joint limits."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from whmr.datasets.synthetic.motion import (
    NUM_JOINTS,
    SMPL24,
    Retargeter,
    mirror_pose,
    rotation_from_vector,
    vector_of_rotation,
)

# Random limbs: range of each component of the joint's rotation vector away from the T-pose, rad,
# for the left side (the right side mirrors it: y and z change sign). x bends a leg, y an elbow.
LIMB_LIMITS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    'hip': ((-1.3, 0.4), (-0.3, 0.3), (-0.15, 0.5)),
    'knee': ((0.0, 1.9), (-0.05, 0.05), (-0.05, 0.05)),
    'ankle': ((-0.4, 0.4), (-0.2, 0.2), (-0.15, 0.15)),
    'shoulder': ((-0.5, 0.5), (-1.4, 0.4), (-1.45, 0.9)),
    'elbow': ((-0.4, 0.4), (-2.2, 0.0), (-0.1, 0.1)),
    'wrist': ((-0.4, 0.4), (-0.3, 0.3), (-0.6, 0.6)),
}
# Trunk, for everyone (a middle joint; the same range to both sides).
TRUNK_LIMITS: dict[str, float] = {
    'spine1': 0.35,
    'spine2': 0.3,
    'spine3': 0.3,
    'neck': 0.45,
    'head': 0.4,
}
# Standard deviation of the noise on motion-captured joints, rad.
NOISE: dict[str, float] = {
    'hip': 0.06,
    'knee': 0.06,
    'ankle': 0.08,
    'foot': 0.06,
    'collar': 0.06,
    'shoulder': 0.12,
    'elbow': 0.12,
    'wrist': 0.25,
    'spine': 0.04,
    'neck': 0.08,
    'head': 0.12,
}
ARM, LEG = ('shoulder', 'elbow', 'wrist'), ('hip', 'knee', 'ankle')
SIDES = ('left', 'right')
# An elbow or wrist nearer than this to the line of the trunk would be inside the body, m.
TRUNK_RADIUS, HEAD_RADIUS, LEG_RADIUS = 0.17, 0.17, 0.13


@dataclass(frozen=True)
class SampledPose:
    """A pose, facing +z of a world whose y is up.

    Shapes:
        global_orient: (3, 3).  body_pose: (23, 3, 3).  clearance: m above the ground.
    """

    global_orient: np.ndarray
    body_pose: np.ndarray
    clearance: float


class PoseSampler:
    """Draws poses from motion clips and joint limits.

    Args:
        clips: Motion clips by name.
        weights: How often each is drawn (relative).
        rest_joints: The body's joints in its rest pose, joint set `smpl24`.
        parents: Parent of each joint, -1 for the root.
        clip_share: Share of the poses that come from a clip; the rest stand with random limbs.
        arm_share: Share of the clip poses whose arms are replaced by random ones.
        mixing: Chance of each limb of a clip pose to come from another frame of any clip; a leg's
            is half of it. A few clips so give far more poses than they have frames.

    Shapes: T frames.
        clips: (T, 41) each.  rest_joints: (24, 3) m, model frame.  parents: (24,).
    """

    def __init__(
        self,
        clips: dict[str, np.ndarray],
        weights: dict[str, float],
        *,
        rest_joints: np.ndarray,
        parents: np.ndarray,
        clip_share: float = 0.75,
        arm_share: float = 0.2,
        mixing: float = 0.0,
    ) -> None:
        self.clips = clips
        self.names = tuple(weights)
        self.probabilities = np.array([weights[name] for name in self.names])
        self.probabilities /= self.probabilities.sum()
        self.rest_joints = np.asarray(rest_joints, dtype=np.float64)
        self.parents = np.asarray(parents)
        self.clip_share = clip_share
        self.arm_share = arm_share
        self.mixing = mixing
        self._retarget = Retargeter(self.rest_joints)

    def __call__(self, rng: np.random.Generator) -> SampledPose:
        """Draw one pose.

        Shapes: as in `SampledPose`.
        """
        if rng.random() < self.clip_share:
            return self._from_clip(rng)
        return self._standing(rng)

    def _from_clip(self, rng: np.random.Generator) -> SampledPose:
        orient, pose, clearance = self._frame(rng)
        if self.mixing:  # without it nothing is drawn: poses stay those of their seed
            pose = self._with_other_limbs(pose, rng)
        pose = self._with_noise(pose, rng)
        if rng.random() < self.arm_share:
            pose = self._with_random_limbs(pose, [(side, ARM) for side in SIDES], rng)
        return SampledPose(orient, pose, clearance)

    def _frame(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
        """Orientation, pose and clearance of a frame, or of its mirror image."""
        clip = self.clips[self.names[rng.choice(len(self.names), p=self.probabilities)]]
        frame = clip[rng.integers(len(clip))]
        orient, pose = self._retarget(frame)
        if rng.random() < 0.5:
            orient, pose = mirror_pose(orient, pose)
        return orient, pose, float(frame[40])

    def _with_other_limbs(self, pose: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Limbs of other frames, where they do not run through the body."""
        for limb, chance in ((ARM, self.mixing), (LEG, 0.5 * self.mixing)):
            names = ('collar', *limb) if limb == ARM else limb
            for side in SIDES:
                if rng.random() >= chance:
                    continue
                _, other, _ = self._frame(rng)
                candidate = pose.copy()
                for name in names:
                    index = SMPL24.index(f'{side}_{name}') - 1
                    candidate[index] = other[index]
                if self._is_clear(candidate, side, limb):
                    pose = candidate
        return pose

    def _standing(self, rng: np.random.Generator) -> SampledPose:
        """Upright, with random arms, a random trunk, and sometimes one random leg."""
        pose = np.tile(np.eye(3), (NUM_JOINTS - 1, 1, 1))
        for name, limit in TRUNK_LIMITS.items():
            pose[SMPL24.index(name) - 1] = _random_turn(0.4 * limit, rng)
        spread = rng.uniform(-0.05, 0.3)
        bend = rng.uniform(0, 0.5) * (rng.random() < 0.5)
        for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
            hip = rotation_from_vector(np.array([-0.5 * bend, 0, sign * spread]))
            knee = rotation_from_vector(np.array([bend, 0, 0]))
            ankle = rotation_from_vector(np.array([-0.5 * bend, 0, -sign * spread]))
            for name, rotation in zip(LEG, (hip, knee, ankle), strict=True):
                pose[SMPL24.index(f'{side}_{name}') - 1] = rotation
        limbs = [(side, ARM) for side in SIDES]
        if rng.random() < 0.35:
            limbs.append((SIDES[rng.integers(2)], LEG))
        pose = self._with_random_limbs(pose, limbs, rng)
        lean = rotation_from_vector(rng.normal(0, 0.08, 3) * [1.0, 0.0, 1.0])
        return SampledPose(lean, pose, 0.0)

    def _with_noise(self, pose: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        pose = pose.copy()
        for index, name in enumerate(SMPL24.joints[1:]):
            kind = name.split('_')[-1].rstrip('123')
            scale = NOISE.get(kind)
            if scale is None:
                continue
            vector = rng.normal(0, scale, 3)
            if kind in ('knee', 'elbow'):  # a hinge: it bends, and does not twist much
                axis = 0 if kind == 'knee' else 1
                sign = -1.0 if name == 'left_elbow' else 1.0
                vector *= np.where(np.arange(3) == axis, 1.0, 0.2)
                if sign * vector_of_rotation(pose[index])[axis] + sign * vector[axis] < 0:
                    vector[axis] *= -1  # never over the straight limb
            pose[index] = pose[index] @ rotation_from_vector(vector)
        return pose

    def _with_random_limbs(
        self,
        pose: np.ndarray,
        limbs: list[tuple[str, tuple[str, ...]]],
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Replace whole limbs by random ones that do not run through the body."""
        for side, names in limbs:
            flip = np.array([1.0, 1.0, 1.0] if side == 'left' else [1.0, -1.0, -1.0])
            for _ in range(10):
                candidate = pose.copy()
                for name in names:
                    low, high = np.array(LIMB_LIMITS[name]).T
                    # The mean of two draws: extremes are rare. Arms rather hang.
                    vector = low + (high - low) * rng.random((2, 3)).mean(0)
                    if name == 'shoulder':
                        vector[2] = low[2] + (high[2] - low[2]) * rng.beta(0.9, 1.7)
                    if name in ('hip', 'knee'):
                        vector *= 0.7
                    index = SMPL24.index(f'{side}_{name}') - 1
                    candidate[index] = rotation_from_vector(vector * flip)
                if self._is_clear(candidate, side, names):
                    pose = candidate
                    break
            else:
                pose = self._with_hanging_limb(pose, side, names)
        return pose

    def _with_hanging_limb(self, pose: np.ndarray, side: str, names: tuple[str, ...]) -> np.ndarray:
        pose = pose.copy()
        for name in names:
            pose[SMPL24.index(f'{side}_{name}') - 1] = np.eye(3)
        if names == ARM:
            sign = -1.0 if side == 'left' else 1.0
            down = rotation_from_vector(np.array([0.0, 0.0, sign * 1.25]))
            pose[SMPL24.index(f'{side}_shoulder') - 1] = down
        return pose

    def _is_clear(self, pose: np.ndarray, side: str, names: tuple[str, ...]) -> bool:
        """Whether the outer joints of a limb are outside the trunk, the head and the other leg."""
        joints = self.pose_joints(pose)

        def at(name: str) -> np.ndarray:
            return joints[SMPL24.index(name)]

        other = 'right' if side == 'left' else 'left'
        leg = (at(f'{other}_hip'), at(f'{other}_knee'), at(f'{other}_ankle'))
        if names == LEG:
            points = np.stack([at(f'{side}_knee'), at(f'{side}_ankle'), at(f'{side}_foot')])
            return _distance(points, leg) > LEG_RADIUS
        wrist, elbow, hand = at(f'{side}_wrist'), at(f'{side}_elbow'), at(f'{side}_hand')
        points = np.stack([wrist, 0.5 * (wrist + elbow), 2 * hand - wrist])
        own_leg = (at(f'{side}_hip'), at(f'{side}_knee'), at(f'{side}_ankle'))
        trunk = (at('pelvis'), at('spine2'), at('neck'))
        return (
            _distance(points, trunk) > TRUNK_RADIUS
            and _distance(points, (at('neck'), at('head'))) > HEAD_RADIUS
            and _distance(points, own_leg) > LEG_RADIUS
            and _distance(points, leg) > LEG_RADIUS
        )

    def pose_joints(self, body_pose: np.ndarray) -> np.ndarray:
        """The body's joints in a pose, pelvis at rest.

        Shapes:
            body_pose: (23, 3, 3).  returns: (24, 3) m, model frame.
        """
        rotations = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
        joints = self.rest_joints.copy()
        for joint in range(1, NUM_JOINTS):
            parent = self.parents[joint]
            offset = self.rest_joints[joint] - self.rest_joints[parent]
            joints[joint] = joints[parent] + rotations[parent] @ offset
            rotations[joint] = rotations[parent] @ body_pose[joint - 1]
        return joints


def _random_turn(scale: float, rng: np.random.Generator) -> np.ndarray:
    return rotation_from_vector(np.clip(rng.normal(0, scale, 3), -2.5 * scale, 2.5 * scale))


def _distance(points: np.ndarray, line: tuple[np.ndarray, ...]) -> float:
    """Smallest distance of points (P, 3) from a chain of segments."""
    result = np.inf
    for start, end in pairwise(line):
        along = end - start
        t = np.clip((points - start) @ along / (along @ along), 0, 1)
        nearest = start + t[:, None] * along
        result = min(result, float(np.linalg.norm(points - nearest, axis=1).min()))
    return result
