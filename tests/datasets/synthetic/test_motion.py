"""Mocap frames on the body: limbs point where the clip's figure points them."""

import numpy as np
import pytest

from whmr.body_models import FreeBody
from whmr.datasets.synthetic.assets import load_motion_clips
from whmr.datasets.synthetic.motion import (
    CLIP_TO_BODY,
    FRAME_LAYOUT,
    SMPL24,
    Retargeter,
    mirror_pose,
    rotation_from_vector,
    vector_of_rotation,
)
from whmr.datasets.synthetic.poses import PoseSampler

# Where a limb of the figure points at rest, and the joints that turn it.
SEGMENTS = {
    'shoulder-elbow': ('root', 'chest', '{}_shoulder'),
    'elbow-wrist': ('root', 'chest', '{}_shoulder', '{}_elbow'),
    'hip-knee': ('root', '{}_hip'),
    'knee-ankle': ('root', '{}_hip', '{}_knee'),
}


def identity_frame() -> np.ndarray:
    frame = np.zeros(41)
    for first, size in FRAME_LAYOUT.values():
        if size == 4:
            frame[first] = 1
    return frame


def figure_rotation(frame: np.ndarray, joint: str) -> np.ndarray:
    first, size = FRAME_LAYOUT[joint]
    numbers = frame[first : first + size].astype(float)
    if size == 1:
        return rotation_from_vector(np.array([0, 0, numbers[0]]))
    w, *xyz = numbers / np.linalg.norm(numbers)
    sine = np.linalg.norm(xyz)
    return rotation_from_vector(np.array(xyz) / max(sine, 1e-12) * 2 * np.arctan2(sine, w))


def posed(rest_joints: np.ndarray, body: FreeBody, frame: np.ndarray) -> np.ndarray:
    orient, pose = Retargeter(rest_joints)(frame)
    sampler = PoseSampler(
        {'still': frame[None]},
        {'still': 1.0},
        rest_joints=rest_joints,
        parents=body.parents.numpy(),
    )
    joints = sampler.pose_joints(pose)
    return (joints - joints[0]) @ orient.T


def test_neutral_frame_stands_with_hanging_arms(body, rest_joints) -> None:
    joints = posed(rest_joints, body, identity_frame())

    def at(name: str) -> np.ndarray:
        return joints[SMPL24.index(name)]

    for side, sign in (('left', 1), ('right', -1)):
        arm = at(f'{side}_wrist') - at(f'{side}_shoulder')
        np.testing.assert_allclose(arm / np.linalg.norm(arm), [0, -1, 0], atol=1e-6)
        assert sign * at(f'{side}_hip')[0] > 0
        assert at(f'{side}_foot')[2] > at(f'{side}_ankle')[2]  # toes to the front, +z
    assert at('head')[1] > at('neck')[1] > 0


@pytest.mark.parametrize('clip', ['walk', 'dance_b', 'getup_facedown', 'cartwheel'])
def test_limbs_point_as_in_the_clip(body, rest_joints, clip: str) -> None:
    for frame in load_motion_clips((clip,))[clip][::37]:
        joints = posed(rest_joints, body, frame)
        for side in ('left', 'right'):
            for segment, chain in SEGMENTS.items():
                rotation = np.eye(3)
                for joint in chain:
                    rotation = rotation @ figure_rotation(frame, joint.format(side))
                expected = CLIP_TO_BODY @ rotation @ [0, -1, 0]
                start, end = (joints[SMPL24.index(f'{side}_{n}')] for n in segment.split('-'))
                along = (end - start) / np.linalg.norm(end - start)
                # The body's own limb is a little bent at rest.
                assert along @ expected > np.cos(np.deg2rad(8)), (clip, side, segment)


def test_mirror_swaps_sides_and_undoes_itself(body, rest_joints) -> None:
    frame = load_motion_clips(('kick',))['kick'][20]
    orient, pose = Retargeter(rest_joints)(frame)
    mirrored = mirror_pose(orient, pose)
    again = mirror_pose(*mirrored)
    np.testing.assert_allclose(again[0], orient, atol=1e-12)
    np.testing.assert_allclose(again[1], pose, atol=1e-12)
    assert np.abs(mirrored[1] - pose).max() > 0.1
    sampler = PoseSampler(
        {'k': frame[None]}, {'k': 1.0}, rest_joints=rest_joints, parents=body.parents.numpy()
    )
    one = sampler.pose_joints(pose)
    other = sampler.pose_joints(mirrored[1])[list(SMPL24.flip_permutation)]
    np.testing.assert_allclose(other * [-1, 1, 1], one, atol=2e-3)


def test_rotation_vectors_go_back_and_forth(rng: np.random.Generator) -> None:
    for _ in range(20):
        vector = rng.normal(size=3)
        vector *= rng.uniform(0, 3.1) / np.linalg.norm(vector)
        np.testing.assert_allclose(
            vector_of_rotation(rotation_from_vector(vector)), vector, atol=1e-6
        )
    assert not vector_of_rotation(np.eye(3)).any()
