import numpy as np
import pytest
import torch

from whmr.apis import KnownCamera, find_camera, focal_from_35mm
from whmr.apis.known_camera import unmatched_entries
from whmr.geometry import euler_to_rotmat, pitch_roll_to_rotmat

SHAPE = (480, 640)


def rotation(pitch: float, roll: float) -> np.ndarray:
    return pitch_roll_to_rotmat(torch.tensor(pitch), torch.tensor(roll)).numpy()


def test_lens() -> None:
    assert KnownCamera.build({'focal_length': 500}, SHAPE).focal_length == 500
    assert KnownCamera.build({'vfov': np.pi / 2}, SHAPE).focal_length == pytest.approx(240)
    matrix = [[510, 0, 322], [0, 490, 238], [0, 0, 1]]
    camera = KnownCamera.build({'intrinsics': matrix}, SHAPE)
    assert camera.focal_length == 500 and camera.world2cam_rotmat is None


def test_rotation() -> None:
    camera = KnownCamera.build({'pitch': 0.3, 'roll': -0.2}, SHAPE)
    np.testing.assert_allclose(camera.world2cam_rotmat, rotation(0.3, -0.2), atol=1e-6)
    assert camera.focal_length is None
    given = KnownCamera.build({'world2cam_rotmat': rotation(0.3, -0.2).tolist()}, SHAPE)
    np.testing.assert_allclose(given.world2cam_rotmat, rotation(0.3, -0.2), atol=1e-6)


def test_yaw_of_a_given_rotation_is_removed() -> None:
    yaw = euler_to_rotmat(*(torch.tensor(x) for x in (0.0, 0.8, 0.0))).numpy()
    given = KnownCamera.build({'world2cam_rotmat': rotation(0.3, -0.2) @ yaw}, SHAPE)
    np.testing.assert_allclose(given.world2cam_rotmat, rotation(0.3, -0.2), atol=1e-5)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'fov': 1}, "unknown fields \\['fov'\\]"),
        ({'vfov': 1, 'focal_length': 2}, 'give one of'),
        ({'vfov': 4}, 'vfov'),
        ({'focal_length': -1}, 'positive'),
        ({'focal_length': float('nan')}, 'positive'),
        ({'intrinsics': np.eye(2)}, '3 x 3'),
        ({'intrinsics': [[500, 0, 500], [0, 500, 240], [0, 0, 1]]}, '180 px off the middle'),
        ({'intrinsics': 'x'}, "intrinsics must be 3 x 3 numbers, got 'x'"),
        ({'pitch': 0.1}, 'belong together'),
        ({'pitch': None, 'roll': 0}, 'pitch must be a number, got None'),
        ({'pitch': float('nan'), 'roll': 0}, 'must be finite'),
        ({'focal_length': 'wide'}, "focal_length must be a number, got 'wide'"),
        (5, 'expected fields such as focal_length, got 5'),
        (
            {'world2cam_rotmat': np.eye(2)},
            r'3 x 3, got the shape \(2, 2\)',
        ),
        ({'world2cam_rotmat': np.diag([1, 1, -1])}, 'no 3 x 3 rotation'),
        ({'world2cam_rotmat': np.eye(3), 'pitch': 0, 'roll': 0}, 'say the same'),
    ],
)
def test_mistakes_are_named(fields, message) -> None:
    with pytest.raises(ValueError, match=message):
        KnownCamera.build(fields, SHAPE)


def test_camera_of_one_photo_and_of_all() -> None:
    everyone = {'focal_length': 500}
    assert find_camera(everyone, 'x/a.jpg', SHAPE).focal_length == 500
    assert find_camera(None, 'x/a.jpg', SHAPE) == KnownCamera()
    for key in ('x/a.jpg', 'a.jpg', 'a'):
        assert find_camera({key: everyone}, 'x/a.jpg', SHAPE).focal_length == 500
        assert find_camera({key: everyone}, 'x/b.jpg', SHAPE).focal_length is None


def test_35mm_is_by_the_diagonal() -> None:
    """A film frame of 36 x 24 mm, photographed at 100 px per mm, has its focal length in px."""
    assert focal_from_35mm(50, (2400, 3600)) == pytest.approx(5000)
    assert focal_from_35mm(50, (3600, 2400)) == pytest.approx(5000)  # held upright
    # 4:3, as phones have it: the same diagonal angle of view.
    focal = KnownCamera.build({'focal_length_35mm': 26}, (3024, 4032)).focal_length
    assert np.arctan(2520 / focal) == pytest.approx(np.arctan(np.hypot(36, 24) / 2 / 26))
    assert focal == pytest.approx(26 / 43.26661530556787 * 5040)


@pytest.mark.parametrize(('pitch', 'roll'), [(0.0, 0.0), (0.4, -0.3), (-0.7, 0.9), (2.5, 0.1)])
def test_gravity_is_pitch_and_roll(pitch: float, roll: float) -> None:
    wanted = KnownCamera.build({'pitch': pitch, 'roll': roll}, SHAPE).world2cam_rotmat
    gravity = 9.81 * wanted @ np.array([0, 1, 0])  # what an accelerometer's filter says
    given = KnownCamera.build({'gravity': gravity.tolist()}, SHAPE).world2cam_rotmat
    np.testing.assert_allclose(given, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'gravity': [0, 0, 0]}, 'no direction'),
        ({'gravity': [0, 1]}, r'must be 3, got the shape \(2,\)'),
        ({'gravity': [0, float('nan'), 1]}, 'no direction'),
        ({'gravity': [0, 1, 0], 'pitch': 0, 'roll': 0}, 'gravity and pitch say the same'),
        ({'gravity': [0, 1, 0], 'roll': 0}, 'gravity and roll say the same'),
        ({'focal_length_35mm': 0}, 'positive'),
        ({'focal_length_35mm': 26, 'vfov': 1}, 'give one of'),
        ({'intrinsics': [[-500, 0, 320], [0, -500, 240], [0, 0, 1]]}, 'positive focal lengths'),
        ({'intrinsics': [[500, 0, np.nan], [0, 500, 240], [0, 0, 1]]}, 'finite'),
    ],
)
def test_mistakes_in_the_other_forms(fields, message) -> None:
    with pytest.raises(ValueError, match=message):
        KnownCamera.build(fields, SHAPE)


def test_names_of_frames_and_of_all_others() -> None:
    camera = {'clip.mp4#2': {'focal_length': 2}, 'clip': {'focal_length': 1}}
    camera |= {'*': {'focal_length': 9}}
    names = ('x/clip.mp4#2', 'x/clip.mp4#3', 'y/b.jpg')
    found = [find_camera(camera, name, SHAPE).focal_length for name in names]
    assert found == [2, 1, 9]
    assert unmatched_entries({**camera, 'c': {}, 'd.mp4#1': {}}, ['x/clip.mp4']) == ['c', 'd.mp4#1']
