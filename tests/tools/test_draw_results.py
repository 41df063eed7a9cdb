"""tools/analysis/draw_results.py: pictures of results that are there, and of synthetic truth."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    path = ROOT / 'tools' / 'analysis' / 'draw_results.py'
    spec = importlib.util.spec_from_file_location('whmr_draw_results', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_synthetic_people_lie_on_their_pixels(tool) -> None:
    ((name, photo, people),) = tool.make_synthetic([12], 'val')
    assert name == 'synthetic_val_12' and photo.shape == (960, 1280, 3)
    left, top, right, bottom = people.boxes[0]
    changed = np.abs(tool.draw_pictures(photo, people, ['overlay'])['overlay'].astype(int) - photo)
    rows, columns = np.nonzero(changed.max(axis=-1) > 30)
    np.testing.assert_allclose(
        [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1],
        [left, top, right, bottom],
        atol=6,
    )


def test_pictures_are_written_and_shrunk(tool, tmp_path: Path, capsys) -> None:
    arguments = ['--pictures', 'horizon', '--width', '200', '--format', 'jpg']
    assert tool.main(['--synthetic', '12', *arguments, '--out', str(tmp_path)]) == 0
    path = tmp_path / 'synthetic_val_12_horizon.jpg'
    assert cv2.imread(str(path)).shape == (150, 200, 3)
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], 'give result files, or --synthetic'),
        (['here.npz'], '--photos DIR'),
        (['here.npz', '--photos', '.'], 'here.npz'),
    ],
)
def test_what_is_missing_is_said(tool, tmp_path: Path, capsys, arguments, message) -> None:
    assert tool.main([*arguments, '--out', str(tmp_path / 'out')]) == 2
    assert message in capsys.readouterr().err
