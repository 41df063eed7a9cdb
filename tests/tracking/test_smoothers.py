"""Steady movement."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from whmr.registry import SMOOTHERS
from whmr.tracking import (
    OneEuroSmoother,
    SavitzkyGolaySmoother,
    Signal,
    Smoother,
    rotation_step,
)

RATE = 30.0
Maker = Callable[[np.ndarray], np.ndarray]


def angles_of(frames: list[dict[int, Signal]], who: int = 0) -> np.ndarray:
    """(T,) rad about y."""
    return np.array([rotation_step(np.eye(3), frame[who].rotations[0])[1] for frame in frames])


def series(rotmat: Maker, angles: np.ndarray, numbers: np.ndarray) -> list[dict[int, Signal]]:
    """One person who turns about y."""
    vectors = np.stack([np.zeros_like(angles), angles, np.zeros_like(angles)], axis=-1)
    return [
        {0: Signal(rotation[None], np.array([number]))}
        for rotation, number in zip(rotmat(vectors), numbers)
    ]


def jitter(values: np.ndarray) -> float:
    """Root mean square of the second difference."""
    return float(np.sqrt((np.diff(values, 2) ** 2).mean()))


@pytest.fixture(params=['OneEuroSmoother', 'SavitzkyGolaySmoother'])
def smoother(request: pytest.FixtureRequest) -> Smoother:
    """Each of them, built by its name."""
    return SMOOTHERS.build(dict(type=request.param))


def test_noise_at_rest_shrinks(smoother: Smoother, rotmat: Maker) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.05, (2, 200))
    frames = series(rotmat, 2.0 + noise[0], 4.0 + noise[1])
    found = list(smoother.smooth(frames, RATE))
    angles = angles_of(found)[20:]
    numbers = np.array([frame[0].numbers[0] for frame in found])[20:]
    for values, truth, before in ((angles, 2.0, noise[0]), (numbers, 4.0, noise[1])):
        assert np.abs(values.mean() - truth) < 0.01
        assert values.std() < 0.6 * before.std()
        assert jitter(values) < 0.35 * jitter(before)


def test_what_does_not_move_stays_exactly_where_it_is(smoother: Smoother, rotmat: Maker) -> None:
    frames = series(rotmat, np.full(20, 3.1), np.full(20, 0.7))  # close to half a turn
    for before, after in zip(frames, smoother.smooth(frames, RATE), strict=True):
        np.testing.assert_allclose(after[0].rotations, before[0].rotations, atol=1e-9)
        np.testing.assert_allclose(after[0].numbers, before[0].numbers, atol=1e-12)


def test_whole_turns_are_followed(smoother: Smoother, rotmat: Maker) -> None:
    """Angles that wrap from pi to -pi are no jump of a rotation."""
    angles = np.linspace(0, 6 * np.pi, 180)
    found = list(smoother.smooth(series(rotmat, angles, angles), RATE))
    lag = rotation_step(
        np.stack([frame[0].rotations[0] for frame in found]),
        np.stack([frame[0].rotations[0] for frame in series(rotmat, angles, angles)]),
    )
    assert np.abs(lag).max() < 0.5
    assert np.abs(np.diff(lag[60:, 1])).max() < 0.02


def test_results_are_rotations(smoother: Smoother, rotmat: Maker) -> None:
    rng = np.random.default_rng(1)
    frames = [
        {0: Signal(rotmat(rng.normal(0, 1, (25, 3))), np.zeros(4))} for _ in range(30)
    ]  # fmt: skip
    for frame in smoother.smooth(frames, RATE):
        square = frame[0].rotations @ frame[0].rotations.swapaxes(1, 2)
        np.testing.assert_allclose(square, np.tile(np.eye(3), (25, 1, 1)), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(frame[0].rotations), 1, atol=1e-9)


def test_people_come_and_go_and_do_not_mix(smoother: Smoother, rotmat: Maker) -> None:
    one = series(rotmat, np.full(60, 0.5), np.full(60, 1.0))
    other = series(rotmat, np.full(60, -0.5), np.full(60, 9.0))
    frames = []
    for number in range(60):
        frame = {0: one[number][0]} if number < 40 else {}
        frames.append(frame | ({7: other[number][0]} if number >= 25 else {}))
    found = list(smoother.smooth(frames, RATE))
    assert [set(frame) for frame in found] == [set(frame) for frame in frames]
    for frame in found:
        for who, number in ((0, 1.0), (7, 9.0)):
            assert who not in frame or frame[who].numbers[0] == pytest.approx(number)


def test_unknown_numbers_stay_unknown_and_spoil_nothing(smoother: Smoother, rotmat: Maker) -> None:
    frames = [
        {0: Signal(np.stack([frame[0].rotations[0], np.full((3, 3), np.nan)]), np.array([1.0]))}
        for frame in series(rotmat, np.full(20, 0.4), np.zeros(20))
    ]
    for frame in smoother.smooth(frames, RATE):
        assert np.isnan(frame[0].rotations[1]).all()
        np.testing.assert_allclose(frame[0].rotations[0], frames[0][0].rotations[0], atol=1e-9)


def test_one_euro_lags_less_the_faster_it_goes(rotmat: Maker) -> None:
    angles = np.linspace(0, 8, 120)
    lags = []
    for weight in (0.0, 2.0):
        frames = OneEuroSmoother(speed_weight=weight).smooth(series(rotmat, angles, angles), RATE)
        lags.append(float(angles[-1] - [frame[0].numbers[0] for frame in frames][-1]))
    assert lags[1] < 0.5 * lags[0]


def test_one_euro_hands_frames_out_at_once_and_starts_anew_after_a_while(rotmat: Maker) -> None:
    frames = series(rotmat, np.zeros(2), np.array([0.0, 10.0]))
    taken: list[int] = []

    def source() -> Iterator[dict[int, Signal]]:
        for number in range(40):
            taken.append(number)
            yield frames[0] if number < 10 else frames[1] if number >= 30 else {}

    found = []
    for number, frame in enumerate(OneEuroSmoother(forget_after=0.5).smooth(source(), RATE)):
        assert len(taken) == number + 1
        found.append(frame)
    assert found[30][0].numbers[0] == 10.0


def test_savitzky_golay_is_exact_for_parabolas_also_at_the_ends(rotmat: Maker) -> None:
    times = np.arange(40) / RATE
    values = 0.3 + 0.5 * times - 0.8 * times**2
    found = list(SavitzkyGolaySmoother().smooth(series(rotmat, values, values), RATE))
    np.testing.assert_allclose([frame[0].numbers[0] for frame in found], values, atol=1e-9)
    np.testing.assert_allclose(angles_of(found), values, atol=1e-9)


def test_savitzky_golay_equals_scipys_inside_a_track(rotmat: Maker) -> None:
    from scipy.signal import savgol_filter

    values = np.random.default_rng(0).normal(size=50)
    found = SavitzkyGolaySmoother(window=14 / RATE).smooth(
        series(rotmat, np.zeros(50), values), RATE
    )
    numbers = np.array([frame[0].numbers[0] for frame in found])
    np.testing.assert_allclose(numbers[7:-7], savgol_filter(values, 15, 2)[7:-7], atol=1e-9)


def test_savitzky_golay_keeps_one_window_only(rotmat: Maker) -> None:
    frame = series(rotmat, np.zeros(1), np.zeros(1))[0]
    taken: list[int] = []

    def source() -> Iterator[dict[int, Signal]]:
        for number in range(50):
            taken.append(number)
            yield frame

    for number, _ in enumerate(SavitzkyGolaySmoother(window=10 / RATE).smooth(source(), RATE)):
        assert len(taken) == min(50, number + 1 + 5)


@pytest.mark.parametrize('length', [0, 1, 2, 3, 7])
def test_short_videos_come_out_whole(smoother: Smoother, rotmat: Maker, length: int) -> None:
    values = np.arange(float(length))
    assert len(list(smoother.smooth(series(rotmat, values, values), RATE))) == length


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: OneEuroSmoother(min_cutoff=0), 'must be positive'),
        (lambda: SavitzkyGolaySmoother(window=0), 'window=0 must be positive'),
        (lambda: SavitzkyGolaySmoother(order=-1), 'order=-1'),
    ],
)
def test_settings_out_of_range_are_refused(build: Callable[[], Smoother], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
