"""Steps from rotation to rotation."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from whmr.tracking import median_rotation, rotation_step, take_step


def test_a_step_leads_from_one_rotation_to_the_other() -> None:
    start, end = (Rotation.random(20, random_state=seed).as_matrix() for seed in (0, 1))
    step = rotation_step(start, end)
    expected = (Rotation.from_matrix(start).inv() * Rotation.from_matrix(end)).as_rotvec()
    np.testing.assert_allclose(step, expected, atol=1e-9)
    np.testing.assert_allclose(take_step(start, step), end, atol=1e-9)


def test_half_a_step_is_half_the_turn(rotmat: Callable[[np.ndarray], np.ndarray]) -> None:
    start, end = rotmat(np.array([0, 0.2, 0])), rotmat(np.array([0, 1.4, 0]))
    half = take_step(start, rotation_step(start, end) / 2)
    np.testing.assert_allclose(half, rotmat(np.array([0, 0.8, 0])), atol=1e-12)


def test_the_median_shrugs_off_outliers_and_the_mean_of_angles_would_not(
    rotmat: Callable[[np.ndarray], np.ndarray],
) -> None:
    rng = np.random.default_rng(0)
    vectors = np.array([0.3, 0, 0]) + rng.normal(0, 0.01, (30, 3))
    vectors[:6] = [1.5, 0.5, 0]
    found = rotation_step(rotmat(np.array([0.3, 0, 0])), median_rotation(rotmat(vectors)))
    assert np.linalg.norm(found) < 0.01
    assert np.linalg.norm(vectors.mean(axis=0) - [0.3, 0, 0]) > 0.2


def test_the_median_of_one_rotation_is_itself_and_of_none_an_error(
    rotmat: Callable[[np.ndarray], np.ndarray],
) -> None:
    one = rotmat(np.array([[0.1, 0.2, 0.3]]))
    np.testing.assert_allclose(median_rotation(one), one[0], atol=1e-9)
    with pytest.raises(ValueError, match='no rotations'):
        median_rotation(one[:0])
