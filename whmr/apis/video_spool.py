"""The first pass over a video: people are estimated and tracked, and kept on disk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, groupby
from pathlib import Path
from typing import Any

import numpy as np

from whmr.apis.hmr_result import HMRResult
from whmr.apis.image_source import SourceImage
from whmr.apis.inferencer import HMRInferencer
from whmr.apis.photo_batches import Photo
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.video_people import empty_frame, track_frame
from whmr.tracking import BoundedSample, ShotDetector, Tracker, TrackFrame, TrackShapes, read_frames

SAMPLE = 500  # focal lengths of a shot that are kept
PATIENCE = 300  # frames


@dataclass(frozen=True)
class ShotCamera:
    """What all frames of a shot have in common, and what stands in where nobody is seen.

    Shapes: focal_length: full px.  world2cam_rotmat: (3, 3), NaN if none is known.
    """

    focal_length: float
    world2cam_rotmat: np.ndarray


@dataclass
class VideoSpool:
    """A video's people on disk, and what is known of the whole video.

    Args:
        path: The file of the frames.
        num_betas: Of the body.
        shapes: Track -> in how many frames it was seen, and its betas.
        interrupted: Whether the user stopped before the end.

    Shapes: image_shape: H, W.
    """

    path: Path
    num_betas: int
    num_frames: int = 0
    fps: float | None = None
    image_shape: tuple[int, int] = (0, 0)
    shots: list[ShotCamera] = field(default_factory=list)
    shapes: dict[int, tuple[int, np.ndarray]] = field(default_factory=dict)
    interrupted: bool = False

    def read(self) -> Iterator[TrackFrame]:
        """The frames, one at a time."""
        with open(self.path, 'rb') as file:
            yield from read_frames(file, self.num_frames)


class VideoPass:
    """Estimates and tracks the people of a video, frame by frame.

    Args:
        inferencer: Who estimates.
        tracker: Who tells who is who; it is reset at cuts.
        report: Counts frames and people, and lists what could not be used.
        cut_threshold: See `ShotDetector`.
    """

    def __init__(
        self,
        inferencer: HMRInferencer,
        tracker: Tracker,
        report: InferenceReport,
        *,
        cut_threshold: float = 0.5,
    ) -> None:
        self.inferencer, self.tracker, self.report = inferencer, tracker, report
        self.cut_threshold = cut_threshold

    def run(
        self,
        source: Iterable[SourceImage],
        path: Path,
        *,
        every: int = 1,
        cameras: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
    ) -> VideoSpool:
        """Go through the video; where the user interrupts, it ends.

        Args:
            source: The frames of one video.
            path: The file to keep its people in.
            every: How many frames of the video one frame of `source` stands for.
            cameras: What is known of the cameras: one entry per shot, or what `find_camera` takes.

        Raises:
            OSError: If the disk is full.
        """
        spool = VideoSpool(path, self.inferencer.estimator.body_model.num_betas)
        shapes = TrackShapes(patience=PATIENCE)
        detector = ShotDetector(threshold=self.cut_threshold)
        by_shot = groupby(source, key=lambda picture: detector.update(picture.image))
        numbers = count()
        try:
            with open(path, 'wb') as file:
                for shot, pictures in by_shot:
                    self.tracker.reset()
                    known = cameras[shot] if isinstance(cameras, Sequence) else cameras
                    found = zip(self.inferencer.iter_results(pictures, camera=known), numbers)
                    with closing(self._shot(found, shot, every, spool)) as frames:
                        for frame in frames:
                            shapes.add(frame)
                            frame.write(file)
                            spool.num_frames += 1
        except KeyboardInterrupt:
            spool.interrupted = True
        spool.shapes = shapes.finish()
        return spool

    def _shot(
        self,
        found: Iterable[tuple[tuple[Photo, HMRResult | None], int]],
        shot: int,
        every: int,
        spool: VideoSpool,
    ) -> Iterator[TrackFrame]:
        """The frames of one shot; unreadable ones come out before the next readable one."""
        focal_lengths: BoundedSample[float] = BoundedSample(SAMPLE)
        assumed, rotmat = float('nan'), np.full((3, 3), np.nan)
        try:
            for (photo, result), number in found:
                self.report.failures += [Failure(photo.name, why) for why in photo.problems]
                if result is None:
                    continue
                spool.fps, spool.image_shape = photo.fps, tuple(result.image_shape.tolist())
                for missed in range(spool.num_frames, number):
                    yield empty_frame(number=missed * every, shot=shot, num_betas=spool.num_betas)
                ids = self.tracker.update(result.boxes, result.scores)
                frame = track_frame(result, ids, number=number * every, shot=shot)
                self.report.add(result)
                for focal_length in np.exp(frame.placement[:, 3]).tolist():
                    focal_lengths.add(focal_length)
                assumed = photo.camera.focal_length or float(np.hypot(*spool.image_shape))
                if not np.isfinite(rotmat).all():
                    rotmat = result.world2cam_rotmat
                yield frame
        finally:
            shared = float(np.median(focal_lengths.values)) if focal_lengths.values else assumed
            spool.shots.append(ShotCamera(shared, rotmat))
