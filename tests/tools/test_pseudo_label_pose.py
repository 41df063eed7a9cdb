"""Videos become annotated splits: by time, with a gap, resumable; doubtful people are left out."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from whmr.datasets import HMRDataset, load_annotations
from whmr.geometry import focal_to_vfov, rotmat_to_pitch_roll
from whmr.keypoints import JOINT_SETS

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 20
JOINTS = JOINT_SETS['blazepose33']
BOX = np.array([40.0, 20.0, 80.0, 90.0], np.float32)


@pytest.fixture
def tool(monkeypatch) -> ModuleType:
    """The tool, with a detector and a pose network that say always the same."""
    path = ROOT / 'tools' / 'misc' / 'pseudo_label_pose.py'
    spec = importlib.util.spec_from_file_location('pseudo_label_pose', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'OnnxPersonDetector', lambda **kwargs: Detector())
    monkeypatch.setattr(module, 'BlazePose', lambda *args, **kwargs: Pose())
    monkeypatch.setattr(module, 'BLOCK', 4)
    return module


class Detector:
    """One person, another box around the same, and a box without a person."""

    boxes = np.stack([BOX, BOX + 3, BOX + [60, 0, 60, 0]])

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.boxes, np.array([0.9, 0.8, 0.7], np.float32)


class Pose:
    """Joints on a line down the middle of the first box; the toes lie under the picture."""

    def __call__(
        self, image: np.ndarray, box: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        joints = np.stack([np.full(33, 60.0), np.linspace(22, 88, 33)], 1)
        joints[JOINTS.index('op_left_big_toe')] = 60, 200
        visible, disagreement = np.full(33, 0.9), np.zeros(33)
        visible[JOINTS.index('left_wrist')] = 0.2
        disagreement[JOINTS.index('right_wrist')] = 10.0
        return joints, visible, disagreement


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / 'walk.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (160, 120))
    for number in range(FRAMES):
        writer.write(np.full((120, 160, 3), 10 * number, np.uint8))
    writer.release()
    return path


def run(tool: ModuleType, video: Path, out: Path, *more: str) -> int:
    arguments = [str(video), '--pose-model', 'any.onnx', '--out', str(out), *more]
    return tool.main(arguments)


def test_a_video_becomes_two_splits(tool, video: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / 'walk'
    assert run(tool, video, out, '--licence', 'CC0') == 0
    numbers = {}
    for split in ('train', 'val'):
        columns, meta = load_annotations(out / f'{split}.npz')
        assert (meta['dataset'], meta['licence'], meta['split']) == ('walk', 'CC0', split)
        numbers[split] = [int(name[5:11]) for name in columns['img_path']]
        assert not any(name.startswith('has_') for name in columns)
    assert numbers == dict(train=list(range(14)), val=list(range(16, 20)))
    text = capsys.readouterr().out
    assert 'left out 14 x person: found twice' in text
    assert 'left out 14 x person: the joints are those of somebody else' in text

    dataset = HMRDataset('val.npz', data_root=out, data_prefix=dict(img='images'))
    row = dataset.get_data_info(1)
    frame = cv2.imread(row['img_path'])
    assert frame.shape == (120, 160, 3)
    assert abs(int(frame.mean()) - 170) <= 3
    spin = JOINT_SETS['spin49']
    conf = {name: row['keypoints_2d_conf'][spin.index(name)] for name in spin.joints}
    assert conf['left_knee'] == pytest.approx(0.9)
    place = row['keypoints_2d'][spin.index('left_knee')]
    assert place == pytest.approx([60, 22 + 66 * JOINTS.index('left_knee') / 32], abs=1e-3)
    for name in ('left_wrist', 'right_wrist', 'op_left_big_toe', 'op_left_knee', 'neck_lsp'):
        assert conf[name] == 0
    assert row['bbox'] == pytest.approx(BOX)
    assert not any(row[name] for name in row if name.startswith('has_'))


def test_a_stopped_run_goes_on(tool, video: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out, whole = tmp_path / 'walk', tmp_path / 'whole' / 'walk'
    calls = []

    def counted(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return self.boxes, np.array([0.9, 0.8, 0.7], np.float32)

    monkeypatch.setattr(Detector, '__call__', counted)
    assert run(tool, video, out) == 130
    told = capsys.readouterr().out
    assert 'interrupted' in told and '--resume' not in told  # the tool has no such option
    assert not (out / 'train.npz').exists()
    assert run(tool, video, out, '--min-joints', '9') == 2
    assert 'a run with other settings' in capsys.readouterr().err
    assert run(tool, video, out) == 0
    assert len(calls) == 10 + (14 - 8) + 4  # two blocks of four were done
    assert run(tool, video, whole) == 0
    for split in ('train', 'val'):
        columns = [load_annotations(folder / f'{split}.npz')[0] for folder in (out, whole)]
        for name in columns[0]:
            assert np.array_equal(columns[0][name], columns[1][name]), name


def test_large_pictures_are_shrunk(tool, video: Path, tmp_path: Path) -> None:
    out = tmp_path / 'small'
    assert run(tool, video, out, '--max-side', '120', '--every', '5') == 0
    columns, _ = load_annotations(out / 'train.npz')
    assert columns['ori_shape'].tolist() == [[90, 120]] * 3
    assert list(columns['img_path']) == [f'walk_{n:06d}.jpg' for n in (0, 5, 10)]
    assert cv2.imread(str(out / 'images' / 'walk_000005.jpg')).shape == (90, 120, 3)


def test_known_cameras_become_labels(tool, video: Path, tmp_path: Path, capsys) -> None:
    cameras, out = tmp_path / 'cameras.json', tmp_path / 'walk'
    cameras.write_text(json.dumps({'walk': [20.0, -5.0, 60.0]}), encoding='utf-8')
    assert run(tool, video, out, '--cameras', str(cameras), '--max-side', '80') == 0
    row = HMRDataset('val.npz', data_root=out, data_prefix=dict(img='images')).get_data_info(0)
    assert row['has_world2cam'] and row['has_focal_length'] and not row['has_world']
    pitch, roll = rotmat_to_pitch_roll(torch.from_numpy(row['world2cam_rotmat']))
    assert np.rad2deg([pitch, roll]) == pytest.approx([20, -5], abs=1e-3)
    focal = torch.tensor(row['intrinsics'][1, 1])
    assert np.rad2deg(focal_to_vfov(focal, row['ori_shape'][0])) == pytest.approx(60, abs=1e-3)
    cameras.write_text(json.dumps({'run': [20.0, -5.0, 60.0]}), encoding='utf-8')
    assert run(tool, video, tmp_path / 'other', '--cameras', str(cameras)) == 2
    assert "'run' is none of the inputs ['walk']" in capsys.readouterr().err


def test_cameras_belong_to_the_settings(tool, video: Path, tmp_path: Path, capsys) -> None:
    cameras, out = tmp_path / 'cameras.json', tmp_path / 'walk'
    cameras.write_text(json.dumps({'walk': [20.0, -5.0, 60.0]}), encoding='utf-8')
    assert run(tool, video, out, '--cameras', str(cameras)) == 0
    meta = load_annotations(out / 'train.npz')[1]
    assert meta['converter_args']['cameras'] == {'walk': [20.0, -5.0, 60.0]}
    cameras.write_text('[20, -5, 60]', encoding='utf-8')
    assert run(tool, video, tmp_path / 'other', '--cameras', str(cameras)) == 2
    assert 'must be an object' in capsys.readouterr().err


def test_photos_of_one_name_in_two_folders_stay_two(tool, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ('north', 'south')]
    for value, folder in zip((40, 200), folders, strict=True):
        folder.mkdir()
        for number in range(4):
            cv2.imwrite(str(folder / f'{number}.png'), np.full((120, 160, 3), value, np.uint8))
    out = tmp_path / 'both'
    shares = ['--train-share', '0.5', '--val-share', '0.5']
    model = ['--pose-model', 'any.onnx', '--out', str(out)]
    assert tool.main([*map(str, folders), *model, *shares]) == 0
    dataset = HMRDataset('train.npz', data_root=out, data_prefix=dict(img='images'))
    rows = [dataset.get_data_info(index) for index in range(4)]
    means = {Path(r['img_path']).parent.name: cv2.imread(r['img_path']).mean() for r in rows}
    assert means == pytest.approx({'north': 40, 'south': 200}, abs=2)


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--train-share', '0.9', '--val-share', '0.2'), 'at most 1 together'),
        (('--every', '0'), 'must be 1 or more'),
        (('--min-joints', '34'), 'nobody is left; 42 x person: too few joints can be trusted'),
    ],
)
def test_what_cannot_work_is_said(
    tool, video: Path, tmp_path: Path, capsys, more: tuple[str, ...], message: str
) -> None:
    assert run(tool, video, tmp_path / 'out', *more) != 0
    assert message in capsys.readouterr().err
