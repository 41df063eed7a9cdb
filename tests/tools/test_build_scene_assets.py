"""The tool that builds the bundled assets of the synthetic world."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool(repo_root: Path) -> ModuleType:
    """The tool as a module."""
    path = repo_root / 'tools' / 'misc' / 'build_scene_assets.py'
    spec = importlib.util.spec_from_file_location('build_scene_assets', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def standing(height: float, number: int = 3) -> np.ndarray:
    """Frames of the figure, upright and straight, its root `height` above the ground."""
    frames = np.zeros((number, 44), dtype=np.float32)
    frames[:, 2] = height
    for first in (4, 8, 12, 16, 21, 25, 30, 35, 39):
        frames[:, first] = 1
    return frames


@pytest.mark.parametrize(('height', 'expected'), [(0.9, 0.0), (1.5, 1.5 - 0.83142 - 0.2)])
def test_clearance_is_what_exceeds_tiptoe(tool: ModuleType, height: float, expected: float) -> None:
    np.testing.assert_allclose(tool.clearance(standing(height)), expected, atol=1e-5)


@pytest.mark.parametrize('form', ['npz', 'txt'])
def test_clips_in_both_forms(tool: ModuleType, tmp_path: Path, form: str) -> None:
    if form == 'npz':
        np.savez(tmp_path / 'motion_clips.npz', walk=standing(0.9))
    else:
        content = dict(Loop='wrap', Frames=standing(0.9).tolist())
        (tmp_path / 'humanoid3d_walk.txt').write_text(json.dumps(content))
    out = tmp_path / 'out'
    out.mkdir()
    tool.build_motions(tmp_path, out)
    with np.load(out / 'motions.npz', allow_pickle=False) as data:
        assert data.files == ['walk']
        assert data['walk'].shape == (3, 41)
        np.testing.assert_allclose(data['walk'][:, :40], standing(0.9)[:, 4:])
    assert [path.name for path in out.iterdir()] == ['motions.npz']


def test_wrong_sources_are_named(tool: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'neither motion_clips\.npz nor'):
        tool.read_clips(tmp_path)
    np.savez(tmp_path / 'motion_clips.npz', walk=np.zeros((3, 43)))
    with pytest.raises(ValueError, match="clip 'walk' has shape"):
        tool.read_clips(tmp_path)


def test_panoramas_get_y_down_lights(tool: ModuleType, tmp_path: Path) -> None:
    light = dict(light_direction=[0.6, 0.8, 0.0], light_share=0.2, ambient_rgb=[1, 1, 1])
    (tmp_path / 'panoramas.json').write_text(json.dumps(dict(field=light)))
    cv2.imwrite(str(tmp_path / 'field.jpg'), np.full((64, 128, 3), 90, np.uint8))
    out = tmp_path / 'out'
    tool.build_panoramas(tmp_path, out)
    result = json.loads((out / 'panoramas.json').read_text())
    assert result['field']['light_direction'] == [0.6, -0.8, 0.0]
    assert cv2.imread(str(out / 'panoramas' / 'field.jpg')).shape == (64, 128, 3)


def test_wrapped_highlights_are_filled(tool: ModuleType) -> None:
    image = np.full((100, 200, 3), 120, np.uint8)
    image[40:60, 80:100] = 255
    image[47:53, 87:93] = 3  # brighter than white, wrapped around
    image[80:84, 20:24] = 3  # a dark thing
    repaired = tool.repair_highlights(image)
    assert (repaired[42:58, 82:98] == 255).all()
    assert (repaired[81:83, 21:23] == 3).all()
