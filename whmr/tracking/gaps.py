"""People who are away for a few frames."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from whmr.tracking.track_frame import TrackFrame, between


def fill_gaps(frames: Iterable[TrackFrame], max_gap: int) -> Iterator[TrackFrame]:
    """Put people into the frames between two in which they are seen, flagged as interpolated.

    Frames come out `max_gap` later than they go in; no more of them are kept.

    Args:
        frames: One after another, people with unique track numbers.
        max_gap: Most frames in a row that are filled; 0 fills none.

    Raises:
        ValueError: If `max_gap` is negative.
    """
    if max_gap < 0:
        raise ValueError(f'max_gap={max_gap}: must be 0 or more')
    waiting: deque[tuple[TrackFrame, list[TrackFrame]]] = deque()  # frames, and who is added
    seen: dict[int, tuple[int, TrackFrame]] = {}  # track -> when it was last there, and how
    for now, frame in enumerate(frames):
        waiting.append((frame, []))
        for row, track in enumerate(frame.track_ids.tolist()):
            person = frame.take(np.array([row]))
            when, before = seen.get(track, (now, person))
            for back in range(1, now - when):
                share = 1 - back / (now - when)
                waiting[-1 - back][1].append(between(before, person, share))
            seen[track] = (now, person)
        seen = {track: (when, who) for track, (when, who) in seen.items() if now - when <= max_gap}
        if len(waiting) > max_gap:
            yield _merged(*waiting.popleft())
    while waiting:
        yield _merged(*waiting.popleft())


def _merged(frame: TrackFrame, added: list[TrackFrame]) -> TrackFrame:
    return frame.joined(added) if added else frame
