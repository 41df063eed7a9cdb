"""Rows come out of columns as they went in; bad photos are survived or named."""

import copy
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from whmr.body_models import FreeBody
from whmr.datasets import BadSampleError, HMRDataset, save_annotations
from whmr.geometry import axis_angle_to_rotmat
from whmr.keypoints import JOINT_SETS
from whmr.registry import DATASETS
from whmr.testing import tiny_annotation_file, tiny_columns, tiny_pipeline

META = dict(dataset='tiny', topology='free_body', joint_set='spin49')


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('tiny')
    tiny_annotation_file(path, 5)
    return path


def build(folder: Path, **changes) -> HMRDataset:
    config = dict(type='HMRDataset', ann_file='tiny.npz', data_root=str(folder))
    return DATASETS.build({**config, 'data_prefix': dict(img='images'), **changes})


def save(folder: Path, columns: dict, **meta) -> HMRDataset:
    path = folder / 'ann.npz'
    save_annotations(path, columns, {**META, **meta})
    return HMRDataset(path)


def test_a_row_is_what_the_file_says(folder: Path) -> None:
    dataset, (columns, _) = build(folder), tiny_columns(5)
    assert len(dataset) == 5
    row = dataset.get_data_info(3)
    assert row['img_path'] == str(folder / 'images' / '0003.png')
    assert row['img_id'] == 'tiny_0003'
    assert row['ori_shape'] == (120, 160)
    assert (row['dataset'], row['topology'], row['gender']) == ('tiny', 'free_body', 'neutral')
    assert row['sample_idx'] == 3
    assert dataset.get_data_info(-2)['sample_idx'] == 3
    for name in ('bbox', 'keypoints_2d', 'keypoints_3d', 'betas', 'cam_t', 'intrinsics', 'pelvis'):
        assert np.array_equal(row[name], columns[name][3]), name
        assert row[name].dtype == np.float32
    expected = axis_angle_to_rotmat(torch.from_numpy(columns['body_pose'][3]).view(23, 3))
    assert np.allclose(row['body_pose'], expected, atol=1e-6)
    assert row['global_orient'].shape == row['global_orient_world'].shape == (1, 3, 3)
    flags = [name for name in row if name.startswith('has_')]
    assert len(flags) == 7
    assert all(row[name] is True for name in flags)
    with pytest.raises(IndexError, match='row 5 of 5'):
        dataset.get_data_info(5)


def test_the_labels_of_a_row_describe_one_body(folder: Path) -> None:
    body = FreeBody()
    for row in (build(folder).get_data_info(i) for i in range(5)):
        args = [torch.from_numpy(row[k])[None] for k in ('betas', 'global_orient', 'body_pose')]
        joints = body.joints49(body(*args).joints)[0].numpy()
        assert np.allclose(joints, row['keypoints_3d'] + row['pelvis'], atol=1e-5)
        pixels = (joints + row['cam_t']) @ row['intrinsics'].T
        assert np.allclose(pixels[:, :2] / pixels[:, 2:], row['keypoints_2d'], atol=1e-2)
        turned = row['world2cam_rotmat'] @ row['global_orient_world'][0]
        assert np.allclose(turned, row['global_orient'][0], atol=1e-5)


def test_a_row_can_be_changed_without_changing_the_data_set(folder: Path) -> None:
    dataset = build(folder)
    before = copy.deepcopy(dataset.get_data_info(0))
    row = dataset.get_data_info(0)
    for value in row.values():
        if isinstance(value, np.ndarray) and value.ndim:
            value += 1
    after = dataset.get_data_info(0)
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_missing_labels_are_zeros_and_say_so(tmp_path: Path) -> None:
    columns, _ = tiny_columns(2)
    dataset = save(tmp_path, {k: columns[k] for k in ('img_path', 'ori_shape', 'bbox')})
    row = dataset.get_data_info(1)
    assert not any(row[name] for name in row if name.startswith('has_'))
    assert row['img_id'] == '0001.png'
    assert row['bbox_score'] == 1
    shapes = dict(keypoints_2d=(49, 2), keypoints_3d_conf=(49,), body_pose=(23, 3, 3), cam_t=(3,))
    for name, shape in shapes.items():
        assert row[name].shape == shape
        assert not row[name].any()


def test_flags_blank_the_labels_of_a_row(tmp_path: Path) -> None:
    columns, _ = tiny_columns(2)
    for flag in ('has_smpl', 'has_cam_t', 'has_keypoints_3d', 'has_focal_length', 'has_world'):
        columns[flag] = np.array([True, False])
    first, second = (save(tmp_path, columns).get_data_info(i) for i in range(2))
    for name in ('global_orient', 'body_pose', 'betas', 'cam_t', 'keypoints_3d', 'intrinsics'):
        assert first[name].any()
        assert not second[name].any()
    assert second['has_world2cam']
    assert not second['has_world']


@pytest.mark.parametrize('missing', ['global_orient_world', 'world2cam_rotmat'])
def test_the_third_of_three_rotations_is_derived(tmp_path: Path, missing: str) -> None:
    columns, _ = tiny_columns(3)
    full = save(tmp_path, columns).get_data_info(2)
    del columns[missing]
    row = save(tmp_path, columns).get_data_info(2)
    assert row['has_world']
    assert row['has_world2cam']
    assert np.allclose(row[missing], full[missing], atol=1e-5)
    columns['has_smpl'] = np.array([True, True, False])
    row = save(tmp_path, columns).get_data_info(2)
    assert not row['has_world']
    assert not row['global_orient_world'].any()
    assert row['has_world2cam'] == (missing != 'world2cam_rotmat')


def test_keypoints_are_converted_by_name(tmp_path: Path) -> None:
    columns, _ = tiny_columns(2)
    lsp, spin = JOINT_SETS['lsp14'], JOINT_SETS['spin49']
    columns['keypoints_2d'] = np.arange(2 * 14 * 2, dtype='f4').reshape(2, 14, 2)
    columns['keypoints_2d_conf'] = np.full((2, 14), 0.5, 'f4')
    row = save(tmp_path, columns, joint_set='lsp14', joint_set_3d='spin49').get_data_info(1)
    for index, joint in enumerate(spin.joints):
        if joint in lsp.joints:
            source = columns['keypoints_2d'][1, lsp.joints.index(joint)]
            assert np.array_equal(row['keypoints_2d'][index], source), joint
            assert row['keypoints_2d_conf'][index] == 0.5
        else:
            assert row['keypoints_2d_conf'][index] == 0, joint
    assert sum(row['keypoints_2d_conf'] > 0) == 14
    assert np.array_equal(row['keypoints_3d'], columns['keypoints_3d'][1])


@pytest.mark.parametrize(
    ('indices', 'rows'), [(2, [0, 1]), (-2, [3, 4]), ([4, 0, 4], [4, 0, 4]), ([], [])]
)
def test_subsets(folder: Path, indices, rows: list[int]) -> None:
    whole = build(folder)
    subset = whole.get_subset(indices)
    assert [subset.get_data_info(i)['img_id'] for i in range(len(subset))] == [
        f'tiny_{row:04d}' for row in rows
    ]
    assert len(build(folder, indices=indices)) == len(rows)
    assert len(whole) == 5
    whole.get_subset_(indices)
    assert len(whole) == len(rows)


def test_lazy_init_and_pickling(folder: Path) -> None:
    dataset = build(folder, lazy_init=True, metainfo=dict(mine=1))
    assert not dataset.columns
    assert dataset.metainfo == dict(joint_set='spin49', mine=1)
    assert len(dataset) == 5
    assert dataset.metainfo['dataset'] == 'tiny'
    assert len(dataset.load_data_list()) == 5
    again = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(again.get_data_info(1)['bbox'], dataset.get_data_info(1)['bbox'])


def test_missing_annotation_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        HMRDataset('h36m_train.npz', data_root='data/h36m')
    parts = ('data/h36m/h36m_train.npz', 'Human3.6M', 'vision.imar.ro', '--embedded')
    for text in (*parts, 'tools/dataset_converters/h36m.py', 'docs/data.md'):
        assert text in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r'docs/annotation_format\.md'):
        HMRDataset(tmp_path / 'mine.npz')
    with pytest.raises(FileNotFoundError, match='no annotation file was given'):
        HMRDataset()


def test_wrong_prefix_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"the one key 'img', got \['image'\]"):
        build(folder, data_prefix=dict(image='images'))


class Log(list):
    """Collects what the data set logs."""

    def __call__(self, text: str, *args) -> None:
        self.append(text)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    found = Log()
    monkeypatch.setattr('whmr.datasets.hmr_dataset.print_log', found)
    return found


@pytest.mark.parametrize('damage', ['missing', 'cut', 'text', 'empty', 'size'])
def test_bad_photos(tmp_path: Path, log: Log, damage: str) -> None:
    tiny_annotation_file(tmp_path, 3)
    photo = tmp_path / 'images' / '0001.png'
    content = photo.read_bytes()
    photo.unlink()
    if damage == 'cut':
        photo.write_bytes(content[: len(content) // 2])
    elif damage == 'text':
        photo.write_text('no picture')
    elif damage == 'empty':
        photo.write_bytes(b'')
    elif damage == 'size':
        cv2.imwrite(str(photo), np.zeros((60, 80, 3), np.uint8))
    pipeline = tiny_pipeline()
    training = build(tmp_path, pipeline=pipeline)
    for _ in range(3):
        sample = training[1]
        assert sample['data_samples'].sample_idx in (0, 2)
    assert training.num_bad_samples >= 3
    assert len(log) == 1  # once for the file, however often it is drawn
    assert str(photo) in log[0]
    testing = build(tmp_path, pipeline=pipeline, test_mode=True)
    assert testing[0]['data_samples'].sample_idx == 0
    sample = testing[1]  # goes on, black and without labels
    assert not sample['inputs']['crop'].any()
    assert '0001.png' in sample['data_samples'].bad_photo
    marks = 0
    for container in ('gt_instances', 'gt_camera'):
        for name, value in sample['data_samples'].get(container).items():
            if name.startswith('has_') or name.endswith('_conf'):
                assert not value.any(), name
                marks += 1
    assert marks == 8
    assert len(log) == 2 and 'counts in no figure' in log[1] and str(photo) in log[1]


def test_only_bad_photos_end_the_run(tmp_path: Path, log: Log) -> None:
    tiny_annotation_file(tmp_path, 2)
    dataset = build(tmp_path, pipeline=tiny_pipeline(), max_refetch=5, data_prefix=dict(img='no'))
    with pytest.raises(BadSampleError, match='no usable sample in 6 draws'):
        dataset[0]


def test_bad_rows_are_dropped_on_demand(tmp_path: Path) -> None:
    path = tiny_annotation_file(tmp_path, 3)
    with np.load(path) as file:
        arrays = dict(file)
    arrays['bbox'][1] = 0
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match='row 1 has no area'):
        build(tmp_path)
    dataset = build(tmp_path, on_bad_rows='drop')
    assert [dataset.get_data_info(i)['img_id'] for i in range(2)] == ['tiny_0000', 'tiny_0002']


def test_a_million_rows_stay_small() -> None:
    """A row costs its numbers, less than 2 kB, and no Python objects."""
    from whmr.testing import TinyDataset

    columns = TinyDataset(10).columns
    assert all(column.dtype != object for column in columns.values())
    assert sum(column.nbytes for column in columns.values()) / 10 < 2000
