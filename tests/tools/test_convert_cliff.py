"""CLIFF's pseudo labels."""

import numpy as np
import pytest

from tests.tools.dataset_fixtures import cliff
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people, reprojection_error
from whmr.datasets import load_annotations
from whmr.datasets.conversion import convert_split

DIAGONAL = float(np.hypot(180, 320))


@pytest.fixture(scope='module')
def tool():
    return load_converter('cliff')


@pytest.mark.parametrize('moved', [True, False])
def test_both_meanings_of_the_translation(tool, tmp_path, moved):
    people = make_people(4, focal=DIAGONAL)
    labels = cliff.write(tmp_path, people, moved=moved)
    source = tool.Cliff(tmp_path, tmp_path / 'out', labels=labels, assumed_camera=True)
    truth = {tuple(np.round(b, 5)): p for b, p in zip(people.betas, people.pelvis)}
    source.pelvis = lambda betas: truth[tuple(np.round(betas, 5))]
    convert_split(source, 'train', check=True)
    assert source.output('train').name == 'coco_cliff_train.npz'
    columns, meta = load_annotations(source.output('train'))
    np.testing.assert_allclose(columns['cam_t'], people.cam_t, atol=1e-5)
    assert np.nanmax(reprojection_error(columns, meta['joint_set'])) < 0.05
    assert ('pelvis' in columns) is not moved


def test_assumed_camera_is_left_out(tool, tmp_path):
    people = make_people(2, focal=DIAGONAL)
    source = tool.Cliff(tmp_path, tmp_path / 'out', labels=cliff.write(tmp_path, people))
    convert_split(source, 'train')
    columns, _ = load_annotations(source.output('train'))
    assert 'intrinsics' not in columns and 'cam_t' not in columns
    assert columns['has_smpl'].all()
    np.testing.assert_allclose(columns['body_pose'], people.body_pose, atol=1e-6)
    joints = people.spin49[1][:, 25:]
    np.testing.assert_allclose(columns['keypoints_3d'], joints - joints[:, [14]], atol=1e-5)


def test_a_translation_that_fits_nothing_is_left_out(tool, tmp_path):
    people = make_people(3, focal=DIAGONAL)
    labels = cliff.write(tmp_path, people)
    content = dict(np.load(labels))
    content['global_t'] += [0.8, 0.0, 0.0]
    np.savez(labels, **content)
    source = tool.Cliff(tmp_path, tmp_path / 'out', labels=labels, assumed_camera=True)
    convert_split(source, 'train')
    assert 'cam_t' not in load_annotations(source.output('train'))[0]
