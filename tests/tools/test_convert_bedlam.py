"""Label files of BEDLAM's kind."""

import numpy as np
import pytest

from tests.tools.dataset_fixtures import bedlam
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people, reprojection_error, to_rotmat
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split


@pytest.fixture(scope='module')
def tool():
    return load_converter('bedlam')


def convert(tool, folder, labels, **options):
    source = tool.Bedlam(folder, folder / 'out', labels=labels, **options)
    summary = convert_split(source, 'train', check=True)
    return *load_annotations(source.output('train')), summary


def test_numbers(tool, tmp_path):
    people = make_people(4, pitch=0.3, roll=0.1, yaw=-2.0)
    columns, meta, summary = convert(tool, tmp_path, bedlam.write(tmp_path, people))
    assert np.nanmax(reprojection_error(columns, meta['joint_set'])) < 0.05
    np.testing.assert_allclose(columns['cam_t'], people.cam_t, atol=1e-5)
    np.testing.assert_allclose(columns['world2cam_rotmat'][2], people.world2cam, atol=1e-5)
    np.testing.assert_allclose(
        to_rotmat(columns['global_orient_world']), to_rotmat(people.orient_world), atol=1e-5
    )
    np.testing.assert_allclose(columns['body_pose'], people.body_pose, atol=1e-6)
    assert columns['gender'].tolist() == ['male', 'female', 'neutral', 'male']
    assert meta['dataset'] == 'bedlam' and summary.labels['world'] == 4 and summary.dropped == []


def test_a_translation_that_does_not_fit_is_left_out(tool, tmp_path):
    labels = bedlam.write(tmp_path, make_people(2))
    content = dict(np.load(labels))
    content['trans_cam'][1, 0] += 0.6
    np.savez(labels, **content)
    columns, _, summary = convert(tool, tmp_path, labels)
    assert columns['has_cam_t'].tolist() == [True, False]
    assert summary.dropped[0].what == 'label' and summary.people == 2


def test_turned_photos_are_left_out(tool, tmp_path):
    people = make_people(2)
    labels = bedlam.write(tmp_path, people)
    content = dict(np.load(labels))
    content['cam_int'][0, :2, 2] = content['cam_int'][0, 1::-1, 2]
    np.savez(labels, **content)
    columns, _, summary = convert(tool, tmp_path, labels)
    assert columns['img_path'].tolist() == ['images/001.png']
    assert 'turned by 90 degrees' in summary.dropped[0].reason


def test_smplx_labels_and_another_world_are_refused(tool, tmp_path):
    labels = bedlam.write(tmp_path, make_people(2))
    with pytest.raises(SourceError, match='say --up-axis=-y'):
        convert(tool, tmp_path, labels, up_axis='y')
    content = dict(np.load(labels))
    content['pose_cam'] = np.zeros((2, 165))
    np.savez(labels, **content)
    with pytest.raises(SourceError, match='take the SMPL version'):
        convert(tool, tmp_path, labels)
