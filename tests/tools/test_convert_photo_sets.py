"""Converters of the sets of single photos against scenes whose every joint is known."""

import json

import numpy as np
import pytest
import scipy.io

from tests.tools.dataset_fixtures import photo_sets
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.scene import write_photo
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split
from whmr.keypoints import JOINT_SETS


@pytest.fixture
def source(tmp_path):
    return tmp_path / 'source'


def convert(converter, split='train', **options):
    summary = convert_split(converter, split, **options)
    columns, meta = load_annotations(converter.output(split))
    assert meta['topology'] == 'smpl' and meta['dataset'] == converter.name
    assert set(columns) <= {
        'img_path', 'img_id', 'ori_shape', 'bbox', 'keypoints_2d', 'keypoints_2d_conf',
    }  # fmt: skip
    assert (columns['ori_shape'] == photo_sets.SIZE[::-1]).all()
    return columns, summary


def reasons(summary):
    return {(row.what, row.reason): row.count for row in summary.dropped}


def lsp(source, tmp_path):
    return load_converter('lsp').LSPConverter(source, tmp_path / 'lsp')


def test_lsp(source, tmp_path):
    scene = photo_sets.make_lsp(source)
    expected = photo_sets.pixels_of(scene, 'lsp14') + 0.5
    train, _ = convert(lsp(source, tmp_path), check=True)
    test, _ = convert(lsp(source, tmp_path), 'test')
    assert train['img_path'].tolist() == ['im0001.jpg', 'im0002.jpg']
    assert test['img_path'].tolist() == ['im0003.jpg', 'im0004.jpg']
    points = np.concatenate([train['keypoints_2d'], test['keypoints_2d']])
    np.testing.assert_allclose(points, expected, atol=1e-3)
    assert (train['keypoints_2d_conf'] == 1).all()  # hidden joints are annotated too
    box = np.concatenate([expected[0].min(0), expected[0].max(0)])
    np.testing.assert_allclose(train['bbox'][0], box, atol=1e-3)


def test_lspet(source, tmp_path):
    scene, annotated = photo_sets.make_lspet(source)
    converter = load_converter('lspet').LSPExtendedConverter(source, tmp_path / 'lspet')
    columns, _ = convert(converter, check=True)
    assert columns['img_path'].tolist() == ['im00001.jpg', 'im00002.jpg', 'im00003.jpg']
    np.testing.assert_array_equal(columns['keypoints_2d_conf'], annotated)
    expected = photo_sets.pixels_of(scene, 'lsp14') + 0.5
    expected[annotated == 0] = 0
    np.testing.assert_allclose(columns['keypoints_2d'], expected, atol=1e-3)
    seen = expected[0][annotated[0] > 0]
    box = np.concatenate([seen.min(0), seen.max(0)])
    np.testing.assert_allclose(columns['bbox'][0], box, atol=1e-3)


@pytest.mark.parametrize('year', [2014, 2017])
def test_coco(source, tmp_path, year):
    scene = photo_sets.make_coco(source, year=year)
    converter = load_converter('coco').COCOConverter(source, tmp_path / 'coco', year=year)
    columns, summary = convert(converter, check=True)
    expected = photo_sets.pixels_of(scene, 'coco17') + 0.5
    expected[:, 4] = 0
    np.testing.assert_allclose(columns['keypoints_2d'], expected, atol=1e-3)
    conf = np.ones(17)
    conf[4] = 0
    np.testing.assert_array_equal(columns['keypoints_2d_conf'], np.tile(conf, (3, 1)))
    points = photo_sets.pixels_of(scene, 'coco17')
    box = np.concatenate([points.min(1), points.max(1)], axis=1)
    np.testing.assert_allclose(columns['bbox'], box, atol=1e-3)
    assert columns['img_id'].tolist() == ['100', '101', '102']
    assert columns['img_path'][0].startswith(f'train{year}/')
    assert reasons(summary) == {
        ('person', 'a crowd, not a person'): 1, ('person', 'no joint is labelled'): 1,
    }  # fmt: skip


def test_aic(source, tmp_path):
    scene = photo_sets.make_aic(source)
    converter = load_converter('aic').AICConverter(source, tmp_path / 'aic')
    columns, summary = convert(converter, check=True)
    expected = photo_sets.pixels_of(scene, 'lsp14') + 0.5
    wrist = JOINT_SETS['lsp14'].index('right_wrist')
    expected[:, wrist] = 0
    np.testing.assert_allclose(columns['keypoints_2d'], expected, atol=1e-3)
    conf = np.ones((2, 14))
    conf[:, wrist] = 0
    np.testing.assert_array_equal(columns['keypoints_2d_conf'], conf)
    assert reasons(summary) == {('person', 'no joint is labelled'): 2}


def test_mpii(source, tmp_path):
    scene = photo_sets.make_mpii(source)
    converter = load_converter('mpii').MPIIConverter(source, tmp_path / 'mpii')
    columns, summary = convert(converter, check=True)
    assert columns['img_path'].tolist() == ['000000000.jpg', '000000001.jpg']
    spin24, smpl54 = JOINT_SETS['spin24'], photo_sets.SMPL54
    for name in photo_sets.MPII_JOINTS:
        k = spin24.index(name)
        missing = name == photo_sets.MPII_JOINTS[photo_sets.MPII_UNLABELLED]
        expected = scene.pixels[:, smpl54.index(name)] + 0.5
        assert (columns['keypoints_2d_conf'][:, k] == (0 if missing else 1)).all()
        np.testing.assert_allclose(
            columns['keypoints_2d'][:, k], 0 if missing else expected, atol=1e-3
        )
    others = [k for k, name in enumerate(spin24.joints) if name not in photo_sets.MPII_JOINTS]
    assert not columns['keypoints_2d_conf'][:, others].any()
    # Box: 200 px of scale around a centre 15 px of scale below the annotated position.
    x, y = photo_sets.MPII_OBJPOS
    middle, half = np.array([x - 0.5, y - 0.5 + 15 * 0.9]), 100 * 0.9
    np.testing.assert_allclose(
        columns['bbox'][0], np.concatenate([middle - half, middle + half]), atol=1e-3
    )
    points = columns['keypoints_2d'][1][columns['keypoints_2d_conf'][1] > 0]
    np.testing.assert_allclose(  # without scale: the box of the joints
        columns['bbox'][1], np.concatenate([points.min(0), points.max(0)]), atol=1e-3
    )
    assert reasons(summary) == {('person', 'no joint is labelled'): 1}


def test_photos_that_cannot_be_used(source, tmp_path):
    photo_sets.make_lsp(source, num=10)
    images = source / 'images'
    (images / 'im0001.jpg').unlink()
    (images / 'im0002.jpg').write_bytes(b'no picture')
    whole = (images / 'im0003.jpg').read_bytes()
    (images / 'im0003.jpg').write_bytes(whole[: len(whole) // 2])
    columns, summary = convert(lsp(source, tmp_path))
    assert columns['img_path'].tolist() == ['im0003.jpg', 'im0004.jpg', 'im0005.jpg']
    columns, summary = convert(lsp(source, tmp_path), check=True, overwrite=True)
    assert columns['img_path'].tolist() == ['im0004.jpg', 'im0005.jpg']
    assert reasons(summary) == {
        ('image', 'the photo is missing'): 1, ('person', 'the photo is missing'): 1,
        ('image', 'the photo cannot be used'): 2, ('person', 'the photo cannot be used'): 2,
    }  # fmt: skip


def test_labels_that_cannot_be_used(source, tmp_path):
    photo_sets.make_lsp(source, num=10)
    joints = scipy.io.loadmat(source / 'joints.mat')['joints']
    joints[:, :, 0] = np.nan
    joints[:2, 2, 1] = np.nan  # one joint of the second
    joints[0, :, 2] += 5000  # the third lies beside its photo
    joints[:2, :, 3] = 7  # all joints of the fourth on one point
    scipy.io.savemat(source / 'joints.mat', dict(joints=joints))
    columns, summary = convert(lsp(source, tmp_path))
    assert columns['img_path'].tolist() == ['im0002.jpg', 'im0005.jpg']
    assert columns['keypoints_2d_conf'][0].tolist() == [1, 1, 0] + [1] * 11
    counts = reasons(summary)
    assert counts.pop(('person', 'fewer than two joints are labelled')) == 2
    ((what, reason), count) = counts.popitem()
    assert (what, count) == ('person', 1) and 'outside the photo' in reason and not counts


@pytest.mark.parametrize(
    ('name', 'cls', 'match'),
    [
        ('lsp', 'LSPConverter', r'joints\.mat: no such file'),
        ('lspet', 'LSPExtendedConverter', r'joints\.mat: no such file'),
        ('coco', 'COCOConverter', r'person_keypoints_train2014\.json: no such file'),
        ('aic', 'AICConverter', r'holds no keypoint_train_'),
        ('mpii', 'MPIIConverter', r'holds no mpii_human_pose_v1_u12_1\.mat'),
    ],
)
def test_an_empty_folder_is_one_clear_error(source, tmp_path, name, cls, match):
    source.mkdir()
    converter = getattr(load_converter(name), cls)(source, tmp_path / 'out')
    with pytest.raises(SourceError, match=match):
        convert_split(converter, 'train')


def test_files_of_another_layout_are_one_clear_error(source, tmp_path):
    photo_sets.make_lspet(source)
    with pytest.raises(SourceError, match=r'must be \(3, 14, people\)'):
        convert_split(lsp(source, tmp_path), 'train')
    (source / 'joints.mat').write_bytes(b'MATLAB 5.0 MAT-file, cut off')
    with pytest.raises(SourceError, match=r'joints\.mat: cannot be read'):
        convert_split(lsp(source, tmp_path), 'train')


def test_damaged_json_is_one_clear_error(source, tmp_path):
    photo_sets.make_coco(source)
    path = source / 'annotations' / 'person_keypoints_train2014.json'
    path.write_text(path.read_text()[:200])
    converter = load_converter('coco').COCOConverter(source, tmp_path / 'coco')
    with pytest.raises(SourceError, match=r'no COCO annotations'):
        convert_split(converter, 'train')


def test_coco_people_with_broken_labels_are_counted(source, tmp_path):
    photo_sets.make_coco(source)
    path = source / 'annotations' / 'person_keypoints_train2014.json'
    content = json.loads(path.read_text())
    content['annotations'][0]['bbox'] = [5, 5, 0, 0]
    content['annotations'][1]['bbox'] = [float('nan')] * 4
    del content['images'][0]['height'], content['images'][1]['width']
    content['images'].append(dict(id=300, width=320, height=240))
    del content['annotations'][2]['keypoints']
    content['images'].append(dict(id=200, file_name='x.jpg', width=320, height=240))
    content['annotations'].append(dict(content['annotations'][3], id=200, image_id=200, iscrowd=0))
    path.write_text(json.dumps(content))
    write_photo(source / 'train2014' / 'x.jpg', photo_sets.SIZE)
    converter = load_converter('coco').COCOConverter(source, tmp_path / 'coco')
    columns, summary = convert(converter)
    assert columns['img_id'].tolist() == ['200']
    found = [row.reason for row in summary.dropped]
    assert sum(row.count for row in summary.dropped) == 6
    assert 'the photo has no file name' in found
    assert any('has no area' in reason for reason in found)
    assert any('NaN' in reason for reason in found)
    assert 'no keypoints or no box' in found


def test_aic_photos_without_their_fields_are_counted(source, tmp_path):
    photo_sets.make_aic(source, num=4)
    path = next(source.rglob('*.json'))
    content = json.loads(path.read_text())
    del content[1]['keypoint_annotations']
    content[2]['human_annotations']['human1'] = ['x'] * 4
    content.append(dict(content[0], keypoint_annotations='none'))
    content.insert(1, 5)
    path.write_text(json.dumps(content))
    converter = load_converter('aic').AICConverter(source, tmp_path / 'aic')
    columns, summary = convert(converter)
    assert [name[-5:] for name in columns['img_path']] == ['0.jpg', '3.jpg']
    counts = reasons(summary)
    assert counts.pop(('image', 'a photo without its fields')) == 2
    assert counts.pop(('person', 'no keypoints or no box')) == 1
    assert counts.pop(('person', 'labels that cannot be read')) == 2
    assert counts == {('person', 'no joint is labelled'): 3}
