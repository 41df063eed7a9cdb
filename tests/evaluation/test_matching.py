"""Matching people by their joints, against a brute-force search written another way."""

import itertools

import numpy as np
import pytest

from whmr.evaluation import detection_scores, match_people


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """IoU of the boxes around two point sets, by interval arithmetic in plain Python."""
    sides = []
    for axis in (0, 1):
        low = max(min(p[axis] for p in a), min(p[axis] for p in b))
        high = min(max(p[axis] for p in a), max(p[axis] for p in b))
        sides.append(max(0.0, high - low))
    common = sides[0] * sides[1]

    def area(points: np.ndarray) -> float:
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        return (max(xs) - min(xs)) * (max(ys) - min(ys))

    return common / (area(a) + area(b) - common)


def brute_force(pred, target, conf, valid, min_iou=0.1):
    """Look through all pairs again and again for the nearest one that is left."""
    guesses, people = set(range(len(pred))), set(range(len(target)))
    pairs = []
    while True:
        best = None
        for guess, person in itertools.product(sorted(guesses), sorted(people)):
            joints = [k for k in range(target.shape[1]) if conf[person, k] > 0]
            if not joints or overlap(pred[guess, joints], target[person, joints]) < min_iou:
                continue
            total = 0.0
            for k in joints:
                dx, dy = pred[guess, k] - target[person, k]
                total += (dx * dx + dy * dy) ** 0.5
            if best is None or total / len(joints) < best[0]:
                best = (total / len(joints), guess, person)
        if best is None:
            break
        guesses.discard(best[1])
        people.discard(best[2])
        if valid[best[2]]:
            pairs.append(best[1:])
    return sorted(pairs), sorted(guesses), sorted(p for p in people if valid[p])


@pytest.mark.parametrize('seed', range(30))
def test_like_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_people, num_joints = int(rng.integers(0, 7)), 6
    centre = rng.uniform(0, 60, (num_people, 1, 2))
    target = centre + rng.normal(0, 12, (num_people, num_joints, 2))
    found = rng.integers(0, max(num_people, 1), int(rng.integers(0, 9)) if num_people else 0)
    pred = target[found] + rng.normal(0, 8, (len(found), num_joints, 2))
    pred += rng.normal(0, 20, (len(found), 1, 2))
    conf = (rng.random((num_people, num_joints)) > 0.2).astype(float)
    valid = rng.random(num_people) > 0.25
    matches = match_people(pred, target, conf, valid=valid)
    pairs, false_positives, false_negatives = brute_force(pred, target, conf, valid)
    assert sorted(map(tuple, matches.pairs.tolist())) == pairs
    assert matches.false_positives == false_positives
    assert matches.false_negatives == false_negatives


def person(x: float, y: float = 0.0) -> np.ndarray:
    return np.array([[0.0, 0], [10, 0], [0, 20], [10, 20]]) + [x, y]


def test_a_double_detection_is_a_false_positive_and_a_far_one_finds_nobody() -> None:
    target = np.stack([person(0), person(100)])
    pred = np.stack([person(2), person(1), person(60)])
    matches = match_people(pred, target, np.ones((2, 4)))
    assert matches.pairs.tolist() == [[1, 0]]
    assert matches.false_positives == [0, 2]
    assert matches.false_negatives == [1]
    assert detection_scores(1, 2, 1) == pytest.approx((0.4, 1 / 3, 0.5))


def test_people_who_do_not_count_swallow_their_prediction() -> None:
    target = np.stack([person(0), person(100)])
    matches = match_people(target, target, np.ones((2, 4)), valid=np.array([True, False]))
    assert matches.pairs.tolist() == [[0, 0]]
    assert not matches.false_positives and not matches.false_negatives


def test_what_is_not_finite_matches_nobody() -> None:
    matches = match_people(np.stack([person(np.nan)]), np.stack([person(0)]), np.ones((1, 4)))
    assert len(matches.pairs) == 0
    assert (matches.false_positives, matches.false_negatives) == ([0], [0])
    assert detection_scores(0, 1, 1) == (0.0, 0.0, 0.0)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match='expected'):
        match_people(np.zeros((1, 3, 2)), np.zeros((1, 4, 2)), np.ones((1, 4)))
