"""Cuts."""

import numpy as np
import pytest

from whmr.tracking import ShotDetector


def picture(seed: int, *, shift: int = 0) -> np.ndarray:
    """Blobs of colour, moved to the right by `shift` px."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.roll(np.kron(coarse, np.ones((40, 40, 1), np.uint8)), shift, axis=1)


def test_cuts_start_new_shots_and_movement_and_noise_do_not() -> None:
    rng = np.random.default_rng(0)
    detector = ShotDetector()
    found = []
    for number in range(12):
        image = picture(number // 4, shift=3 * number)
        noisy = image + rng.normal(0, 4, image.shape)
        found.append(detector.update(noisy.clip(0, 255).astype(np.uint8)))
    assert found == [0] * 4 + [1] * 4 + [2] * 4


def test_a_frame_that_could_not_be_read_is_passed_over() -> None:
    detector = ShotDetector()
    frames = [picture(0), None, picture(0), None, picture(1)]
    assert [detector.update(frame) for frame in frames] == [0, 0, 0, 0, 1]


def test_the_first_frame_may_be_missing() -> None:
    detector = ShotDetector()
    assert [detector.update(frame) for frame in (None, picture(0))] == [0, 0]


def test_the_threshold_is_checked() -> None:
    with pytest.raises(ValueError, match=r'threshold=0 is outside \(0, 1\]'):
        ShotDetector(threshold=0)
