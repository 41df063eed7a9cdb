"""The tars of 4D-Humans."""

import os
import pickle
import tarfile

import cv2
import numpy as np
import pytest

from tests.tools.dataset_fixtures import hmr2_shards
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people
from whmr.datasets import HMRDataset, load_annotations
from whmr.datasets.conversion import convert_split


@pytest.fixture(scope='module')
def tool():
    return load_converter('hmr2_shards')


@pytest.fixture(scope='module')
def groups():
    return [make_people(2, seed=seed) for seed in range(5)]


def convert(tool, folder, **options):
    source = tool.Hmr2Shards(folder, folder.parent / 'out', **options)
    summary = convert_split(source, 'train', check=True)
    return *load_annotations(source.output('train')), summary


def test_numbers(tool, tmp_path, groups):
    hmr2_shards.write_set(tmp_path / 'tars', groups)
    columns, meta, summary = convert(tool, tmp_path / 'tars')
    assert summary.people == 10 and summary.images == 5 and summary.dropped == []
    points, joints = (np.concatenate(both) for both in zip(*(g.spin49 for g in groups)))
    np.testing.assert_allclose(columns['keypoints_2d'][:, :44], points[:, :44], atol=1e-3)
    np.testing.assert_allclose(columns['keypoints_2d_conf'][:, :44], 0.8, atol=1e-6)
    assert (columns['keypoints_2d_conf'][:, 44:] == 0).all()
    expected = joints[:, 25:44] - joints[:, [39]]
    np.testing.assert_allclose(columns['keypoints_3d'][:, :19], expected, atol=1e-5)
    assert (columns['keypoints_3d_conf'][:, 19:] == 0).all()
    for name in ('global_orient', 'body_pose', 'betas'):
        truth = np.concatenate([getattr(g, name) for g in groups])
        np.testing.assert_allclose(columns[name], truth, atol=1e-5)
    np.testing.assert_allclose(
        columns['bbox'], np.concatenate([g.boxes for g in groups]), atol=1e-3
    )
    assert columns['img_id'][2] == 'ava/v001_frame'
    assert meta['dataset'] == 'ava'


def test_photos_are_read_in_the_tars(tool, tmp_path, groups):
    hmr2_shards.write_set(tmp_path / 'tars', groups[:3])
    convert(tool, tmp_path / 'tars', dataset='coco', variant='vitpose')
    dataset = HMRDataset(
        'coco_vitpose_train.npz',
        data_root=tmp_path / 'out',
        data_prefix=dict(img='images_vitpose'),
        pipeline=[dict(type='LoadImage')],
        test_mode=True,
    )
    for index in (0, 2, 5):
        data = np.frombuffer(hmr2_shards.photo(groups[index // 2], index // 2), np.uint8)
        np.testing.assert_array_equal(dataset[index]['img'], cv2.imdecode(data, cv2.IMREAD_COLOR))
    assert not list((tmp_path / 'out').rglob('*.jpg'))


def test_interrupted_run_gives_the_same_bytes(tool, tmp_path, groups, monkeypatch):
    hmr2_shards.write_set(tmp_path / 'tars', groups)
    whole = tool.Hmr2Shards(tmp_path / 'tars', tmp_path / 'whole')
    convert_split(whole, 'train')
    broken = tool.Hmr2Shards(tmp_path / 'tars', tmp_path / 'broken')
    read = broken.rows

    def rows(split, unit):
        for number, row in enumerate(read(split, unit)):
            if unit == '000001.tar' and number == 1:
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(broken, 'rows', rows)
    with pytest.raises(KeyboardInterrupt):
        convert_split(broken, 'train')
    assert not broken.output('train').exists()
    again = tool.Hmr2Shards(tmp_path / 'tars', tmp_path / 'broken')
    convert_split(again, 'train')
    assert again.output('train').read_bytes() == whole.output('train').read_bytes()


class Evil:
    """What a pickle must not be able to do."""

    def __reduce__(self):
        return os.mkdir, ('owned',)


@pytest.mark.parametrize('kept', [0, 50])
def test_bad_samples(tool, tmp_path, groups, monkeypatch, kept):
    monkeypatch.chdir(tmp_path)
    good = hmr2_shards.sample(groups[0])
    people = hmr2_shards.people_of(groups[1])
    people[0].update(has_body_pose=np.float32(0))
    people[0]['keypoints_2d'][3] = np.nan
    people[1].update(has_betas=False)
    people[1]['keypoints_2d'][:, 2] = people[1]['keypoints_3d'][:, 3] = 0
    broken = hmr2_shards.people_of(groups[1])
    broken[0]['body_pose'] = broken[0]['body_pose'][:-1]
    broken[1]['scale'] = 'large'
    samples = {
        'a': good,
        'b': {'data.pyd': good['data.pyd']},
        'c': {'jpg': good['jpg']},
        'd': {**good, 'data.pyd': pickle.dumps([dict(keypoints_2d=Evil())])},
        'e': {**good, 'jpg': good['jpg'][:100]},
        'f': {**good, 'data.pyd': pickle.dumps(people)},
        'g': {**good, 'data.pyd': pickle.dumps([dict(keypoints_2d=np.zeros((17, 3)))])},
        'h': {**good, 'data.pyd': pickle.dumps(broken)},
    }
    hmr2_shards.write(tmp_path / 'tars' / '000000.tar', samples)
    hmr2_shards.write(tmp_path / 'tars' / '000001.tar', {'x': good, 'y': good})
    path = tmp_path / 'tars' / '000001.tar'
    with tarfile.open(path) as tar:  # cut off between the last two files, or in the last photo
        last = tar.getmembers()[-1]
    path.write_bytes(path.read_bytes()[: last.offset_data + kept if kept else last.offset])
    columns, _, summary = convert(tool, tmp_path / 'tars')
    assert not (tmp_path / 'owned').exists()
    assert columns['img_id'].tolist() == ['ava/a'] * 2 + ['ava/f'] + ['ava/x'] * 2
    assert columns['has_smpl'].tolist() == [True, True, False, True, True]
    assert columns['keypoints_2d_conf'][2, 3] == 0
    counts = {(row.what, row.reason): row.count for row in summary.dropped}
    assert counts['image', 'the photo is missing'] == (1 if kept else 2)
    assert counts['person', 'a sample without labels (data.pyd)'] == 1
    assert counts['file', 'labels that cannot be read'] == 1
    assert counts['person', 'the photo cannot be used'] == 2
    assert counts['person', 'no joint is labelled'] == 1
    assert counts['person', 'keypoints_2d are not 44 joints'] == 1
    assert counts['person', 'labels that cannot be read'] == 2
    assert counts['file', 'cannot be read'] == 1
    assert not summary.source_is_whole
