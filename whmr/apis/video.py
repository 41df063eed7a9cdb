"""From a video to people who are followed through it."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mmengine.utils import ProgressBar

from whmr.apis.image_source import VIDEO_SUFFIXES, ImageSource, SourceImage
from whmr.apis.inferencer import HMRInferencer
from whmr.apis.known_camera import LENS_KEYS, ROTATION_KEYS, is_per_photo
from whmr.apis.report import InferenceReport
from whmr.apis.video_cameras import estimate_shot_cameras
from whmr.apis.video_options import VideoOptions
from whmr.apis.video_overlay import open_overlay
from whmr.apis.video_people import pose_tracks
from whmr.apis.video_spool import ShotCamera, VideoPass, VideoSpool
from whmr.apis.video_table import VideoTable
from whmr.registry import SMOOTHERS, TRACKERS
from whmr.tracking import Smoother, Tracker, TrackFrame, fill_gaps, smooth_frames

TABLE, OVERLAY = 'results.npz', 'overlay.mp4'
USUAL_RATE = 30.0  # Hz, of a video that does not say its own


@dataclass
class VideoReport(InferenceReport):
    """What a run over videos did; `written` are its files."""

    num_shots: int = 0
    num_tracks: int = 0
    num_interpolated: int = 0  # people who were filled in; they are not in `num_people`
    written: list[Path] = field(default_factory=list)

    def summary(self) -> str:
        """A few lines: counts, then one line per failure."""
        return (
            f'{self.num_tracks} tracks in {self.num_shots} shots, {self.num_interpolated} people '
            f'filled in\n{super().summary()}'
        )


def infer_videos(
    inferencer: HMRInferencer,
    videos: str | Path | Sequence[str | Path],
    out_dir: str | Path,
    *,
    options: VideoOptions | None = None,
    camera: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> VideoReport:
    """Estimate the people of videos, follow them, and write `results.npz` and `overlay.mp4`.

    A video is gone through once by the model and once to draw (and before that once to find its
    cameras, if they are asked for); in between, its people are on disk, so that the memory does not
    grow with its length. A video that breaks off is used up to there and listed in the report.
    Poses are those of the parameters; a mesh that a model changes beyond them is not kept.

    Args:
        inferencer: Who estimates.
        videos: Files. Of several, each is written to a folder of its own in `out_dir`.
        out_dir: Where files are written; it is made if needed.
        options: How people are followed.
        camera: What is known of the cameras, see `find_camera`.
        progress: Show a progress bar.

    Raises:
        ImportError: If scipy is not installed.
        KeyboardInterrupt: If the user interrupts; what was estimated by then is written before.
        OSError: If a file cannot be written.
        ValueError: If an argument is wrong, or an input is no video.
    """
    options = options or VideoOptions()
    single = isinstance(videos, (str, Path))
    paths = [Path(str(video)) for video in ([videos] if single else videos)]
    for path in paths:
        if path.suffix.lower() not in VIDEO_SUFFIXES:
            raise ValueError(
                f'{path}: only videos ({", ".join(sorted(VIDEO_SUFFIXES))}) can be followed; take '
                'anything else without the options for videos'
            )
    if options.shot_camera and is_per_photo(camera):
        raise ValueError('shot_camera: cameras are given by photo, give one camera or none')
    report = VideoReport()
    names: set[str] = set()
    for index, path in enumerate(paths):
        name = path.stem
        while name in names:
            name = f'{name}_{index}'
        names.add(name)
        folder = Path(out_dir) if len(paths) == 1 else Path(out_dir) / name
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix='.video.partial.', dir=folder) as workspace:
            run = _VideoRun(
                inferencer=inferencer,
                path=path,
                folder=folder,
                workspace=Path(workspace),
                options=options,
                report=report,
                progress=progress,
            )
            run.do(camera)
    return report


@dataclass(kw_only=True)
class _VideoRun:
    """One video on its way."""

    inferencer: HMRInferencer
    path: Path
    folder: Path
    workspace: Path
    options: VideoOptions
    report: VideoReport
    progress: bool
    tracker: Tracker = field(init=False)
    smoother: Smoother | None = field(init=False)

    def __post_init__(self) -> None:
        self.tracker = TRACKERS.build(dict(self.options.tracker))
        config = self.options.smoother_config
        self.smoother = None if config is None else SMOOTHERS.build(config)

    def do(self, camera: Mapping[str, Any] | None) -> None:
        """Estimate, follow, steady, write."""
        options, cameras = self.options, camera
        looked_up = _unknown_sources(camera) if options.shot_camera else set()
        if looked_up:
            cameras = estimate_shot_cameras(
                self.inferencer,
                self._pictures('cameras'),
                known=camera,
                cut_threshold=options.cut_threshold,
            )
        first_pass = VideoPass(
            self.inferencer, self.tracker, self.report, cut_threshold=options.cut_threshold
        )
        spool = first_pass.run(
            self._pictures('people'),
            self.workspace / 'frames',
            every=options.every,
            cameras=cameras,
        )
        if spool.num_frames:
            self._write(spool, looked_up)
        if spool.interrupted:
            raise KeyboardInterrupt

    def _write(self, spool: VideoSpool, looked_up: set[str]) -> None:
        body = self.inferencer.estimator.body_model
        faces = body.faces.cpu().numpy()
        options, rate = self.options, spool.fps or USUAL_RATE
        columns = self.workspace / 'columns'
        columns.mkdir()
        table = VideoTable(
            columns, str(self.path), spool.image_shape, body_model=body, fps=spool.fps
        )
        overlay = open_overlay(self.folder / OVERLAY, rate) if options.overlay else nullcontext()
        pictures = self._pictures('drawing') if options.overlay else None
        tracks: set[int] = set()
        with overlay as drawn:
            for frame in self._steady(spool, rate):
                posed = pose_tracks(_said_to_be_predicted(frame, looked_up), body)
                table.add(posed, spool.shots[int(frame.shot)].focal_length)
                tracks.update(frame.track_ids.tolist())
                self.report.num_interpolated += int(frame.interpolated.sum())
                if pictures is not None:
                    image = next(pictures).image
                    if image is not None:
                        drawn.add(image, posed.people(faces))
        table.write(self.folder / TABLE)
        self.report.num_tracks += len(tracks)
        self.report.num_shots += len(spool.shots)
        self.report.written.append(self.folder / TABLE)
        if options.overlay:
            self.report.written.append(self.folder / OVERLAY)

    def _steady(self, spool: VideoSpool, rate: float) -> Iterator[TrackFrame]:
        """The frames as they are written."""
        min_length = min(self.options.min_length, spool.num_frames)
        frames = _long_tracks(spool.read(), spool.shapes, min_length)
        frames = fill_gaps(_held_cameras(frames, spool.shots), self.options.max_gap)
        if self.smoother is None:
            return frames
        return smooth_frames(_one_shape(frames, spool.shapes), self.smoother, rate)

    def _pictures(self, what: str) -> Iterator[SourceImage]:
        """The frames of the video, once more."""
        source = ImageSource(
            self.path, every=self.options.every, max_frames=self.options.max_frames
        )
        if self.progress:
            sys.stderr.write(f'\n{self.path}: {what}\n')
        bar = ProgressBar(len(source), file=sys.stderr) if self.progress else None
        for picture in source:
            if bar is not None:
                bar.update()
            yield picture


def _unknown_sources(camera: Mapping[str, Any] | None) -> set[str]:
    """Of which of the two the user has not told the value."""
    told = {'focal_source': LENS_KEYS, 'rotation_source': ROTATION_KEYS}
    return {name for name, keys in told.items() if not set(camera or {}) & set(keys)}


def _said_to_be_predicted(frame: TrackFrame, looked_up: set[str]) -> TrackFrame:
    """What the model was given because it was looked up in other frames is predicted."""
    given = {name for name in looked_up if getattr(frame, name) == 'given'}
    return replace(frame, **{name: np.array('predicted') for name in given})


def _long_tracks(
    frames: Iterable[TrackFrame], shapes: Mapping[int, tuple[int, np.ndarray]], min_length: int
) -> Iterator[TrackFrame]:
    """Without those who are seen in fewer frames than `min_length`."""
    for frame in frames:
        lengths = np.array([shapes[track][0] for track in frame.track_ids.tolist()], int)
        yield frame.take(lengths >= min_length)


def _held_cameras(
    frames: Iterable[TrackFrame], shots: Sequence[ShotCamera]
) -> Iterator[TrackFrame]:
    """Where a frame's rotation is not known, the last one of the shot (the first, at its start)."""
    shot, held = -1, np.full((3, 3), np.nan)
    for frame in frames:
        if int(frame.shot) != shot:
            shot, held = int(frame.shot), shots[int(frame.shot)].world2cam_rotmat
        if np.isfinite(frame.world2cam_rotmat).all():
            held = frame.world2cam_rotmat
        yield replace(frame, world2cam_rotmat=held)


def _one_shape(
    frames: Iterable[TrackFrame], shapes: Mapping[int, tuple[int, np.ndarray]]
) -> Iterator[TrackFrame]:
    """Each person in the shape of its track."""
    for frame in frames:
        betas = [shapes[track][1] for track in frame.track_ids.tolist()]
        yield replace(frame, betas=np.array(betas).reshape(frame.betas.shape))
