import numpy as np
import pytest
import torch

from whmr.geometry import pitch_roll_to_rotmat
from whmr.visualization import draw_horizon, horizon_line
from whmr.visualization.horizon import horizon_ends
from whmr.visualization.palette import HORIZON_COLOR

SHAPE, FOCAL = (120, 160), 150.0
K = np.array([[FOCAL, 0, 80.0], [0, FOCAL, 60.0], [0, 0, 1]])


def rotmat(pitch: float, roll: float = 0.0) -> np.ndarray:
    return pitch_roll_to_rotmat(torch.tensor(pitch), torch.tensor(roll)).double().numpy()


def red_rows(picture: np.ndarray, column: int) -> float:
    """Mean row (continuous) of the horizon's colour in a column."""
    far = np.abs(picture[:, column].astype(int) - HORIZON_COLOR).sum(axis=-1)
    return float((np.nonzero(far < 60)[0] + 0.5).mean())


@pytest.mark.parametrize('pitch', [-0.3, 0.0, 0.12, 0.3])
def test_a_camera_that_looks_down_has_a_high_horizon(pitch: float) -> None:
    row = SHAPE[0] / 2 - FOCAL * np.tan(pitch)
    np.testing.assert_allclose(
        horizon_ends(K, rotmat(pitch), SHAPE), [[0, row], [160, row]], atol=1e-4
    )
    drawn = draw_horizon(np.zeros((*SHAPE, 3), np.uint8), K, rotmat(pitch), caption=False)
    assert red_rows(drawn, 40) == pytest.approx(row, abs=0.6)


@pytest.mark.parametrize('roll', [-0.6, -0.1, 0.25])
def test_roll_turns_it_about_the_principal_point(roll: float) -> None:
    (u0, v0), (u1, v1) = horizon_ends(K, rotmat(0.0, roll), SHAPE)
    assert np.arctan2(v1 - v0, u1 - u0) == pytest.approx(roll, abs=1e-5)
    assert horizon_line(K, rotmat(0.0, roll)) @ [80, 60, 1] == pytest.approx(0, abs=1e-4)


def test_far_level_points_lie_on_it_and_low_ones_below() -> None:
    turned = rotmat(0.2, -0.3)
    line = horizon_line(K, turned)
    for heading in (-0.4, 0.0, 0.4):
        level = K @ turned @ [np.sin(heading), 0.0, np.cos(heading)]
        assert line @ (level / level[2]) == pytest.approx(0, abs=1e-5)
        low = K @ turned @ [np.sin(heading), 0.3, np.cos(heading)]
        assert line @ (low / low[2]) > 1


def test_outside_the_photo_there_is_a_caption_only() -> None:
    black = np.zeros((*SHAPE, 3), np.uint8)
    assert horizon_ends(K, rotmat(0.6), SHAPE) is None
    np.testing.assert_array_equal(draw_horizon(black, K, rotmat(0.6), caption=False), black)
    above, below = draw_horizon(black, K, rotmat(0.6)), draw_horizon(black, K, rotmat(-0.6))
    assert above[:40].any() and not above[80:].any()
    assert below[80:].any() and not below[:40].any()


def test_straight_down_has_no_horizon() -> None:
    line = horizon_line(K, rotmat(np.pi / 2))
    assert line[2] > 0
    assert horizon_ends(K, rotmat(np.pi / 2), SHAPE) is None
