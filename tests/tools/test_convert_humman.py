"""HuMMan's reconstruction subset."""

import numpy as np
import pytest

from tests.tools.dataset_fixtures import humman
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import ShiftedBody, reprojection_error, to_rotmat
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split, run_converter


@pytest.fixture(scope='module')
def tool():
    return load_converter('humman')


def convert(tool, folder, *, body=True, **options):
    source = tool.HuMMan(folder, folder.parent / 'out', **options)
    source.body = ShiftedBody() if body else None
    summary = convert_split(source, 'train', check=True)
    return *load_annotations(source.output('train')), summary


def test_numbers(tool, tmp_path):
    people = humman.write(tmp_path / 'humman')
    up = -people.world2cam[:, 1]  # camera 000 is the world
    columns, meta, summary = convert(tool, tmp_path / 'humman', up=up)
    assert summary.people == 4 and summary.dropped == []  # frames 0 and 5, two cameras
    assert columns['img_path'][2] == f'{humman.SEQUENCE}/kinect_color/kinect_000/000030.png'
    assert np.nanmax(reprojection_error(columns, meta['joint_set'])) < 0.05
    cameras = humman.cameras(people)
    for row, (index, kinect) in enumerate([(0, 0), (0, 1), (5, 0), (5, 1)]):
        camera = cameras[f'kinect_color_00{kinect}']
        orient = to_rotmat(humman.orient_in(people, index, camera))
        np.testing.assert_allclose(to_rotmat(columns['global_orient'][row]), orient, atol=1e-5)
        joints = people.joints[index, :45] @ camera['R'].T + camera['T']
        expected = joints - joints[0]
        np.testing.assert_allclose(columns['keypoints_3d'][row], expected, atol=1e-4)
        pixels = joints @ people.intrinsics.T
        expected = pixels[:, :2] / pixels[:, 2:]
        np.testing.assert_allclose(columns['keypoints_2d'][row], expected, atol=0.05)
        gravity = camera['R'] @ people.world2cam[:, 1]
        np.testing.assert_allclose(columns['world2cam_rotmat'][row][:, 1], gravity, atol=1e-5)
        up_of_body = to_rotmat(columns['global_orient_world'][row])[:, 1]
        assert up_of_body @ [0, -1, 0] > 0.9
    np.testing.assert_allclose(columns['cam_t'][[0, 2]], people.cam_t[[0, 5]], atol=1e-5)
    np.testing.assert_allclose(columns['intrinsics'][0], people.intrinsics)
    np.testing.assert_allclose(columns['bbox'][0], people.boxes[0], atol=0.05)


def test_without_smpl_and_without_gravity(tool, tmp_path):
    people = humman.write(tmp_path / 'humman')
    columns, _, summary = convert(tool, tmp_path / 'humman', body=False, every=3)
    assert summary.people == 4
    assert not {'keypoints_2d', 'cam_t', 'world2cam_rotmat'} & set(columns)
    np.testing.assert_allclose(columns['bbox'], np.tile([100, 40, 150, 140], (4, 1)))
    np.testing.assert_allclose(columns['body_pose'][0], people.body_pose[0], atol=1e-6)
    assert columns['has_smpl'].all() and columns['has_focal_length'].all()


def test_half_downloaded(tool, tmp_path):
    folder = tmp_path / 'humman'
    humman.write(folder)
    root = folder / humman.SEQUENCE
    (folder / 'train.txt').write_text(f'{humman.SEQUENCE}\np000999_a000001\n')
    (root / 'kinect_color' / 'kinect_001' / '000000.png').unlink()
    photo = root / 'kinect_color' / 'kinect_000' / '000012.png'
    photo.write_bytes(photo.read_bytes()[:200])
    np.savez(root / 'smpl_params' / '000024.npz', betas=np.zeros(10))
    columns, _, summary = convert(tool, folder, every=2)
    assert len(columns['bbox']) == 2
    counts = {(row.what, row.reason): row.count for row in summary.dropped}
    assert counts == {
        ('image', 'the photo is missing'): 1,
        ('person', 'the photo is missing'): 1,
        ('image', 'the photo cannot be used'): 1,
        ('person', 'the photo cannot be used'): 1,
        ('file', 'smpl_params that cannot be read'): 1,
        ('file', 'cannot be read'): 1,
    }
    assert not summary.source_is_whole


def test_no_list_of_sequences(tool, tmp_path):
    humman.write(tmp_path / 'humman', frames=1)
    source = tool.HuMMan(tmp_path / 'humman', tmp_path / 'out')
    with pytest.raises(SourceError, match=r'get it from https://.*/test\.txt'):
        convert_split(source, 'test')
    argv = [str(tmp_path / 'humman'), str(tmp_path / 'out'), '--splits', 'test', '--quiet']
    assert run_converter(tool.HuMMan, argv) == 1
