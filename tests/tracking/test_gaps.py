"""People who are away."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from whmr.tracking import TrackFrame, fill_gaps


def test_a_short_gap_is_filled_and_flagged_and_a_long_one_is_not(
    rotmat: Callable[[np.ndarray], np.ndarray], frame_of: Callable[..., TrackFrame]
) -> None:
    there = [(0, 1), (0,), (0,), (0, 1), (1,), (1,), (1,), (0, 1)]
    frames = [frame_of(i, who, angle=0.1 * i, at=i) for i, who in enumerate(there)]
    filled = list(fill_gaps(frames, 2))
    assert [frame.track_ids.tolist() for frame in filled] == [
        [0, 1], [0, 1], [0, 1], [0, 1], [1], [1], [1], [0, 1],
    ]  # fmt: skip
    assert [frame.interpolated.tolist() for frame in filled[:4]] == [
        [False, False], [False, True], [False, True], [False, False],
    ]  # fmt: skip
    np.testing.assert_allclose(filled[2].placement[1, 0], 2)
    np.testing.assert_allclose(filled[2].rotations[1, 0], rotmat(np.array([0, 0.2, 0])), atol=1e-9)


@pytest.mark.parametrize('max_gap', [0, 3])
def test_frames_are_taken_only_as_they_are_needed(
    max_gap: int, frame_of: Callable[..., TrackFrame]
) -> None:
    taken = []

    def frames() -> Iterator[TrackFrame]:
        for number in range(10):
            taken.append(number)
            yield frame_of(number)

    filled = fill_gaps(frames(), max_gap)
    for number in range(10):
        assert int(next(filled).number) == number
        assert len(taken) == min(10, number + 1 + max_gap)


def test_a_negative_gap_is_refused() -> None:
    with pytest.raises(ValueError, match='max_gap=-1'):
        list(fill_gaps([], -1))
