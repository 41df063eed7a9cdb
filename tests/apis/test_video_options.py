"""The command line for videos."""

import importlib.util
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from whmr.apis.video_options import VideoOptions, add_video_options, read_video_options
from whmr.visualization.export import ResultsTable


def parsed(*argv: str) -> Namespace:
    """Options as a tool hands them over."""
    parser = ArgumentParser()
    add_video_options(parser)
    args = parser.parse_args(argv)
    args.every, args.max_frames, args.no_pictures = 2, None, True
    return args


def test_nobody_is_followed_unless_asked() -> None:
    assert read_video_options(parsed()) is None


@pytest.mark.parametrize(
    ('argv', 'changed'),
    [
        (['--track'], {}),
        (['--smooth', 'savgol'], {'smooth': 'savgol'}),
        (['--smooth', 'none'], {}),
        (['--shot-camera'], {'shot_camera': True}),
        (['--max-gap', '0'], {'max_gap': 0}),
    ],
)
def test_each_option_asks_for_it(argv: list[str], changed: dict) -> None:
    assert read_video_options(parsed(*argv)) == VideoOptions(every=2, overlay=False, **changed)


@pytest.mark.parametrize(
    ('smooth', 'smoother'),
    [('none', None), ('one-euro', 'OneEuroSmoother'), ('savgol', 'SavitzkyGolaySmoother')],
)
def test_the_name_of_a_smoother_becomes_its_config(smooth: str, smoother: str | None) -> None:
    config = VideoOptions(smooth=smooth).smoother_config
    assert (config and config['type']) == smoother


@pytest.fixture
def run(repo_root: Path, config_file: Path, tmp_path: Path) -> Callable[..., int]:
    """Runs `tools/infer.py` on the stand-in; the whole picture is one person."""
    spec = importlib.util.spec_from_file_location('infer', repo_root / 'tools' / 'infer.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def call(*args: str | Path) -> int:
        common = ['--config', str(config_file), '--device', 'cpu', '--no-progress']
        common += ['--detector', 'whole', '--out', str(tmp_path / 'out')]
        return tool.main([*map(str, args), *common])

    return call


@pytest.fixture
def still(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Ten frames of one picture."""
    path = tmp_path / 'still.avi'
    image = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (128, 96))
    for _ in range(10):
        writer.write(image)
    writer.release()
    return path


def test_a_video_is_followed(run: Callable[..., int], still: Path, tmp_path: Path, capsys) -> None:
    assert run(still, '--smooth', 'one-euro', '--every', '2') == 0
    table = ResultsTable.load(tmp_path / 'out' / 'results.npz')
    assert (table.num_frames, set(table.track_id)) == (5, {0})
    drawn = cv2.VideoCapture(str(tmp_path / 'out' / 'overlay.mp4'))
    assert drawn.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert '1 tracks in 1 shots' in capsys.readouterr().out


def test_a_video_that_breaks_off_ends_with_one(
    run: Callable[..., int], still: Path, tmp_path: Path, capsys
) -> None:
    data = still.read_bytes()
    still.write_bytes(data[: len(data) // 2])
    assert run(still, '--track', '--no-pictures') == 1
    assert 'the video breaks off' in capsys.readouterr().out
    assert 0 < ResultsTable.load(tmp_path / 'out' / 'results.npz').num_frames < 8


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (('clip.avi', '--track', '--boxes', '1,2,3,4'), 'leave out the boxes'),
        (('photo.jpg', '--track'), r'photo.jpg: only videos'),
        (('0', '--track'), '0: only videos'),
        (('clip.avi', '--max-gap', '-1'), 'max_gap=-1: must be 0 or more'),
    ],
)
def test_mistakes_end_with_two(
    run: Callable[..., int], args: tuple[str, ...], message: str, capsys
) -> None:
    assert run(*args) == 2
    assert message in capsys.readouterr().err
