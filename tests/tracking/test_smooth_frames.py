"""Smoothed tracks and cameras."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from whmr.tracking import (
    SavitzkyGolaySmoother,
    TrackFrame,
    rotation_step,
    smooth_frames,
)


def test_people_and_camera_get_steadier_and_all_else_stays(
    rotmat: Callable[[np.ndarray], np.ndarray], frame_of: Callable[..., TrackFrame]
) -> None:
    rng = np.random.default_rng(0)
    frames = []
    for number in range(60):
        people = (2, 5) if number < 30 else (5,)
        frame = frame_of(number, people, angle=1 + rng.normal(0, 0.05), at=rng.normal(0, 0.05))
        camera = rotmat(np.array([0.2, 0, 0]) + rng.normal(0, 0.05, 3))
        frames.append(replace(frame, world2cam_rotmat=camera))
    found = list(smooth_frames(iter(frames), SavitzkyGolaySmoother(), 30.0))

    def spread(each: list[TrackFrame], of: str) -> float:
        if of == 'camera':
            steps = [rotation_step(rotmat(np.array([0.2, 0, 0])), f.world2cam_rotmat) for f in each]
        elif of == 'pose':
            steps = [f.rotations[-1, 9] - rotmat(np.array([0, 1.0, 0])) for f in each]
        else:
            steps = [f.placement[-1, :1] for f in each]
        return float(np.std(steps))

    for what in ('camera', 'pose', 'place'):
        assert spread(found, what) < 0.7 * spread(frames, what), what
    for before, after in zip(frames, found, strict=True):
        for name in ('number', 'track_ids', 'boxes', 'betas', 'interpolated'):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_a_cut_is_not_smoothed_over(
    rotmat: Callable[[np.ndarray], np.ndarray], frame_of: Callable[..., TrackFrame]
) -> None:
    frames = [
        replace(
            frame_of(number, (number // 10,), angle=float(number // 10)),
            shot=np.array(number // 10),
            world2cam_rotmat=rotmat(np.array([0.5 * (number // 10), 0, 0])),
        )
        for number in range(20)
    ]
    for before, after in zip(frames, smooth_frames(frames, SavitzkyGolaySmoother(), 30.0)):
        np.testing.assert_allclose(after.world2cam_rotmat, before.world2cam_rotmat, atol=1e-9)
        np.testing.assert_allclose(after.rotations, before.rotations, atol=1e-9)


def test_frames_without_people_or_camera_pass_through(
    frame_of: Callable[..., TrackFrame],
) -> None:
    frames = [
        replace(frame_of(number, ()), world2cam_rotmat=np.full((3, 3), np.nan))
        for number in range(5)
    ]
    found = list(smooth_frames(frames, SavitzkyGolaySmoother(), 30.0))
    assert [len(frame) for frame in found] == [0] * 5
    assert found[0].rotations.shape == (0, 25, 3, 3)
    assert np.isnan(found[0].world2cam_rotmat).all()


def test_the_rate_must_be_known(frame_of: Callable[..., TrackFrame]) -> None:
    with pytest.raises(ValueError, match='rate=nan: must be positive'):
        list(smooth_frames([frame_of(0)], SavitzkyGolaySmoother(), float('nan')))
