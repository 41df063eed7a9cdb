"""Which prediction is which person of a photo, by their projected joints."""

from typing import NamedTuple

import numpy as np

MIN_IOU = 0.1


class Matches(NamedTuple):
    """The people of one photo after matching, as indices.

    Shapes: M matched pairs.
        pairs: (M, 2) int: prediction, person.  false_positives, false_negatives: indices of
        predictions and of people.
    """

    pairs: np.ndarray
    false_positives: list[int]
    false_negatives: list[int]


def match_people(
    pred: np.ndarray,
    target: np.ndarray,
    conf: np.ndarray,
    *,
    valid: np.ndarray | None = None,
    min_iou: float = MIN_IOU,
) -> Matches:
    """Match predictions and people of one photo one to one, as AGORA's benchmark describes it.

    Of all pairs whose boxes (around their joints) overlap, the one with the smallest mean joint
    distance in the photo is a match; then the next among those who are left. A person without
    match is a false negative, a prediction without match a false positive. People who are not
    `valid` (AGORA: more than 90 % occluded) are matched like the others, and then neither they nor
    the predictions matched to them count.

    Args:
        pred: Projected joints of each prediction; one that is not finite matches nobody.
        target: Projected joints of each person.
        conf: Joints that count have a confidence above 0; a person without any matches nobody.
        valid: People who count; None = all.
        min_iou: Boxes that overlap less are no match.

    Shapes: P predictions, G people, K joints.
        pred: (P, K, 2), target: (G, K, 2) px.  conf: (G, K).  valid: (G,) bool.

    Raises:
        ValueError: The shapes do not fit.
    """
    num_joints = target.shape[1]
    if pred.shape[1:] != (num_joints, 2) or conf.shape != target.shape[:2]:
        raise ValueError(
            f'pred, target and conf: expected (P, K, 2), (G, K, 2) and (G, K), got {pred.shape}, '
            f'{target.shape} and {conf.shape}'
        )
    valid = np.ones(len(target), bool) if valid is None else np.asarray(valid, bool)
    errors = np.full((len(pred), len(target)), np.inf)
    for person, labelled in enumerate(conf > 0):
        if labelled.any() and len(pred):
            guess, truth = pred[:, labelled], target[person, labelled]
            near = _iou(guess, truth) >= min_iou
            distance = np.linalg.norm(guess - truth, axis=-1).mean(-1)
            errors[:, person] = np.where(near & np.isfinite(distance), distance, np.inf)
    free_pred, free_person = np.ones(len(pred), bool), np.ones(len(target), bool)
    pairs = []
    for flat in np.argsort(errors, axis=None, kind='stable'):
        guess, person = divmod(int(flat), len(target))
        if not np.isfinite(errors[guess, person]):
            break
        if free_pred[guess] and free_person[person]:
            free_pred[guess] = free_person[person] = False
            if valid[person]:
                pairs.append((guess, person))
    return Matches(
        np.array(pairs, np.int64).reshape(-1, 2),
        np.flatnonzero(free_pred).tolist(),
        np.flatnonzero(free_person & valid).tolist(),
    )


def detection_scores(
    num_matches: int, num_false_positives: int, num_false_negatives: int
) -> tuple[float, float, float]:
    """F1, precision and recall; 0 where there is nothing to divide by.

    Args:
        num_matches: Predictions that are somebody.
        num_false_positives: Predictions that are nobody.
        num_false_negatives: People without prediction.
    """

    def share(missed: int) -> float:
        return num_matches / (num_matches + missed) if num_matches else 0.0

    precision, recall = share(num_false_positives), share(num_false_negatives)
    f1 = 2 * precision * recall / (precision + recall) if num_matches else 0.0
    return f1, precision, recall


def _iou(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Overlap of the boxes around point sets (P, K, 2) with the box around one (K, 2): (P,)."""
    low, high = boxes.min(1), boxes.max(1)
    own_low, own_high = box.min(0), box.max(0)
    common = np.clip(np.minimum(high, own_high) - np.maximum(low, own_low), 0, None).prod(-1)
    union = (high - low).prod(-1) + (own_high - own_low).prod() - common
    return np.where(union > 0, common / np.where(union > 0, union, 1), 0.0)
