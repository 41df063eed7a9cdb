"""Videos from end to end, on the stand-in for a model."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from whmr.apis import HMRInferencer, HMRResult, PersonDetector, Photo, SourceImage
from whmr.apis.video import VideoReport, infer_videos
from whmr.apis.video_options import VideoOptions
from whmr.body_models import FreeBody
from whmr.testing import clip_results
from whmr.tracking import rotation_step
from whmr.visualization import person_color
from whmr.visualization.export import ResultsTable, encode_bvh, person_motions

SHAPE = (96, 160)  # H, W
BACKGROUNDS = ((90, 60, 60), (40, 120, 160))  # of the shots, BGR
People = Sequence[Sequence[tuple[float, float] | None]]  # frame, person: the middle of its box


class BlobDetector(PersonDetector):
    """Finds the white boxes of `write_video`, from right to left."""

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        white = (image.min(axis=2) > 200).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(white)
        boxes = [[x, y, x + w, y + h] for x, y, w, h, area in stats[1:] if area > 30]
        boxes.sort(reverse=True)
        found = np.array(boxes, np.float32).reshape(-1, 4)
        return found, np.full(len(found), 0.9, np.float32)


def write_video(path: Path, people: People, *, cut: int | None = None, fps: int = 10) -> Path:
    """White boxes, 16 x 40 px, before a plain background that changes at the frame `cut`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), fps, SHAPE[::-1])
    for number, frame in enumerate(people):
        shot = int(cut is not None and number >= cut)
        image = np.full((*SHAPE, 3), BACKGROUNDS[shot], np.uint8)
        for place in frame:
            if place is not None:
                x, y = (round(part) for part in place)
                cv2.rectangle(image, (x - 8, y - 20), (x + 7, y + 19), (255, 255, 255), -1)
        writer.write(image)
    writer.release()
    return path


def pass_by(count: int = 12) -> People:
    """Two who walk past each other at different heights."""
    return [[(20 + 10 * i, 24), (140 - 10 * i, 70)] for i in range(count)]


@pytest.fixture
def inferencer(make_inferencer: Callable[..., HMRInferencer]) -> HMRInferencer:
    """The stand-in for a model, with a detector that finds white boxes."""
    return make_inferencer(detector=BlobDetector())


@pytest.fixture
def infer(inferencer: HMRInferencer, tmp_path: Path) -> Callable[..., tuple[VideoReport, Path]]:
    """Runs a video without drawing it; the report and the folder."""

    def run(video: Path, **settings: Any) -> tuple[VideoReport, Path]:
        options = VideoOptions(**{'overlay': False, **settings})
        out = tmp_path / 'out'
        return infer_videos(inferencer, video, out, options=options, progress=False), out

    return run


def test_people_keep_their_numbers_and_files_are_whole(
    inferencer: HMRInferencer, tmp_path: Path
) -> None:
    video = write_video(tmp_path / 'clip.avi', pass_by())
    report = infer_videos(inferencer, video, tmp_path / 'out', progress=False)
    assert (report.num_tracks, report.num_shots, report.num_images) == (2, 1, 12)
    assert not report.failures
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'results.npz', 'overlay.mp4'}
    assert {path.name for path in report.written} == {'results.npz', 'overlay.mp4'}
    table = ResultsTable.load(tmp_path / 'out' / 'results.npz')
    assert table.fps == 10
    assert table.frame_names.tolist() == [f'{video}#{i}' for i in range(12)]
    assert table.frame.tolist() == [i for i in range(12) for _ in range(2)]
    for track in (0, 1):
        heights = table.boxes[table.track_id == track, 1]
        assert len(heights) == 12
        assert np.ptp(heights) < 3  # each stays at its own height
    assert not table.interpolated.any()
    assert set(table.focal_source) == {'predicted'}


def test_the_table_means_what_the_photo_table_means(
    inferencer: HMRInferencer, infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    """Unsmoothed, a row is what the model says of the frame."""
    video = write_video(tmp_path / 'clip.avi', pass_by(5))
    table = ResultsTable.load(infer(video)[1] / 'results.npz')
    assert table.has_world
    results = [result for _, result in inferencer.iter_results(video)]
    for number, result in enumerate(results):
        rows = np.flatnonzero(table.frame == number)
        order = [int(np.abs(result.boxes - box).sum(axis=1).argmin()) for box in table.boxes[rows]]
        for name, atol in {
            'betas': 1e-6,
            'global_orient': 1e-4,
            'body_pose_rotmat': 1e-5,
            'global_orient_world_rotmat': 1e-5,
            'cam_t': 1e-4,
            'joints': 1e-4,
            'joints_world': 1e-4,
            'keypoints_2d': 1e-2,
        }.items():
            np.testing.assert_allclose(
                getattr(table, name)[rows], getattr(result, name)[order], atol=atol, err_msg=name
            )
        np.testing.assert_allclose(table.pitch[number], result.pitch, atol=1e-5)
        np.testing.assert_allclose(table.roll[number], result.roll, atol=1e-5)
    shared = np.median(np.concatenate([result.focal_length for result in results]))
    np.testing.assert_allclose(table.focal_length, shared, rtol=1e-5)
    np.testing.assert_allclose(
        np.einsum('rij,rj->ri', table.world2cam_rotmat[table.frame], table.pelvis_world),
        table.pelvis_camera,
        atol=1e-4,
    )


def test_every_track_is_one_skeleton(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    people = pass_by(8)
    people[3][0] = None
    _, out = infer(write_video(tmp_path / 'clip.avi', people), smooth='savgol')
    table = ResultsTable.load(out / 'results.npz')
    motions = person_motions(table, FreeBody(), space='world')
    assert [motion.name for motion in motions] == ['track0', 'track1']
    assert [motion.frames.tolist() for motion in motions] == [list(range(8))] * 2
    assert b'Frames: 8' in encode_bvh(motions[0], fps=table.fps)


def test_gaps_are_filled_and_flagged(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    people = pass_by(12)
    for number in (4, 5):
        people[number][1] = None
    report, out = infer(write_video(tmp_path / 'clip.avi', people), max_gap=2)
    table = ResultsTable.load(out / 'results.npz')
    filled = np.flatnonzero(table.interpolated)
    assert table.frame[filled].tolist() == [4, 5]
    assert (report.num_interpolated, report.num_people) == (2, 22)
    middle = (table.boxes[filled, 0] + table.boxes[filled, 2]) / 2
    np.testing.assert_allclose(middle, [100, 90], atol=1.5)
    assert (table.scores[filled] == 0).all()


def test_a_cut_ends_tracks_and_cameras(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    people = [[(80, 50)]] * 10
    report, out = infer(write_video(tmp_path / 'clip.avi', people, cut=4))
    table = ResultsTable.load(out / 'results.npz')
    assert table.shot.tolist() == [0] * 4 + [1] * 6
    assert table.track_id.tolist() == [0] * 4 + [1] * 6
    assert (report.num_shots, report.num_tracks) == (2, 2)


def test_who_is_seen_once_is_a_mistake(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    people = [[(30, 50)] for _ in range(6)]
    people[2] = [(30, 50), (120, 50)]
    report, out = infer(write_video(tmp_path / 'clip.avi', people))
    assert report.num_tracks == 1
    assert len(ResultsTable.load(out / 'results.npz').frame) == 6


def test_of_a_video_of_two_frames_everybody_is_kept(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    report, _ = infer(write_video(tmp_path / 'clip.avi', pass_by(2)))
    assert report.num_tracks == 2


def test_frames_without_people_keep_the_camera_of_the_shot(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    people = [[]] * 3 + [[(80, 50)]] * 4 + [[]] * 3
    report, out = infer(write_video(tmp_path / 'clip.avi', people))
    table = ResultsTable.load(out / 'results.npz')
    assert report.num_empty == 6
    assert table.num_frames == 10
    assert table.has_world
    assert np.ptp(table.pitch) < 1e-6
    assert table.rotation_source[0] == 'unknown'


def test_unreadable_frames_keep_their_place_also_before_a_cut(tmp_path: Path) -> None:
    video = write_video(tmp_path / 'clip.avi', [[(80, 50)]] * 12, cut=6)
    results: list[HMRResult | None] = [*clip_results(12, 1)]
    for number in (2, 5, 6, 10, 11):
        results[number] = None
    options = VideoOptions(overlay=False, max_gap=3)
    report = infer_videos(Replay(results), video, tmp_path, options=options, progress=False)
    table = ResultsTable.load(tmp_path / 'results.npz')
    assert len(report.failures) == 5
    assert [name.rpartition('#')[2] for name in table.frame_names] == [str(i) for i in range(10)]
    assert table.frame.tolist() == [0, 1, 2, 3, 4, 7, 8, 9]
    assert table.frame[table.interpolated].tolist() == [2]
    np.testing.assert_allclose(table.cam_t[5, 0], clip_results(12, 1)[7].cam_t[0, 0], atol=1e-5)


def test_a_video_without_people_gives_an_empty_table(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    report, out = infer(write_video(tmp_path / 'clip.avi', [[]] * 4), smooth='one-euro')
    table = ResultsTable.load(out / 'results.npz')
    assert (table.num_frames, len(table.frame), report.num_tracks) == (4, 0, 0)
    assert table.focal_length[0] == pytest.approx(np.hypot(*SHAPE))


def test_a_video_that_breaks_off_is_used_up_to_there(
    inferencer: HMRInferencer, tmp_path: Path
) -> None:
    video = write_video(tmp_path / 'clip.avi', pass_by(12))
    data = video.read_bytes()
    video.write_bytes(data[: len(data) * 2 // 3])
    report = infer_videos(inferencer, video, tmp_path / 'out', progress=False)
    assert len(report.failures) == 1
    assert 'the video breaks off' in report.failures[0].reason
    table = ResultsTable.load(tmp_path / 'out' / 'results.npz')
    assert 5 < table.num_frames == report.num_images < 10
    drawn = cv2.VideoCapture(str(tmp_path / 'out' / 'overlay.mp4'))
    assert drawn.get(cv2.CAP_PROP_FRAME_COUNT) == table.num_frames


def test_what_is_no_video_inside_is_reported_and_writes_nothing(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    video = tmp_path / 'clip.mp4'
    video.write_bytes(b'no video at all')
    report, out = infer(video)
    assert [failure.reason for failure in report.failures] == ['cannot be opened as a video']
    assert list(out.iterdir()) == []


def test_every_and_max_frames_choose_frames(
    infer: Callable[..., tuple[VideoReport, Path]], tmp_path: Path
) -> None:
    _, out = infer(write_video(tmp_path / 'clip.avi', pass_by()), every=2, max_frames=4)
    table = ResultsTable.load(out / 'results.npz')
    assert [name.rpartition('#')[2] for name in table.frame_names] == ['0', '2', '4', '6']
    assert table.fps == 5


def test_several_videos_get_folders_of_their_own(inferencer: HMRInferencer, tmp_path: Path) -> None:
    videos = []
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
        videos.append(write_video(tmp_path / name / 'clip.avi', [[(80, 50)]] * 4))
    options = VideoOptions(overlay=False)
    report = infer_videos(inferencer, videos, tmp_path / 'out', options=options, progress=False)
    assert [path.relative_to(tmp_path / 'out').as_posix() for path in report.written] == [
        'clip/results.npz',
        'clip_1/results.npz',
    ]
    assert (report.num_tracks, report.num_images) == (2, 8)


def test_a_known_camera_is_used_and_said_to_be_given(
    inferencer: HMRInferencer, tmp_path: Path
) -> None:
    video = write_video(tmp_path / 'clip.avi', [[(80, 50)]] * 4)
    infer_videos(
        inferencer,
        video,
        tmp_path,
        options=VideoOptions(overlay=False, shot_camera=True),
        camera={'focal_length': 222.0},
        progress=False,
    )
    table = ResultsTable.load(tmp_path / 'results.npz')
    np.testing.assert_allclose(table.focal_length, 222)
    assert set(table.focal_source) == {'given'}
    assert set(table.rotation_source) == {'predicted'}


@pytest.mark.parametrize('smooth', ['one-euro', 'savgol'])
def test_smoothing_takes_jitter_away_and_gives_one_shape(smooth: str, tmp_path: Path) -> None:
    clip = noisy_clip(40)
    jitters = {}
    for how in ('none', smooth):
        options = VideoOptions(smooth=how, overlay=False)
        video = write_video(tmp_path / 'clip.avi', [[]] * 40)
        infer_videos(Replay(clip), video, tmp_path / how, options=options, progress=False)
        table = ResultsTable.load(tmp_path / how / 'results.npz')
        rows = table.track_id == 0
        places = table.joints_world[rows] + table.pelvis_world[rows][:, None]
        jitters[how] = float(np.linalg.norm(np.diff(places, 2, axis=0), axis=-1).mean())
        assert bool(np.ptp(table.betas[rows], axis=0).any()) is (how == 'none')
        truth = clip_results(40, 1)
        poses = np.concatenate([each.body_pose_rotmat for each in truth])
        error = np.linalg.norm(rotation_step(poses, table.body_pose_rotmat[rows]), axis=-1)
        assert error[5:].mean() < 0.35
    assert jitters[smooth] < 0.5 * jitters['none']


def test_one_camera_per_shot_is_what_most_frames_say(tmp_path: Path) -> None:
    clip = noisy_clip(30)
    off = clip[7].world2cam_rotmat @ np.diag([-1.0, 1.0, -1.0]).astype(np.float32)
    clip[7] = replace(clip[7], world2cam_rotmat=off, focal_length=clip[7].focal_length * 3)
    model = Replay(clip)
    video = write_video(tmp_path / 'clip.avi', [[]] * 30)
    options = VideoOptions(shot_camera=True, overlay=False)
    infer_videos(model, video, tmp_path, options=options, progress=False)
    assert len(model.cameras) == 2  # the look at some frames, then the shot
    assert model.cameras[0] == {}
    told = model.cameras[1]
    assert told['focal_length'] == pytest.approx(1100, rel=0.03)
    step = rotation_step(told['world2cam_rotmat'], np.stack([r.world2cam_rotmat for r in clip]))
    assert np.median(np.linalg.norm(step, axis=-1)) < 0.2


def test_an_interrupted_run_keeps_what_it_has(
    inferencer: HMRInferencer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect, seen = BlobDetector.detect, []

    def interrupted(self: BlobDetector, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(1)
        if len(seen) == 9:
            raise KeyboardInterrupt
        return detect(self, image)

    monkeypatch.setattr(BlobDetector, 'detect', interrupted)
    inferencer.image_batch_size = 2
    video = write_video(tmp_path / 'clip.avi', pass_by())
    with pytest.raises(KeyboardInterrupt):
        infer_videos(inferencer, video, tmp_path / 'out', progress=False)
    table = ResultsTable.load(tmp_path / 'out' / 'results.npz')
    assert 6 <= table.num_frames <= 8
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'results.npz', 'overlay.mp4'}


def test_colours_belong_to_tracks(inferencer: HMRInferencer, tmp_path: Path) -> None:
    """The first person leaves; the second keeps its colour."""
    people = [[(30, 50), (120, 50)] if i < 4 else [(120, 50)] for i in range(8)]
    video = write_video(tmp_path / 'clip.avi', people)
    infer_videos(inferencer, video, tmp_path / 'out', progress=False)
    table = ResultsTable.load(tmp_path / 'out' / 'results.npz')
    capture = cv2.VideoCapture(str(tmp_path / 'out' / 'overlay.mp4'))
    for number in range(8):
        image = capture.read()[1][..., ::-1].astype(float)
        for row in np.flatnonzero(table.frame == number):
            x, y = table.keypoints_2d[row, 8].round().astype(int)
            shown = image[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1))
            likely = [np.corrcoef(shown, person_color(track))[0, 1] for track in range(2)]
            assert int(np.argmax(likely)) == table.track_id[row]


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(smooth='loess'), r"smooth='loess': one of \['none', 'one-euro', 'savgol'\]"),
        (dict(max_gap=-1), 'max_gap=-1: must be 0 or more'),
        (dict(min_length=0), 'min_length=0: must be 1 or more'),
    ],
)
def test_options_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VideoOptions(**settings)


def test_a_photo_is_refused(inferencer: HMRInferencer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'photo\.jpg: only videos'):
        infer_videos(inferencer, tmp_path / 'photo.jpg', tmp_path)


def test_cameras_by_photo_and_by_shot_exclude_each_other(
    inferencer: HMRInferencer, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match='cameras are given by photo'):
        infer_videos(
            inferencer,
            tmp_path / 'clip.avi',
            tmp_path,
            options=VideoOptions(shot_camera=True),
            camera={'clip': {'focal_length': 100.0}},
        )


class Replay:
    """An inferencer that says of frame after frame what it was told to, over and over.

    None is a frame that cannot be read.
    """

    def __init__(self, results: Sequence[HMRResult | None]) -> None:
        self.results = results
        self.estimator = SimpleNamespace(body_model=FreeBody())
        self.cameras: list[Any] = []

    def iter_results(
        self, inputs: Iterable[SourceImage], *, camera: Any = None
    ) -> Iterator[tuple[Photo, HMRResult | None]]:
        self.cameras.append(camera)
        for picture in inputs:
            number = int(picture.name.rpartition('#')[2])
            photo = Photo(picture.name, picture.stem, picture.image, fps=picture.fps)
            result = self.results[number % len(self.results)]
            photo.problems = [] if result is not None else ['the frame cannot be decoded']
            yield photo, result


def noisy_clip(length: int) -> list[HMRResult]:
    """One person whose pose, place, shape and camera shake."""
    rng = np.random.default_rng(0)
    shaken = []
    for truth in clip_results(length, 1, steady_betas=False):
        shake = rng.normal(0, 0.1, (23, 3))
        stretch = np.exp(rng.normal(0, 0.02))
        shaken.append(
            replace(
                truth,
                body_pose_rotmat=_turn(truth.body_pose_rotmat, shake).astype(np.float32),
                cam_t=truth.cam_t + rng.normal(0, 0.02, 3).astype(np.float32),
                focal_length=truth.focal_length * np.float32(stretch),
            )
        )
    return shaken


def _turn(rotmats: np.ndarray, steps: np.ndarray) -> np.ndarray:
    from whmr.tracking import take_step

    return take_step(rotmats.astype(np.float64), steps)


def peak_memory(length: int, folder: Path) -> int:
    """Most bytes that are in use while a video of so many frames is followed."""
    folder.mkdir()
    video = write_video(folder / 'clip.avi', [[]] * length, fps=30)
    model = Replay(noisy_clip(20))
    options = VideoOptions(smooth='savgol', max_gap=5, overlay=False)
    tracemalloc.start()
    try:
        infer_videos(model, video, folder, options=options, progress=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ResultsTable.load(folder / 'results.npz').num_frames == length
    return peak


@pytest.mark.parametrize(
    ('short', 'long'),
    [(40, 120), pytest.param(500, 2000, marks=pytest.mark.slow)],
)
def test_the_memory_does_not_grow_with_the_video(short: int, long: int, tmp_path: Path) -> None:
    few, many = (peak_memory(length, tmp_path / str(length)) for length in (short, long))
    # A row of the table has 3200 bytes, the vertices of a person 80 kB.
    assert many - few < 1000 * (long - short)
