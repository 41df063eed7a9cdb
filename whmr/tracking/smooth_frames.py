"""Steadier people and cameras, track by track."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import tee

import numpy as np

from whmr.tracking.smoother import Signal, Smoother
from whmr.tracking.track_frame import TrackFrame


def smooth_frames(
    frames: Iterable[TrackFrame], smoother: Smoother, rate: float
) -> Iterator[TrackFrame]:
    """Smooth poses, places and focal lengths of each track, and the camera's rotation in each shot.

    Args:
        frames: One after another.
        smoother: How.
        rate: Frames per second.

    Raises:
        ValueError: If `rate` is not positive.
    """
    if not rate > 0:
        raise ValueError(f'rate={rate}: must be positive')
    originals, copies = tee(frames)
    steady = smoother.smooth(map(_signals, copies), rate)
    for frame, signals in zip(originals, steady, strict=True):
        yield _with_signals(frame, signals)


def _camera(frame: TrackFrame) -> int:
    """What the camera is called among the signals: tracks have the numbers from 0 on."""
    return -1 - int(frame.shot)


def _signals(frame: TrackFrame) -> dict[int, Signal]:
    people = zip(frame.track_ids.tolist(), frame.rotations, frame.placement)
    signals = {track: Signal(rotations, numbers) for track, rotations, numbers in people}
    if np.isfinite(frame.world2cam_rotmat).all():
        signals[_camera(frame)] = Signal(frame.world2cam_rotmat[None], np.zeros(0))
    return signals


def _with_signals(frame: TrackFrame, signals: dict[int, Signal]) -> TrackFrame:
    people = [signals[track] for track in frame.track_ids.tolist()]
    camera = signals.get(_camera(frame))
    return replace(
        frame,
        world2cam_rotmat=frame.world2cam_rotmat if camera is None else camera.rotations[0],
        rotations=np.array([each.rotations for each in people]).reshape(frame.rotations.shape),
        placement=np.array([each.numbers for each in people]).reshape(frame.placement.shape),
    )
