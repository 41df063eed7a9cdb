"""The annotation format: what is written is read back, and what is wrong is named."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from whmr.datasets import load_annotations, save_annotations
from whmr.datasets.annotations import COLUMNS
from whmr.testing import tiny_columns

NUM = 4


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    return tiny_columns(NUM)[0]


@pytest.fixture
def meta() -> dict:
    return dict(dataset='tiny', topology='free_body', joint_set='spin49', licence='CC0')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'folder' / 'ann.npz'


def write_raw(path: Path, columns: dict, meta: str = '{}', version: object = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, format_version=np.array(version), meta=np.array(meta), **columns)


def test_round_trip(path: Path, columns: dict, meta: dict) -> None:
    assert save_annotations(path, columns, meta) == NUM
    loaded, loaded_meta = load_annotations(path)
    assert loaded_meta == meta
    assert loaded.keys() == columns.keys()
    for name, array in columns.items():
        assert np.array_equal(loaded[name], array), name
        assert loaded[name].dtype.kind in {'text': 'U'}.get(COLUMNS[name].kind, 'fib')
    assert os.listdir(path.parent) == [path.name]  # no temporary file is left


def test_numbers_are_cast(path: Path, columns: dict, meta: dict) -> None:
    columns['bbox'] = columns['bbox'].astype('f8')
    columns['ori_shape'] = columns['ori_shape'].astype('i8')
    columns['img_path'] = np.array([b'a.jpg', 'ö.jpg'.encode(), b'c', b'd'])
    save_annotations(path, columns, meta)
    loaded, _ = load_annotations(path)
    assert loaded['bbox'].dtype == np.float32
    assert loaded['ori_shape'].dtype == np.int32
    assert loaded['img_path'].tolist() == ['a.jpg', 'ö.jpg', 'c', 'd']


def test_a_failed_save_leaves_the_old_file(path: Path, columns: dict, meta: dict) -> None:
    save_annotations(path, columns, meta)
    before = path.read_bytes()
    columns['bbox'][1, 2] = np.nan
    with pytest.raises(ValueError, match='row 1'):
        save_annotations(path, columns, meta)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def put(name: str, row: int, value: object):
    def change(columns: dict) -> None:
        columns[name][row] = value

    return change


def replace(name: str, value):
    def change(columns: dict) -> None:
        columns[name] = value(columns.get(name)) if callable(value) else value

    return change


def drop(*names: str):
    def change(columns: dict) -> None:
        for name in names:
            del columns[name]

    return change


COLUMN_MISTAKES = [
    (replace('bboxes', np.zeros((NUM, 4))), r"unknown column\(s\) \['bboxes'\]"),
    (drop('bbox'), "required column 'bbox' is missing"),
    (drop('betas'), "column 'global_orient' needs column 'betas'"),
    (drop('keypoints_2d_conf'), "'keypoints_2d' needs column 'keypoints_2d_conf'"),
    (replace('betas', lambda x: x[:, :9]), r"'betas' has shape \(4, 9\), must be \(4, 10\)"),
    (replace('betas', lambda x: x[:3]), r"'betas' has shape \(3, 10\) but img_path has 4 row"),
    (replace('keypoints_2d', lambda x: x[:, :17]), r'must be \(4, 49, 2\)'),
    (replace('bbox', lambda x: x.astype('U9')), "'bbox' has type <U9, must be float"),
    (replace('has_smpl', np.ones(NUM)), "'has_smpl' has type float64, must be bool"),
    (replace('ori_shape', lambda x: x * 1.0), "'ori_shape' has type float64, must be int"),
    (replace('img_path', np.array('one.jpg')), r'has shape \(\) but img_path has 1 row'),
]
ROW_MISTAKES = [
    (put('keypoints_2d', (2, 5, 0), np.nan), "'keypoints_2d', row 2 holds NaN"),
    (put('global_orient', (1, 0), np.inf), "'global_orient', row 1 holds NaN or infinity"),
    (put('bbox', 3, [10, 10, 10, 50]), "'bbox', row 3 has no area"),
    (put('bbox', 3, [50, 10, 10, 50]), "'bbox', row 3 has no area"),
    (put('bbox', 0, [500, 10, 600, 50]), "'bbox', row 0 lies outside the photo"),
    (put('bbox', 0, [-50, 10, -1, 50]), "'bbox', row 0 lies outside the photo"),
    (put('ori_shape', 1, [0, 160]), "'ori_shape', row 1 is not positive"),
    (put('body_pose', (1, 4), 90.0), 'must be in rad, not degrees'),
    (put('keypoints_3d_conf', (1, 4), -1.0), "'keypoints_3d_conf', row 1 is negative"),
    (put('img_path', 2, ''), "'img_path', row 2 is empty"),
    (put('world2cam_rotmat', 1, np.ones((3, 3))), "'world2cam_rotmat', row 1 is no rotation"),
    (put('world2cam_rotmat', 1, np.diag([-1, 1, 1])), 'is no rotation matrix'),
    (put('intrinsics', (1, 0, 0), -5.0), r"'intrinsics', row 1 is not \[\[f, 0, cx\]"),
    (put('intrinsics', (1, 0, 1), 0.5), "'intrinsics', row 1 is not"),
    (put('cam_t', (2, 2), -3.0), "'cam_t', row 2 lies behind the camera"),
    (put('global_orient_world', 2, [1.0, 2.0, 0.1]), "'global_orient_world', row 2"),
    (replace('gender', np.array(['male', 'neutral', 'f', 'male'])), "'gender', row 2 must be one"),
]


@pytest.mark.parametrize(('change', 'message'), COLUMN_MISTAKES + ROW_MISTAKES)
def test_mistakes_are_named(path: Path, columns: dict, meta: dict, change, message: str) -> None:
    change(columns)
    with pytest.raises(ValueError, match=message) as caught:
        save_annotations(path, columns, meta)
    text = str(caught.value)
    assert str(path) in text
    assert '\n' not in text
    assert not path.exists()


@pytest.mark.parametrize(('change', 'message'), ROW_MISTAKES)
def test_bad_rows_can_be_dropped(
    path: Path, columns: dict, meta: dict, change, message: str
) -> None:
    change(columns)
    assert save_annotations(path, columns, meta, on_bad_rows='drop') == NUM - 1
    loaded, _ = load_annotations(path)
    assert len(loaded['bbox']) == NUM - 1
    assert all(len(column) == NUM - 1 for column in loaded.values())


def test_bad_rows_of_a_file_can_be_dropped(path: Path, columns: dict, monkeypatch) -> None:
    columns['bbox'][2] = np.nan
    columns['cam_t'][[0, 2]] = np.nan
    log: list[str] = []
    monkeypatch.setattr(
        'whmr.datasets.annotation_checks.print_log', lambda text, *_: log.append(text)
    )
    meta = '{"dataset": "tiny", "topology": "free_body", "joint_set": "spin49"}'
    write_raw(path, columns, meta)
    with pytest.raises(ValueError, match='row 2 holds NaN'):
        load_annotations(path)
    loaded, _ = load_annotations(path, on_bad_rows='drop')
    assert np.array_equal(loaded['img_path'], columns['img_path'][[1, 3]])
    (line,) = [line for line in log if "'cam_t'" in line and 'NaN' in line]
    assert str(path) in line and '(2 of 4 rows)' in line and line.endswith('rows 0, 2')


def test_a_file_of_only_bad_rows_is_refused(path: Path, columns: dict, meta: dict) -> None:
    columns['bbox'][:] = np.nan
    with pytest.raises(ValueError, match='no good row'):
        save_annotations(path, columns, meta, on_bad_rows='drop')


def test_yaw_in_the_world_is_refused(path: Path, columns: dict, meta: dict) -> None:
    from whmr.geometry import euler_to_rotmat

    angle = torch.tensor([0.2])
    columns['world2cam_rotmat'][1] = euler_to_rotmat(angle, angle, angle)[0].numpy()
    with pytest.raises(ValueError, match=r'row 1 is not Rx\(pitch\) Rz\(roll\)'):
        save_annotations(path, columns, meta)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(topology='smplx'), r"meta\['topology'\] is 'smplx'"),
        (dict(joint_set='coco18'), r"meta\['joint_set'\] is 'coco18', must be one of"),
        (dict(joint_set_3d='h37m'), r"meta\['joint_set_3d'\] is 'h37m'"),
        (dict(dataset=''), r"meta\['dataset'\] must be"),
        (dict(lisence='CC0'), r"unknown meta key\(s\) \['lisence'\]"),
    ],
)
def test_wrong_meta_is_named(
    path: Path, columns: dict, meta: dict, change: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        save_annotations(path, columns, {**meta, **change})


def test_files_that_are_not_annotations(tmp_path: Path, path: Path, columns: dict, meta) -> None:
    with pytest.raises(FileNotFoundError, match='no such annotation file'):
        load_annotations(path)
    save_annotations(path, columns, meta)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r'not a whole \.npz'):
        load_annotations(path)
    path.write_bytes(b'hello')
    with pytest.raises(ValueError, match=r'not a whole \.npz'):
        load_annotations(path)
    broken = bytearray(whole)
    broken[len(whole) // 2 : len(whole) // 2 + 50] = bytes(50)
    path.write_bytes(bytes(broken))
    with pytest.raises(ValueError, match='cannot be read'):
        load_annotations(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ValueError, match="has no 'format_version'"):
        load_annotations(path)
    write_raw(path, columns, version=7)
    with pytest.raises(ValueError, match='format_version is 7, this library reads 1'):
        load_annotations(path)
    write_raw(path, columns, meta='{')
    with pytest.raises(ValueError, match='meta is not JSON'):
        load_annotations(path)
    objects = np.array([dict(a=1)] * NUM, dtype=object)
    np.savez(path, allow_pickle=True, format_version=1, meta='{}', img_path=objects)
    with pytest.raises(ValueError, match=r"'img_path' holds Python objects.*never loaded"):
        load_annotations(path)
    with pytest.raises(ValueError, match=r'must end in \.npz'):
        save_annotations(tmp_path / 'ann.json', columns, meta)
    with pytest.raises(ValueError, match='on_bad_rows must be'):
        save_annotations(path, columns, meta, on_bad_rows='skip')
