"""HumanData files."""

import os

import numpy as np
import pytest

from tests.tools.dataset_fixtures import human_data
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people, to_rotmat
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split


@pytest.fixture(scope='module')
def tool():
    return load_converter('human_data')


def convert(tool, folder, labels):
    source = tool.HumanData(folder, folder / 'out', labels=labels)
    summary = convert_split(source, 'train', check=True)
    return *load_annotations(source.output('train')), summary


@pytest.mark.parametrize('compressed', [True, False])
def test_numbers(tool, tmp_path, compressed):
    people = make_people(3)
    labels = human_data.write(tmp_path, people, compressed=compressed)
    columns, meta, summary = convert(tool, tmp_path, labels)
    assert meta['joint_set'] == 'smpl45'
    kept = human_data.SOURCES
    np.testing.assert_allclose(columns['keypoints_2d'][:, kept], people.points[:, kept], atol=1e-3)
    assert (columns['keypoints_2d_conf'][:, kept] == 1).all()
    assert (columns['keypoints_2d_conf'][:, 22:24] == 0).all()
    joints = people.joints - people.joints[:, :1]
    np.testing.assert_allclose(columns['keypoints_3d'][:, kept], joints[:, kept], atol=1e-5)
    np.testing.assert_allclose(columns['global_orient'], people.global_orient, atol=1e-5)
    np.testing.assert_allclose(columns['body_pose'], people.body_pose, atol=1e-6)
    np.testing.assert_allclose(columns['bbox'], people.boxes, atol=1e-3)
    assert columns['gender'].tolist() == ['male', 'female', 'male']
    assert summary.dropped == []


def test_3d_joints_of_another_frame_are_left_out(tool, tmp_path):
    people = make_people(2, yaw=0.0)
    labels = human_data.write(tmp_path, people)
    with np.load(labels, allow_pickle=True) as file:
        content = dict(file)
    flipped = content['smpl'].item()
    turn = np.diag([-1.0, 1.0, -1.0])
    content['keypoints3d'][..., :3] = content['keypoints3d'][..., :3] @ turn
    np.savez(labels, **content)
    columns, _, _ = convert(tool, tmp_path, labels)
    left = to_rotmat(flipped['global_orient'])[:, :, 0]
    hips = people.joints[:, 1] - people.joints[:, 2]
    agree = np.einsum('ni,ni->n', left, hips @ turn) > 0
    assert columns.get('has_keypoints_3d', np.zeros(2, bool)).tolist() == agree.tolist()


class Evil:
    """What a pickle must not be able to do."""

    def __reduce__(self):
        return os.mkdir, ('owned',)


def test_pickles_that_run_code_are_refused(tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = human_data.write(tmp_path, make_people(2))
    with np.load(labels, allow_pickle=True) as file:
        content = dict(file)
    content['smpl'] = np.array({'betas': Evil()}, dtype=object)
    np.savez(labels, **content)
    with pytest.raises(SourceError, match='is refused'):
        convert(tool, tmp_path, labels)
    assert not (tmp_path / 'owned').exists()


def test_damaged_files(tool, tmp_path):
    labels = human_data.write(tmp_path, make_people(2))
    data = labels.read_bytes()
    labels.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r'no whole \.npz file'):
        convert(tool, tmp_path, labels)
