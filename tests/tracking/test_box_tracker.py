"""Who is who."""

import numpy as np
import pytest

from whmr.registry import TRACKERS
from whmr.tracking import BoxTracker, box_overlaps


def walker(x: float, *, height: float = 200.0) -> list[float]:
    """The box of somebody whose middle is at x."""
    return [x - height / 5, 100.0, x + height / 5, 100.0 + height]


def track(tracker: BoxTracker, places: list[float], scores: list[float] | None = None) -> list[int]:
    """Feed people who stand at `places`; who they are."""
    boxes = np.array([walker(x) for x in places]).reshape(-1, 4)
    found = tracker.update(boxes, np.array(scores if scores is not None else [0.9] * len(places)))
    return found.tolist()


def test_overlaps_are_those_of_hand() -> None:
    ones = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    others = np.array([[5.0, 0, 15, 10], [0, 0, 10, 10], [3, 3, 3, 3]])
    expected = [[50 / 150, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(box_overlaps(ones, others), expected)


def test_a_registered_component_takes_its_settings_from_a_config() -> None:
    tracker = TRACKERS.build(dict(type='BoxTracker', max_missed=3))
    assert isinstance(tracker, BoxTracker)
    assert tracker.max_missed == 3


def test_people_keep_their_numbers_whatever_the_order_of_the_boxes() -> None:
    tracker = BoxTracker()
    assert track(tracker, [100, 400]) == [0, 1]
    assert track(tracker, [405, 110]) == [1, 0]
    assert track(tracker, [120, 410, 700]) == [0, 1, 2]


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    tracker = BoxTracker()
    for step in range(30):
        found = track(tracker, [100 + 12 * step, 450 - 12 * step])
        assert found == [0, 1], step


def test_velocity_bridges_a_gap_that_overlap_alone_cannot() -> None:
    speed, away = 15.0, 8
    tracker = BoxTracker()
    for step in range(12):
        assert track(tracker, [100 + speed * step]) == [0]
    for _ in range(away):
        assert track(tracker, []) == []
    back = 100 + speed * (11 + away + 1)
    assert box_overlaps(np.array([walker(back)]), np.array([walker(100 + speed * 11)])) == 0
    assert track(tracker, [back]) == [0]


def test_who_is_away_for_too_long_is_somebody_new() -> None:
    tracker = BoxTracker(max_missed=3)
    track(tracker, [100])
    for _ in range(3):
        track(tracker, [])
    assert track(tracker, [100]) == [0]
    for _ in range(4):
        track(tracker, [])
    assert track(tracker, [100]) == [1]


def test_an_unsure_box_goes_on_with_a_track_but_starts_none() -> None:
    tracker = BoxTracker(sure_score=0.5)
    assert track(tracker, [100], [0.9]) == [0]
    assert track(tracker, [104, 600], [0.3, 0.3]) == [0, -1]
    assert track(tracker, [108, 600], [0.3, 0.8]) == [0, 1]


def test_a_sure_box_is_linked_before_an_unsure_one_that_fits_better() -> None:
    tracker = BoxTracker()
    track(tracker, [100], [0.9])
    assert track(tracker, [100, 110], [0.3, 0.9]) == [-1, 0]


def test_all_links_together_are_the_best_ones() -> None:
    """Greedy linking would give the middle box to the first person and none to the second."""
    tracker = BoxTracker()
    track(tracker, [100, 150])
    assert track(tracker, [130, 190]) == [0, 1]


def test_after_a_reset_everybody_is_new() -> None:
    tracker = BoxTracker()
    assert track(tracker, [100, 400]) == [0, 1]
    tracker.reset()
    assert track(tracker, [100, 400]) == [2, 3]


def test_memory_is_that_of_the_people_in_sight() -> None:
    tracker = BoxTracker(max_missed=2)
    for step in range(200):
        track(tracker, [1000.0 * step])
    assert len(tracker._tracks) == 3


@pytest.mark.parametrize(
    ('boxes', 'scores', 'message'),
    [
        (np.zeros((2, 3)), np.zeros(2), r'boxes must be \(N, 4\)'),
        (np.zeros((2, 4)), np.zeros(3), r'scores \(N,\), got \(2, 4\) and \(3,\)'),
        (np.full((1, 4), np.nan), np.zeros(1), 'must be finite'),
    ],
)
def test_what_are_no_boxes_is_refused(boxes: np.ndarray, scores: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoxTracker().update(boxes, scores)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(sure_score=1.5), r'sure_score=1.5 is outside \[0, 1\]'),
        (dict(max_missed=-1), 'max_missed=-1 must be 0 or more'),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoxTracker(**settings)
