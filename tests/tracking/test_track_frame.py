"""Frames as numbers."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from whmr.tracking import TrackFrame, between, read_frames


def test_frames_come_back_from_disk_one_by_one(
    tmp_path: Path, frame_of: Callable[..., TrackFrame]
) -> None:
    frames = [frame_of(0, (0, 1)), frame_of(3, ()), frame_of(6, (1,), angle=0.3, at=2)]
    with open(tmp_path / 'frames', 'wb') as file:
        for frame in frames:
            frame.write(file)
    with open(tmp_path / 'frames', 'rb') as file:
        back = list(read_frames(file, len(frames)))
    for frame, other in zip(frames, back, strict=True):
        for field in fields(TrackFrame):
            np.testing.assert_array_equal(getattr(frame, field.name), getattr(other, field.name))


def test_people_between_two_frames_turn_and_move_evenly(
    rotmat: Callable[[np.ndarray], np.ndarray], frame_of: Callable[..., TrackFrame]
) -> None:
    before, after = frame_of(0, (4,), angle=0.0, at=1.0), frame_of(10, (4,), angle=1.0, at=3.0)
    middle = between(before, after, 0.25)
    np.testing.assert_allclose(middle.rotations[0, 7], rotmat(np.array([0, 0.25, 0])), atol=1e-9)
    np.testing.assert_allclose(middle.placement[0, 0], 1.5)
    np.testing.assert_allclose(middle.betas[0], 2.5)
    assert middle.interpolated.all()
    assert middle.scores[0] == 0


def test_the_place_is_what_was_estimated(frame_of: Callable[..., TrackFrame]) -> None:
    cam_t, focal_length = frame_of(0, (0,), at=0.5).cam_t()
    np.testing.assert_allclose(cam_t, [[0.5, 0, 5]])
    np.testing.assert_allclose(focal_length, [1000])


def test_joined_people_stand_in_the_order_of_their_tracks(
    frame_of: Callable[..., TrackFrame],
) -> None:
    joined = frame_of(0, (1, 5)).joined([frame_of(0, (3,), at=7)])
    assert joined.track_ids.tolist() == [1, 3, 5]
    assert joined.placement[:, 0].tolist() == [0, 7, 0]
