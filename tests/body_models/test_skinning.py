"""Kinematic chain and skinning against plain loops."""

import numpy as np
import pytest
import torch

from whmr.body_models.skinning import joint_groups, kinematic_chain, skin
from whmr.geometry import axis_angle_to_rotmat

SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
CHAIN = (-1, 0, 1, 2, 3)
STAR = (-1, 0, 0, 0)


@pytest.mark.parametrize(
    ('parents', 'expected'),
    [
        (CHAIN, [(1, 2), (2, 3), (3, 4), (4, 5)]),
        (STAR, [(1, 4)]),
        (
            SMPL_PARENTS,
            [(1, 4), (4, 7), (7, 10), (10, 15), (15, 18), (18, 20), (20, 22), (22, 24)],
        ),
    ],
)
def test_groups_hold_no_parent_of_their_own(parents: tuple[int, ...], expected: list) -> None:
    assert joint_groups(parents) == expected


@pytest.mark.parametrize('parents', [(0, 0), (-1, 2, 1), (-1, -1)])
def test_bad_tree_is_refused(parents: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='kinematic tree'):
        joint_groups(parents)


@pytest.mark.parametrize('parents', [CHAIN, STAR, SMPL_PARENTS])
def test_chain_equals_a_loop_over_joints(parents: tuple[int, ...], rng) -> None:
    count = len(parents)
    rotations = axis_angle_to_rotmat(torch.from_numpy(rng.normal(size=(2, count, 3))))
    rest = torch.from_numpy(rng.normal(size=(2, count, 3)))
    matrices, joints = kinematic_chain(
        rotations, rest, torch.tensor(parents), joint_groups(parents)
    )
    for b in range(2):
        turned, places = [rotations[b, 0]], [rest[b, 0]]
        for i in range(1, count):
            p = parents[i]
            places.append(places[p] + turned[p] @ (rest[b, i] - rest[b, p]))
            turned.append(turned[p] @ rotations[b, i])
        torch.testing.assert_close(matrices[b], torch.stack(turned))
        torch.testing.assert_close(joints[b], torch.stack(places))


def test_skin_equals_a_sum_over_joints(rng) -> None:
    batch, num_joints, count = 2, 4, 7
    points = torch.from_numpy(rng.normal(size=(batch, 3, count)))
    weights = torch.from_numpy(rng.dirichlet(np.ones(num_joints), size=count).T)
    matrices = torch.from_numpy(rng.normal(size=(batch, num_joints, 3, 3)))
    joints, rest = (torch.from_numpy(rng.normal(size=(batch, num_joints, 3))) for _ in range(2))
    expected = torch.zeros(batch, 3, count, dtype=torch.float64)
    for j in range(num_joints):
        moved = matrices[:, j] @ (points - rest[:, j, :, None]) + joints[:, j, :, None]
        expected += weights[j] * moved
    torch.testing.assert_close(skin(points, weights, matrices, joints, rest), expected)
