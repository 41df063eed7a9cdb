"""Who is who in frames that follow each other, by their boxes alone."""

from collections.abc import Sequence

import numpy as np

from whmr.tracking import box_overlaps

MIN_OVERLAP = 0.2  # IoU of the boxes of one person in two frames that follow each other
MAX_GAP = 5  # frames that a person may be away for


def link_boxes(boxes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Who is who in frames that follow each other, by the overlap of boxes alone.

    A stand-in for a tracker: the pair that overlaps most is linked first, and a person who is away
    for more than 5 frames comes back as somebody else.

    Shapes: N people of a frame.
        boxes: (N, 4) xyxy px per frame.  returns: (N,) int64 per frame; all -1 for a single frame.
    """
    if len(boxes) == 1:
        return [np.full(len(boxes[0]), -1, np.int64)]
    last: dict[int, tuple[int, np.ndarray]] = {}  # track -> frame and box, of those not long gone
    linked, used = [], 0
    for frame, found in enumerate(boxes):
        ids = np.full(len(found), -1, np.int64)
        last = {track: place for track, place in last.items() if frame - place[0] <= MAX_GAP + 1}
        known = np.array([box for _, box in last.values()]).reshape(-1, 4)
        overlap = box_overlaps(found, known)
        pairs = sorted(
            (-overlap[row, index], row, track)
            for row in range(len(found))
            for index, track in enumerate(last)
        )
        taken: set[int] = set()
        for score, row, track in pairs:
            if -score >= MIN_OVERLAP and ids[row] < 0 and track not in taken:
                ids[row] = track
                taken.add(track)
        for row in np.flatnonzero(ids < 0):
            ids[row] = used
            used += 1
        last |= {int(track): (frame, box) for track, box in zip(ids, found)}
        linked.append(ids)
    return linked
