"""How the people of a video are followed, and the options of the command line for it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SMOOTHERS = {'one-euro': 'OneEuroSmoother', 'savgol': 'SavitzkyGolaySmoother'}
SMOOTH = ('none', *SMOOTHERS)


@dataclass(frozen=True)
class VideoOptions:
    """How the people of a video are followed.

    Args:
        smooth: 'none' leaves poses as they are estimated; 'one-euro' looks only back and lags a
            little; 'savgol' looks back and ahead. With either, a person has one shape.
        shot_camera: One camera per shot: up to 16 frames say what it is, then the whole shot is
            estimated with it.
        max_gap: Frames for which somebody who is away is filled in.
        min_length: Who is seen in fewer frames is taken for a mistake of the detector, unless the
            video has no more.
        every: Take frames 0, every, 2 * every, ...
        max_frames: Take so many frames at most; None = all.
        overlay: Whether to write a video with the people drawn over it.
        tracker: Config of `TRACKERS`.
        smoother: Config of `SMOOTHERS`; None goes by `smooth`.
        cut_threshold: See `ShotDetector`.

    Raises:
        ValueError: If a value is out of its range.
    """

    smooth: str = 'none'
    shot_camera: bool = False
    max_gap: int = 10
    min_length: int = 3
    every: int = 1
    max_frames: int | None = None
    overlay: bool = True
    tracker: Mapping[str, Any] = field(default_factory=lambda: {'type': 'BoxTracker'})
    smoother: Mapping[str, Any] | None = None
    cut_threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.smooth not in SMOOTH:
            raise ValueError(f'smooth={self.smooth!r}: one of {list(SMOOTH)}')
        for name, least in (('max_gap', 0), ('min_length', 1)):
            if getattr(self, name) < least:
                raise ValueError(f'{name}={getattr(self, name)}: must be {least} or more')

    @property
    def smoother_config(self) -> dict[str, Any] | None:
        """Config of `SMOOTHERS`; None smooths nothing."""
        if self.smoother is not None:
            return dict(self.smoother)
        return None if self.smooth == 'none' else {'type': SMOOTHERS[self.smooth]}


def add_video_options(parser: ArgumentParser) -> None:
    """Add the options that say how the people of a video are followed.

    Args:
        parser: Of a command that has `--every`, `--max-frames` and `--no-pictures`, too.
    """
    default = VideoOptions()
    group = parser.add_argument_group('videos, followed as a whole (see docs/video.md)')
    group.add_argument(
        '--track',
        action='store_true',
        help='tell who is who, and write results.npz and overlay.mp4 instead of files per frame; '
        'any option below asks for it, too',
    )
    group.add_argument(
        '--smooth',
        choices=SMOOTH,
        help='make movement steadier: savgol looks back and ahead, one-euro only back '
        f'(default: {default.smooth})',
    )
    group.add_argument(
        '--shot-camera',
        action='store_true',
        help='the camera does not move: one focal length and rotation per shot',
    )
    group.add_argument(
        '--max-gap',
        type=int,
        metavar='N',
        help='fill in who is away for N frames or fewer, flagged as interpolated '
        f'(default: {default.max_gap})',
    )


def read_video_options(args: Namespace) -> VideoOptions | None:
    """What `add_video_options` was told; None if videos are taken frame by frame.

    Args:
        args: The parsed arguments.

    Raises:
        ValueError: If a value is out of its range.
    """
    default = VideoOptions()
    asked = (args.track, args.smooth is not None, args.shot_camera, args.max_gap is not None)
    if not any(asked):
        return None
    return VideoOptions(
        smooth=args.smooth or default.smooth,
        shot_camera=args.shot_camera,
        max_gap=default.max_gap if args.max_gap is None else args.max_gap,
        every=args.every,
        max_frames=args.max_frames,
        overlay=not args.no_pictures,
    )
