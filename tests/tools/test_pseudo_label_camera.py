"""Pseudo labels of the camera: right numbers in the right rows, kept labels, and going on."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from whmr.datasets import HMRDataset, load_annotations, save_annotations
from whmr.engine.config import load_config
from whmr.geometry import axis_angle_to_rotmat, rotmat_to_pitch_roll
from whmr.testing import tiny_annotation_file

ROOT = Path(__file__).resolve().parents[2]
NUM = 5


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    path = ROOT / 'tools' / 'misc' / 'pseudo_label_camera.py'
    spec = importlib.util.spec_from_file_location('pseudo_label_camera', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config, and the bundled checkpoint, which holds its calibrator."""
    folder = tmp_path_factory.mktemp('camcalib')
    base = os.path.relpath(ROOT / 'configs' / 'camcalib' / 'camcalib_lite.py', folder)
    config = folder / 'calib.py'
    config.write_text(
        f'_base_ = {base!r}\nmodel = dict(camera=dict(backbone=dict(weights=None)))\n',
        encoding='utf-8',
    )
    return config, ROOT / 'checkpoints' / 'whmr_lite.safetensors'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """People without camera rotation but the first; the last two in one photo, one without body."""
    path = tiny_annotation_file(tmp_path, NUM)
    columns, meta = load_annotations(path)
    del columns['global_orient_world']
    columns['has_world2cam'] = np.arange(NUM) == 0
    columns['world2cam_rotmat'][1:] = 0
    columns['has_smpl'] = np.arange(NUM) != 2
    columns['img_path'][4] = columns['img_path'][3]
    save_annotations(path, columns, meta)
    return path


def run(tool: ModuleType, trained: tuple[Path, Path], data: Path, *more: str) -> int:
    arguments = [*trained, data, '--images', data.parent / 'images', '--device', 'cpu', '--quiet']
    return tool.main([*map(str, arguments), *more])


def test_labels(tool, trained, data: Path, capsys) -> None:
    before, _ = load_annotations(data)
    out = data.with_name('out.npz')
    assert run(tool, trained, data, '--out', str(out), '--batch-size', '2') == 0
    assert '5 people, 4 without camera rotation in 3 photos' in capsys.readouterr().out
    after, meta = load_annotations(out)
    assert after['has_world2cam'].all()
    rotmats = after['world2cam_rotmat']
    assert rotmats[0] == pytest.approx(before['world2cam_rotmat'][0])
    assert rotmats[3] == pytest.approx(rotmats[4], abs=1e-7)  # of one photo
    assert np.abs(rotmats[1] - rotmats[2]).max() > 1e-4
    assert 'pseudo labels of whmr_lite.safetensors' in meta['notes']
    for name in before:
        if name not in ('world2cam_rotmat', 'has_world2cam'):
            assert (after[name] == before[name]).all(), name
    assert after['has_world'].tolist() == [True, True, False, True, True]
    pitch, roll = rotmat_to_pitch_roll(torch.from_numpy(rotmats))
    assert pitch.abs().max() > 0.01 and roll.abs().max() > 0.01
    # global_orient = world2cam_rotmat @ global_orient_world
    orient, world = (
        axis_angle_to_rotmat(torch.from_numpy(after[name])).numpy()
        for name in ('global_orient', 'global_orient_world')
    )
    rows = after['has_world']
    assert rotmats[rows] @ world[rows] == pytest.approx(orient[rows], abs=1e-5)
    # The same number as the calibrator gives by itself, and a file that the data set reads.
    calibrator = tool.Calibrator(load_config(trained[0]), trained[1], torch.device('cpu'))
    photo = calibrator.photo(str(data.parent / 'images' / '0002.png'), before['ori_shape'][2])
    assert rotmats[2] == pytest.approx(calibrator.rotations([photo])[0], abs=1e-5)
    row = HMRDataset(out, data_prefix=dict(img='images')).get_data_info(3)
    assert row['has_world'] and row['has_world2cam']
    assert not out.with_name('out.progress.npz').exists()


def test_a_stopped_run_goes_on_and_gives_the_same_file(tool, trained, data, monkeypatch) -> None:
    whole, again = data.with_name('whole.npz'), data.with_name('again.npz')
    options = ('--batch-size', '1', '--save-every', '1', '--all')
    assert run(tool, trained, data, '--out', str(whole), *options) == 0
    calls: list[int] = []
    rotations = tool.Calibrator.rotations

    def stop_at_third(self, photos):
        calls.append(len(photos))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return rotations(self, photos)

    monkeypatch.setattr(tool.Calibrator, 'rotations', stop_at_third)
    assert run(tool, trained, data, '--out', str(again), *options) == 130
    assert again.with_name('again.progress.npz').is_file() and not again.exists()
    assert run(tool, trained, data, '--out', str(again), *options) == 0
    assert len(calls) == 3 + 2  # 4 photos, 2 of them done before
    assert again.read_bytes() == whole.read_bytes()


def test_progress_of_another_run_is_refused(tool, trained, data, capsys) -> None:
    out = data.with_name('out.npz')
    progress = tool.Progress(out.with_name('out.progress.npz'), 'another', 3)
    progress.save()
    assert run(tool, trained, data, '--out', str(out)) == 2
    assert 'is of another annotation file, checkpoint or config; delete' in capsys.readouterr().err
    progress.path.write_bytes(b'PK broken')
    assert run(tool, trained, data, '--out', str(out)) == 2
    assert 'cannot be read' in capsys.readouterr().err


def test_bad_photos_are_listed_and_the_others_labelled(tool, trained, data, capsys) -> None:
    photo = data.parent / 'images' / '0001.png'
    photo.write_bytes(photo.read_bytes()[:100])
    assert run(tool, trained, data, '--out', str(data)) == 1  # in place
    error = capsys.readouterr().err
    assert '1 of 3 photos cannot be used' in error and '0001.png' in error
    columns, _ = load_annotations(data)
    assert columns['has_world2cam'].tolist() == [True, False, True, True, True]
    assert not columns['world2cam_rotmat'][1].any()
    assert not list(data.parent.glob('*progress*'))


def test_wrong_configs_are_named(tool, trained, data, capsys) -> None:
    config = ROOT / 'configs' / 'whmr' / 'whmr_lite_stage1.py'
    assert run(tool, (config, trained[1]), data, '--out', str(data)) == 2
    assert 'has no camera calibrator' in capsys.readouterr().err
