"""Checks of conventions, and SPIN's labels."""

import numpy as np
import pytest

from whmr.datasets.conversion import (
    SourceError,
    check_up_axis,
    gender_name,
    hip_angle,
    reprojection_residual,
    rigid_motion,
    rotation_matrices,
    smpl_labels,
    spin_keypoints,
    spin_keypoints_3d,
    square_box,
)

CAMERA = np.array([[300.0, 0, 160], [0, 310, 90], [0, 0, 1]])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_up_axis(rng):
    yaws = rotation_matrices(rng.uniform(-3, 3, (50, 1)) * [0, 1, 0])
    check_up_axis(list(yaws), 'y', 'file')
    with pytest.raises(SourceError, match=r"file: people do not stand along 'z'.*--up-axis=y"):
        check_up_axis(list(yaws), 'z', 'file')
    check_up_axis([], 'z', 'file')
    check_up_axis([np.full((3, 3), np.nan)], 'z', 'file')


def test_hip_angle():
    assert hip_angle(np.zeros(3), np.array([0.1, 0, 0]), np.array([-0.1, 0, 0])) == 0
    turned = np.array([0, np.pi / 2, 0])  # the body's left points away: along -z
    assert hip_angle(turned, np.array([0, 0, -0.1]), np.array([0, 0, 0.1])) < 1e-3
    assert abs(hip_angle(turned, np.array([0.1, 0, 0]), np.zeros(3)) - 90) < 1e-3


def test_reprojection_residual(rng):
    points = rng.normal(size=(10, 3)) * 0.5
    placed = points + [0.3, -0.2, 4.0]
    pixels = placed @ CAMERA.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    conf = np.ones(10)
    assert reprojection_residual(points, pixels, conf, CAMERA) < 1e-6
    assert reprojection_residual(points[:, [1, 2, 0]], pixels, conf, CAMERA) > 3
    near = np.concatenate([points[:, :2], 0.1 * points[:, 2:]], 1)
    assert 0.1 < reprojection_residual(near, pixels, conf, CAMERA) < 60
    pixels[0] = 1000
    conf[0] = 0
    assert reprojection_residual(points, pixels, conf, CAMERA) < 1e-6
    assert np.isnan(reprojection_residual(points, pixels, np.zeros(10), CAMERA))


def test_rigid_motion(rng):
    points, rotmat = rng.normal(size=(20, 3)), rotation_matrices(np.array([0.5, -2.0, 1.0]))
    shift = np.array([1.0, 2, 3])
    found = rigid_motion(points, points @ rotmat.T + shift)
    np.testing.assert_allclose(found[0], rotmat, atol=1e-12)
    np.testing.assert_allclose(found[1], shift, atol=1e-12)
    assert found[2] < 1e-12
    mirrored = rigid_motion(points, points * [1, 1, -1])
    assert np.linalg.det(mirrored[0]) > 0.99 and mirrored[2] > 0.1


def test_spin_keypoints():
    part, openpose = np.ones((24, 3)), np.full((25, 3), 2.0)
    part[3], part[4, 2], openpose[1, 0] = np.nan, -1, np.inf
    labels = spin_keypoints(part, openpose, pixel_shift=0.5)
    assert labels['keypoints_2d_conf'].tolist() == [2, 0] + [2] * 23 + [1] * 3 + [0, 0] + [1] * 19
    assert labels['keypoints_2d'][0].tolist() == [2.5, 2.5]
    assert labels['keypoints_2d'][28].tolist() == [0, 0]
    assert spin_keypoints(None, None) == {}
    assert spin_keypoints(part[:19], None)['keypoints_2d_conf'][44:].tolist() == [0] * 5
    with pytest.raises(SourceError, match='part has shape'):
        spin_keypoints(np.ones((49, 3)), None)


def test_spin_keypoints_3d(rng):
    joints = np.insert(rng.normal(size=(24, 3)), 3, 1.0, axis=1)
    labels = spin_keypoints_3d(joints)
    np.testing.assert_allclose(labels['keypoints_3d'], joints[:, :3] - joints[14, :3])
    joints[14, 3] = 0  # no pelvis: the middle of the hips
    labels = spin_keypoints_3d(joints)
    np.testing.assert_allclose(labels['keypoints_3d'][2:4].sum(0), 0, atol=1e-12)
    joints[2, 3] = 0
    assert spin_keypoints_3d(joints) == {} and spin_keypoints_3d(None) == {}


def test_smpl_labels_boxes_and_genders():
    labels = smpl_labels(np.arange(72), np.zeros((1, 10)))
    assert labels['global_orient'].tolist() == [0, 1, 2] and labels['body_pose'][0] == 3
    with pytest.raises(SourceError, match='has 165 numbers'):
        smpl_labels(np.zeros(165), np.zeros(10))
    with pytest.raises(SourceError, match='a shape has 11'):
        smpl_labels(np.zeros(72), np.zeros(11))
    np.testing.assert_allclose(square_box([50, 60], 0.6), [0, 10, 100, 110])
    assert [gender_name(name) for name in ('m', b'f', 'Neutral')] == ['male', 'female', 'neutral']
    with pytest.raises(SourceError, match="unknown gender 'x'"):
        gender_name('x')
