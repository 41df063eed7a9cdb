"""After a camera motion, every label still describes one body in one photo."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from whmr.body_models import FreeBody
from whmr.datasets.transforms import GetBox, RandomFlip, RandomRoll, apply_flip, apply_roll
from whmr.datasets.transforms.camera_motion import POSE_FLIP, principal_point
from whmr.geometry import euler_to_rotmat
from whmr.keypoints import JOINT_SETS
from whmr.testing import tiny_rows

Motion = Callable[[dict], dict]

MOTIONS: dict[str, Motion] = {
    'roll +20': lambda row: apply_roll(row, np.deg2rad(20)),
    'roll -55': lambda row: apply_roll(row, np.deg2rad(-55)),
    'roll 130': lambda row: apply_roll(row, np.deg2rad(130)),
    'flip': apply_flip,
    'roll, flip, roll': lambda row: apply_roll(apply_flip(apply_roll(row, 0.4)), 0.7),
}
ROW_KEYS = (
    'keypoints_2d',
    'keypoints_3d',
    'global_orient',
    'body_pose',
    'betas',
    'cam_t',
    'pelvis',
    'global_orient_world',
    'world2cam_rotmat',
    'intrinsics',
    'bbox',
    'bbox_center',
)


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def all_rows(body: FreeBody) -> list[dict]:
    return [GetBox(padding=1.0)(row) for row in tiny_rows(3, ori_shape=(480, 640), body=body)]


@pytest.fixture
def rows(all_rows: list[dict]) -> list[dict]:
    return copy.deepcopy(all_rows)


@pytest.fixture(params=MOTIONS)
def motion(request: pytest.FixtureRequest) -> Motion:
    return MOTIONS[request.param]


def posed(body: FreeBody, row: dict) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and the 54 joints of a row's parameters."""
    args = [torch.from_numpy(row[k])[None] for k in ('betas', 'global_orient', 'body_pose')]
    out = body(*args)
    return out.vertices[0].numpy(), out.joints[0].numpy()


def project(points: np.ndarray, row: dict) -> np.ndarray:
    """Pixels of points by the row's own camera."""
    placed = (points.astype('f8') + row['cam_t']) @ row['intrinsics'].astype('f8').T
    return placed[:, :2] / placed[:, 2:]


def moved(points: np.ndarray, row: dict) -> np.ndarray:
    """Where the photo's affine takes photo pixels."""
    return points @ row['full2aug'][:2, :2].T + row['full2aug'][:2, 2]


def test_keypoints_are_the_projection_of_the_3d_keypoints(rows: list[dict], motion: Motion) -> None:
    for row in map(motion, rows):
        again = project(row['keypoints_3d'] + row['pelvis'], row)
        assert np.abs(again - row['keypoints_2d']).max() < 1e-2


def test_the_mesh_goes_where_the_pixels_go(
    rows: list[dict], motion: Motion, body: FreeBody
) -> None:
    for row in rows:
        before = project(posed(body, row)[0], row)
        row = motion(row)
        after = project(posed(body, row)[0], row)
        wanted = moved(before, row)
        if row.get('flipped'):
            wanted = wanted[body.mirror.numpy()]
        assert np.abs(after - wanted).max() < 1e-2


def test_the_pelvis_label_is_the_bodys(rows: list[dict], motion: Motion, body: FreeBody) -> None:
    for row in map(motion, rows):
        assert np.abs(posed(body, row)[1][0] - row['pelvis']).max() < 1e-5


def test_the_world_identity_holds(rows: list[dict], motion: Motion) -> None:
    for row in rows:
        before = copy.deepcopy(row)
        row = motion(row)
        turned = row['world2cam_rotmat'] @ row['global_orient_world'][0]
        assert np.abs(turned - row['global_orient'][0]).max() < 1e-5
        # Yaw-free, a rotation, and the body leans in the world as much as before.
        assert abs(row['world2cam_rotmat'][0, 2]) < 1e-6
        assert np.allclose(
            row['world2cam_rotmat'] @ row['world2cam_rotmat'].T, np.eye(3), atol=1e-5
        )
        assert np.linalg.det(row['world2cam_rotmat']) > 0
        up, up_before = row['global_orient_world'][0, :, 1], before['global_orient_world'][0, :, 1]
        assert abs(up[1] - up_before[1]) < 1e-5


def test_gravity_turns_with_the_photo(rows: list[dict]) -> None:
    angle = 0.6
    turn = euler_to_rotmat(*torch.tensor([0.0, 0.0, angle]).double()[:, None])[0].numpy()
    for row in rows:
        gravity = turn @ row['world2cam_rotmat'][:, 1]
        row = apply_roll(row, angle)
        assert np.abs(row['world2cam_rotmat'][:, 1] - gravity).max() < 1e-6


def test_a_roll_adds_to_the_roll_of_a_level_camera() -> None:
    """A camera that looks at the horizon: the whole motion is a change of its roll angle."""
    row = GetBox()(tiny_rows(1)[0])
    row['world2cam_rotmat'] = np.eye(3, dtype='f4')
    row['global_orient_world'] = row['global_orient']
    row = apply_roll(row, 0.3)
    assert np.allclose(row['world2cam_rotmat'], [
        [np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]
    ], atol=1e-6)  # fmt: skip
    # The world is the same one: a body's world label does not notice.
    assert np.allclose(row['global_orient_world'], tiny_rows(1)[0]['global_orient'], atol=1e-6)


def test_the_box_keeps_its_size_and_follows(rows: list[dict], motion: Motion) -> None:
    for row in rows:
        before = copy.deepcopy(row)
        row = motion(row)
        center = moved(before['bbox_center'][None], row)[0]
        assert np.allclose(row['bbox_center'], center, atol=1e-6)
        assert row['bbox_size'] == before['bbox_size']
        size = before['bbox'][2:] - before['bbox'][:2]
        assert np.allclose(row['bbox'][2:] - row['bbox'][:2], size, atol=1e-3)
        assert np.allclose((row['bbox'][2:] + row['bbox'][:2]) / 2, center, atol=1e-3)


@pytest.mark.parametrize(
    'there_and_back',
    [
        lambda row: apply_flip(apply_flip(row)),
        lambda row: apply_roll(apply_roll(row, 0.5), -0.5),
        lambda row: apply_flip(apply_roll(apply_flip(apply_roll(row, 0.5)), 0.5)),
    ],
    ids=['flip', 'roll', 'mirrored roll'],
)
def test_there_and_back_is_nothing(rows: list[dict], there_and_back: Motion) -> None:
    for row in rows:
        before = copy.deepcopy(row)
        row = there_and_back(row)
        assert np.allclose(row['full2aug'], np.eye(3), atol=1e-9)
        assert not row.get('flipped', False)
        for name in ROW_KEYS:
            assert np.allclose(row[name], before[name], atol=1e-3), name


def test_a_flip_swaps_left_and_right(rows: list[dict]) -> None:
    row = copy.deepcopy(rows[0])
    spin = JOINT_SETS['spin49']
    left, right = spin.index('op_left_wrist'), spin.index('op_right_wrist')
    flipped = apply_flip(row)
    width = rows[0]['ori_shape'][1]
    expected = rows[0]['keypoints_2d'][right] * (-1, 1) + (width, 0)
    assert np.allclose(flipped['keypoints_2d'][left], expected, atol=1e-3)
    assert np.isclose(flipped['intrinsics'][0, 2], width - rows[0]['intrinsics'][0, 2])
    names = JOINT_SETS['smpl24'].joints[1:]
    for index, name in enumerate(names):
        other = name.replace('left', 'L').replace('right', 'left').replace('L', 'right')
        assert names[POSE_FLIP[index]] == other


def test_a_roll_turns_about_the_principal_point(rows: list[dict]) -> None:
    row = copy.deepcopy(rows[0])
    center = rows[0]['intrinsics'][:2, 2]
    assert np.allclose(principal_point(row), center)
    assert np.allclose(moved(center[None], apply_roll(row, 1.0)), center)
    blind = {key: rows[0][key] for key in ('ori_shape', 'bbox_center')}
    assert np.allclose(principal_point(blind), [320, 240])
    blind['bbox_center'] = np.array([420.0, 240.0])
    assert np.allclose(apply_roll(blind, np.pi / 2)['bbox_center'], [320, 340])


def test_different_focal_lengths_stay_exact(rows: list[dict], body: FreeBody) -> None:
    row = rows[0]
    row['intrinsics'][1, 1] *= 1.2
    row['keypoints_2d'] = project(row['keypoints_3d'] + row['pelvis'], row).astype('f4')
    row = apply_roll(row, 0.5)
    again = project(row['keypoints_3d'] + row['pelvis'], row)
    assert np.abs(again - row['keypoints_2d']).max() < 1e-2


def test_without_the_pelvis_a_roll_drops_the_translation(rows: list[dict]) -> None:
    rows[0]['has_pelvis'] = False
    row = apply_roll(rows[0], 0.2)
    assert not row['has_cam_t']
    assert not row['cam_t'].any()
    rows[1]['has_pelvis'] = False
    assert apply_flip(rows[1])['has_cam_t']


def test_missing_labels_stay_missing() -> None:
    row = GetBox()(tiny_rows(1)[0])
    for name in list(row):
        if name.startswith('has_'):
            row[name] = False
    for name in ('world2cam_rotmat', 'global_orient', 'global_orient_world', 'cam_t', 'intrinsics'):
        row[name] = np.zeros_like(row[name])
    row = apply_flip(apply_roll(row, 0.4))
    for name in ('world2cam_rotmat', 'global_orient', 'global_orient_world', 'cam_t', 'intrinsics'):
        assert not row[name].any(), name
        assert row[name].dtype == np.float32


def test_an_unlabelled_photo_can_be_moved() -> None:
    row = dict(ori_shape=(100, 200), bbox=np.array([10, 20, 50, 90.0]))
    row['known_world2cam_rotmat'] = np.eye(3, dtype='f4')
    row = apply_flip(apply_roll(GetBox()(row), 0.2))
    # The mirrored camera rolls the other way.
    assert np.isclose(row['known_world2cam_rotmat'][1, 0], -np.sin(0.2))


def test_the_box_must_come_first() -> None:
    for motion in MOTIONS.values():
        with pytest.raises(KeyError, match='put GetBox before'):
            motion(tiny_rows(1)[0])


def test_inputs_are_not_written_to() -> None:
    source = tiny_rows(1)[0]
    kept = copy.deepcopy(source)
    apply_flip(apply_roll(GetBox()(dict(source)), 0.3))
    for name, value in kept.items():
        assert np.array_equal(value, source[name]), name


@pytest.mark.parametrize(('transform', 'key'), [(RandomFlip, 'flipped'), (RandomRoll, 'full2aug')])
def test_random_motions_happen_as_often_as_asked(transform: type, key: str) -> None:
    row = GetBox()(tiny_rows(1)[0])
    for prob, low, high in ((0.0, 0, 0), (1.0, 200, 200), (0.3, 35, 85)):
        done = sum(key in transform(prob=prob)(dict(row)) for _ in range(200))
        assert low <= done <= high
    with pytest.raises(ValueError, match='prob'):
        transform(prob=1.5)


def test_random_angles_have_the_asked_spread() -> None:
    row = GetBox()(tiny_rows(1)[0])
    roll = RandomRoll(prob=1.0, sigma_deg=20.0, max_deg=40.0)
    found = [roll(dict(row))['full2aug'] for _ in range(400)]
    angles = np.rad2deg([np.arctan2(a[1, 0], a[0, 0]) for a in found])
    assert np.abs(angles).max() <= 40 + 1e-6
    assert np.isclose(np.abs(angles), 40).sum() > 5  # clipped, not redrawn
    assert 15 < angles.std() < 21
    assert abs(angles.mean()) < 4
    with pytest.raises(ValueError, match='max_deg'):
        RandomRoll(max_deg=200)


def test_flip_swaps_what_is_visible_left_and_right() -> None:
    row = GetBox()(tiny_rows(1)[0])
    spin49 = JOINT_SETS['spin49']
    row['visibility'] = np.zeros(49, bool)
    row['visibility'][spin49.index('left_wrist')] = True
    flipped = apply_flip(row)['visibility']
    assert flipped.sum() == 1
    assert flipped[spin49.index('right_wrist')]
