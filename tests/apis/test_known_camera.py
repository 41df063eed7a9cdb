import numpy as np
import pytest
import torch

from whmr.apis import KnownCamera, find_camera
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
