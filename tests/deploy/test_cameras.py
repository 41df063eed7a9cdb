"""The numpy twin of a few formulas against their original."""

from typing import Any

import numpy as np
import pytest
import torch

from whmr import geometry
from whmr.apis import KnownCamera
from whmr.deploy import cameras, read_camera

ANGLES = [(0.0, 0.0), (0.3, -0.2), (-1.2, 0.5), (3.0, 1.0)]


@pytest.mark.parametrize(('pitch', 'roll'), ANGLES)
def test_pitch_and_roll(pitch: float, roll: float) -> None:
    rotmat = cameras.pitch_roll_to_rotmat(pitch, roll)
    tensors = torch.tensor(pitch).double(), torch.tensor(roll).double()
    np.testing.assert_allclose(rotmat, geometry.pitch_roll_to_rotmat(*tensors), atol=1e-7)
    np.testing.assert_allclose(cameras.rotmat_to_pitch_roll(rotmat), (pitch, roll), atol=1e-12)


@pytest.mark.parametrize('length', [0.0, 1e-9, 1e-4, 0.7, 3.0, np.pi - 1e-9, np.pi])
def test_axis_angle(length: float, rng: np.random.Generator) -> None:
    axes = rng.normal(size=(6, 3))
    vectors = length * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    matrices = geometry.axis_angle_to_rotmat(torch.from_numpy(vectors)).numpy()
    found = cameras.rotmat_to_axis_angle(matrices)
    if length > np.pi - 1e-6:  # both signs are right
        found = found * np.sign((found * vectors).sum(1, keepdims=True))
    np.testing.assert_allclose(found, vectors, atol=1e-7)
    assert np.isnan(cameras.rotmat_to_axis_angle(np.full((1, 3, 3), np.nan))).all()


@pytest.mark.parametrize(
    'fields',
    [
        {},
        {'focal_length': 900},
        {'vfov': 0.9},
        {'pitch': 0.2, 'roll': -0.1, 'focal_length': 700.0},
        {'world2cam_rotmat': [[0, 0, -1], [0, 1, 0], [1, 0, 0]]},
    ],
)
def test_known_camera_is_the_inferencers(fields: dict[str, Any]) -> None:
    ours, theirs = read_camera(fields, 480), KnownCamera.build(fields, (480, 640))
    for name in ('focal_length', 'world2cam_rotmat'):
        mine, its = getattr(ours, name), getattr(theirs, name)
        assert (mine is None) == (its is None)
        if mine is not None:
            np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'f': 3}, 'unknown fields'),
        ({'focal_length': 1, 'vfov': 1}, 'not both'),
        ({'focal_length': -2}, 'must be positive'),
        ({'vfov': 4}, 'between 0 and pi'),
        ({'pitch': 0.1}, 'belong together'),
        ({'pitch': np.nan, 'roll': 0}, 'finite'),
        ({'world2cam_rotmat': np.ones((3, 3))}, 'no 3 x 3 rotation'),
        ({'world2cam_rotmat': np.eye(3), 'roll': 0}, 'not both'),
    ],
)
def test_impossible_cameras_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_camera(fields, 480)
