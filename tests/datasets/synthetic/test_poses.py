"""Sampled poses: inside joint limits, with the hands outside the body, from the seed alone."""

import numpy as np
import pytest

from whmr.datasets.synthetic.assets import load_motion_clips
from whmr.datasets.synthetic.motion import SMPL24, vector_of_rotation
from whmr.datasets.synthetic.poses import PoseSampler, SampledPose
from whmr.datasets.synthetic.splits import SPLITS


def sampler(body, rest_joints, clip_share: float, mixing: float = 0.0) -> PoseSampler:
    clips = SPLITS['train'].clips
    return PoseSampler(
        load_motion_clips(tuple(clips)),
        clips,
        rest_joints=rest_joints,
        parents=body.parents.numpy(),
        clip_share=clip_share,
        mixing=mixing,
    )


def draw(
    body, rest_joints, clip_share: float, number: int = 60, mixing: float = 0.0
) -> list[SampledPose]:
    rng = np.random.default_rng(3)
    sample = sampler(body, rest_joints, clip_share, mixing)
    return [sample(rng) for _ in range(number)]


@pytest.mark.parametrize('clip_share', [0.0, 1.0])
def test_poses_are_rotations_and_depend_on_the_seed_only(body, rest_joints, clip_share) -> None:
    first, second = (draw(body, rest_joints, clip_share, 10) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.body_pose, other.body_pose)
        pose = np.concatenate([one.global_orient[None], one.body_pose])
        np.testing.assert_allclose(
            pose @ pose.swapaxes(1, 2), np.tile(np.eye(3), (24, 1, 1)), atol=1e-6
        )
        np.testing.assert_allclose(np.linalg.det(pose), 1, atol=1e-6)
    assert np.abs(first[0].body_pose - first[1].body_pose).max() > 0.1


@pytest.mark.parametrize('clip_share, mixing', [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])
def test_knees_and_elbows_bend_the_right_way(body, rest_joints, clip_share, mixing) -> None:
    for pose in draw(body, rest_joints, clip_share, mixing=mixing):
        for side, sign in (('left', -1), ('right', 1)):
            knee = vector_of_rotation(pose.body_pose[SMPL24.index(f'{side}_knee') - 1])
            elbow = vector_of_rotation(pose.body_pose[SMPL24.index(f'{side}_elbow') - 1])
            assert -0.35 < knee[0] < 2.8  # mocap lets a straight knee bend back a little
            assert -0.1 < sign * elbow[1] < 2.8


def test_random_limbs_stay_out_of_the_body(body, rest_joints) -> None:
    sample = sampler(body, rest_joints, 0.0)
    for pose in draw(body, rest_joints, 0.0):
        joints = sample.pose_joints(pose.body_pose)
        hands = joints[[SMPL24.index('left_wrist'), SMPL24.index('right_wrist')]]
        trunk = joints[[SMPL24.index(name) for name in ('pelvis', 'spine2', 'neck')]]
        distance = np.linalg.norm(hands[:, None] - trunk, axis=2)
        assert distance.min() > 0.13
        up = pose.global_orient[:, 1]
        assert up[1] > 0.9  # upright


def test_clips_reach_the_floor_and_the_air(body, rest_joints) -> None:
    poses = draw(body, rest_joints, 1.0, 200)
    assert any(pose.global_orient[1, 1] < 0.3 for pose in poses)  # lying, rolling
    assert any(pose.clearance > 0.1 for pose in poses)  # jumping
    assert np.mean([pose.clearance == 0 for pose in poses]) > 0.7


def test_limbs_of_other_frames_stay_out_of_the_body_and_vary_the_poses(
    body, rest_joints, monkeypatch
) -> None:
    monkeypatch.setattr('whmr.datasets.synthetic.poses.NOISE', {})
    clips = {name: clip[:1] for name, clip in load_motion_clips(('kick', 'crawl')).items()}

    def poses(mixing: float) -> list[np.ndarray]:
        sample = PoseSampler(
            clips,
            {'kick': 1.0, 'crawl': 1.0},
            rest_joints=rest_joints,
            parents=body.parents.numpy(),
            clip_share=1.0,
            arm_share=0.0,
            mixing=mixing,
        )
        rng = np.random.default_rng(0)
        return [sample(rng).body_pose for _ in range(80)]

    def distinct(values: list[np.ndarray]) -> int:
        return len({value.round(4).tobytes() for value in values})

    plain, mixed = poses(0.0), poses(1.0)
    assert distinct(plain) == 4  # two frames and their mirror images
    assert distinct(mixed) > 20
    # Each limb and the trunk are those of one of the frames.
    for side in ('left', 'right'):
        for names in (('collar', 'shoulder', 'elbow', 'wrist'), ('hip', 'knee', 'ankle')):
            rows = [SMPL24.index(f'{side}_{name}') - 1 for name in names]
            assert distinct([pose[rows] for pose in mixed]) <= distinct(plain)
    trunk = [SMPL24.index(name) - 1 for name in ('spine1', 'spine2', 'spine3', 'neck', 'head')]
    assert distinct([pose[trunk] for pose in mixed]) <= distinct(plain)
