"""Label files of SPEC-SYN and SPEC-MTP."""

import numpy as np
import pytest

from tests.tools.dataset_fixtures import spec
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people, to_rotmat
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split


@pytest.fixture(scope='module')
def tool():
    return load_converter('spec')


def convert(tool, folder, labels, split='train', **options):
    source = tool.Spec(folder, folder / 'out', labels=labels, **options)
    convert_split(source, split, check=True)
    return *load_annotations(source.output(split)), source.output(split).name


@pytest.mark.parametrize('joint_set', ['spin24', 'smpl24'])
@pytest.mark.parametrize('frame', ['camera', 'world'])
def test_numbers(tool, tmp_path, joint_set, frame):
    people = make_people(4, pitch=0.4, roll=-0.2, yaw=1.0)
    labels = spec.write(tmp_path, people, joint_set=joint_set, frame=frame)
    columns, meta, name = convert(tool, tmp_path, labels)
    assert name == 'spec_syn_train.npz' and meta['joint_set'] == joint_set
    np.testing.assert_allclose(
        to_rotmat(columns['global_orient']), to_rotmat(people.global_orient), atol=1e-5
    )
    np.testing.assert_allclose(
        to_rotmat(columns['global_orient_world']), to_rotmat(people.orient_world), atol=1e-5
    )
    np.testing.assert_allclose(columns['world2cam_rotmat'][0], people.world2cam, atol=1e-5)
    np.testing.assert_allclose(columns['intrinsics'][0], people.intrinsics)
    points, joints = people.points[:, :24], people.joints[:, :24]
    if joint_set == 'spin24':
        points, joints = (array[:, 25:] for array in people.spin49)
    np.testing.assert_allclose(columns['keypoints_2d'], points, atol=1e-3)
    hips = [2, 3] if joint_set == 'spin24' else [1, 2]
    expected = joints - joints[:, hips].mean(1, keepdims=True)
    np.testing.assert_allclose(columns['keypoints_3d'], expected, atol=1e-5)


def test_joints_that_agree_with_nothing_are_left_out(tool, tmp_path):
    columns, _, _ = convert(tool, tmp_path, spec.write(tmp_path, make_people(3), frame='odd'))
    assert 'keypoints_3d' not in columns and columns['has_smpl'].all()


def test_mtp_and_its_focal_length(tool, tmp_path):
    people = make_people(2)
    labels = spec.write(tmp_path, people)
    content = dict(np.load(labels))
    for name in ('cam_int', 'S', 'part'):
        del content[name]
    np.savez(labels, **content)
    columns, _, name = convert(tool, tmp_path, labels, 'test', dataset='spec_mtp')
    assert name == 'spec_mtp_test.npz'
    np.testing.assert_allclose(columns['intrinsics'][1], people.intrinsics)


def test_another_axis_up_is_found_out(tool, tmp_path):
    with pytest.raises(SourceError, match='say --up-axis=-y'):
        convert(tool, tmp_path, spec.write(tmp_path, make_people(2)), up_axis='y')
