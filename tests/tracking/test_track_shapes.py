"""One shape per person."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from whmr.tracking import TrackFrame, TrackShapes


def test_shapes_are_medians_and_lengths_are_counts(frame_of: Callable[..., TrackFrame]) -> None:
    shapes = TrackShapes(patience=3)
    for number in range(31):
        frame = frame_of(number, (0, 4) if number < 11 else (4,))
        betas = np.full_like(frame.betas, 1.0 if number % 3 else 50.0)  # a third is far off
        shapes.add(replace(frame, betas=betas))
    found = shapes.finish()
    assert {track: length for track, (length, _) in found.items()} == {0: 11, 4: 31}
    for _, betas in found.values():
        np.testing.assert_array_equal(betas, np.ones(10))


def test_frames_of_people_who_are_gone_are_let_go(frame_of: Callable[..., TrackFrame]) -> None:
    shapes = TrackShapes(patience=3)
    for number in range(500):
        shapes.add(frame_of(number, (number // 5,)))
    assert len(shapes._open) == 1
    assert len(shapes.finish()) == 100
