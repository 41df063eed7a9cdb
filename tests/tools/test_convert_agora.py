"""AGORA."""

import pickle

import numpy as np
import pytest

from tests.tools.dataset_fixtures import agora
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import (
    ShiftedBody,
    reprojection_error,
    to_axis_angle,
    to_rotmat,
)
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split


@pytest.fixture(scope='module')
def tool():
    return load_converter('agora')


@pytest.fixture(scope='module')
def scenes():
    return [agora.scene(3, seed=0), agora.scene(2, seed=1, pitch=0.0)]


def convert(tool, folder, split='train', **options):
    source = tool.Agora(folder, folder.parent / 'out', **options)
    summary = convert_split(source, split, check=True)
    return *load_annotations(source.output(split)), summary


def joined(scenes, name):
    return np.concatenate([getattr(scene, name) for scene in scenes])


def test_numbers(tool, tmp_path, scenes):
    agora.write(tmp_path / 'agora', scenes)
    columns, meta, summary = convert(tool, tmp_path / 'agora')
    assert np.nanmax(reprojection_error(columns, meta['joint_set'])) < 0.05
    np.testing.assert_allclose(columns['keypoints_2d'], joined(scenes, 'points')[:, :45], atol=2e-3)
    joints = joined(scenes, 'joints')[:, :45]
    np.testing.assert_allclose(columns['keypoints_3d'], joints - joints[:, :1], atol=1e-5)
    np.testing.assert_allclose(columns['intrinsics'][:, 0, 0], agora.FOCAL, rtol=1e-5)
    np.testing.assert_allclose(columns['intrinsics'][0, :2, 2], [640, 360])
    for name in ('global_orient', 'orient_world'):
        column = {'orient_world': 'global_orient_world'}.get(name, name)
        np.testing.assert_allclose(
            to_rotmat(columns[column]), to_rotmat(joined(scenes, name)), atol=1e-4
        )
    np.testing.assert_allclose(columns['body_pose'], joined(scenes, 'body_pose'), atol=1e-6)
    np.testing.assert_allclose(columns['betas'], joined(scenes, 'betas'), atol=1e-6)
    np.testing.assert_allclose(columns['cam_t'], joined(scenes, 'cam_t'), atol=1e-4)
    np.testing.assert_allclose(columns['pelvis'], joined(scenes, 'pelvis'), atol=1e-4)
    np.testing.assert_allclose(columns['world2cam_rotmat'][0], scenes[0].world2cam, atol=1e-4)
    np.testing.assert_allclose(columns['world2cam_rotmat'][4], np.eye(3), atol=1e-4)
    np.testing.assert_allclose(columns['bbox'], joined(scenes, 'boxes'), atol=0.01)
    assert columns['gender'].tolist() == ['male', 'female', 'male', 'male', 'female']
    assert columns['img_path'][0] == 'train/' + agora.photo_name(0).replace('.', '_1280x720.')
    assert columns['img_id'][3] == agora.photo_name(1)[:-4]
    assert summary.dropped == [] and summary.labels['world'] == 5


def test_neutral_fits(tool, tmp_path, scenes):
    agora.write(tmp_path / 'agora', scenes[1:], split='validation')
    columns, _, _ = convert(tool, tmp_path / 'agora', 'validation', body_gender='neutral')
    assert columns['gender'].tolist() == ['neutral', 'neutral']


def test_fits_without_vertices(tool, tmp_path, scenes, monkeypatch):
    folder = tmp_path / 'agora'
    agora.write(folder, scenes[:1])
    for path in folder.rglob('*.obj'):
        path.unlink()
    smpl = tmp_path / 'smpl'
    smpl.mkdir()
    (smpl / 'SMPL_MALE.npz').touch()
    monkeypatch.setattr(tool, 'SMPL', ShiftedBody)
    columns, _, summary = convert(tool, folder, body_model=smpl)
    assert columns['has_smpl'].tolist() == [True, False, True]
    np.testing.assert_allclose(columns['cam_t'][0], scenes[0].cam_t[0], atol=1e-4)
    assert summary.dropped[0].reason.endswith('no SMPL files to make its vertices')


def test_flags_and_bad_people(tool, tmp_path, scenes):
    folder = tmp_path / 'agora'
    columns = agora.write(folder, [scenes[0], scenes[1], scenes[1]])
    columns['isValid'][0][0] = False
    columns['kid'][0][1] = True
    columns['gt_joints_2d'][0][2] = columns['gt_joints_2d'][0][2] + [0.0, 40.0]
    columns['gt_joints_3d'][1][0] = columns['gt_joints_3d'][1][0] * np.nan
    table = folder / 'Cam' / 'train_0_SMPL_withjv.pkl'
    agora.write_table(table, columns)
    (folder / 'GT_fits' / agora.SET / 'scan_1_1.pkl').unlink()
    next(folder.rglob('*00002_1280x720.png')).unlink()
    columns, _, summary = convert(tool, folder)
    assert len(columns['bbox']) == 2
    assert 'has_smpl' not in columns and columns['has_keypoints_3d'].all()
    assert columns['has_world2cam'].tolist() == [True, False]
    counts = {(row.what, row.reason): row.count for row in summary.dropped}
    assert counts == {
        ('person', 'not valid: hidden or outside the photo (isValid)'): 1,
        ('label', 'no SMPL label: the body of a kid has 11 shape coefficients'): 1,
        ('person', 'gt_joints_3d do not project onto gt_joints_2d'): 2,
        ('label', 'no SMPL label: the fit (gt_path_smpl, as .pkl) is missing'): 1,
        ('image', 'the photo is missing'): 1,
        ('person', 'the photo is missing'): 2,
    }


def test_one_bad_photo_or_person_does_not_end_the_table(tool, tmp_path, scenes):
    folder = tmp_path / 'agora'
    columns = agora.write(folder, [scenes[1], scenes[0], scenes[1]])
    columns['gender'][1][0] = 'unknown'
    columns['gt_joints_2d'][1][1] = 'nothing'
    columns['gt_path_smpl'][2] = columns['gt_path_smpl'][2][:1]
    agora.write_table(folder / 'Cam' / 'train_0_SMPL_withjv.pkl', columns)
    next(folder.rglob('*00000_1280x720.png')).write_bytes(b'no picture')
    columns, _, summary = convert(tool, folder)
    assert columns['img_id'].tolist() == [agora.photo_name(1)[:-4], agora.photo_name(2)[:-4]]
    counts = {(row.what, row.reason): row.count for row in summary.dropped}
    assert counts == {
        ('image', 'the photo cannot be used'): 1,
        ('person', 'the photo cannot be used'): 2,
        ('person', 'labels that cannot be read'): 3,
    }


def test_fits_with_the_names_of_smplx(tool, tmp_path, scenes):
    folder = tmp_path / 'agora'
    agora.write(folder, scenes[1:])
    for path in folder.rglob('scan_*.pkl'):
        content = pickle.loads(path.read_bytes())
        content['global_orient'] = content.pop('root_pose')
        content['transl'] = content.pop('translation')
        path.write_bytes(pickle.dumps(content))
    columns, _, _ = convert(tool, folder)
    np.testing.assert_allclose(columns['cam_t'], scenes[1].cam_t, atol=1e-4)
    del content['transl']
    path.write_bytes(pickle.dumps(content))
    tool_source = tool.Agora(folder, tmp_path / 'other')
    summary = convert_split(tool_source, 'train')
    reasons = [row.reason for row in summary.dropped]
    assert reasons == ['no SMPL label: the fit is damaged or of another kind']


def test_fits_that_lie_give_no_world(tool, tmp_path, scenes):
    """A set whose fits have z up: gravity cannot be told from them."""
    folder = tmp_path / 'agora'
    agora.write(folder, scenes[1:])
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    for path in folder.rglob('scan_*.pkl'):
        content = pickle.loads(path.read_bytes())
        root = turn @ to_rotmat(content['root_pose'].detach().numpy().reshape(3))
        content['root_pose'] = to_axis_angle(root)
        path.write_bytes(pickle.dumps(content))
        obj = [line.split() for line in path.with_suffix('.obj').read_text().splitlines()]
        vertices = np.array([line[1:] for line in obj if line[0] == 'v'], float) @ turn.T
        lines = ['v {:.6f} {:.6f} {:.6f}'.format(*vertex) for vertex in vertices]
        path.with_suffix('.obj').write_text('\n'.join(lines))
    columns, _, summary = convert(tool, folder)
    assert 'world2cam_rotmat' not in columns and columns['has_smpl'].all()
    assert [(row.what, row.count) for row in summary.dropped] == [('label', 2)]
    assert 'do not stand along the y axis' in summary.dropped[0].reason


def test_missing_tables_and_columns(tool, tmp_path, scenes):
    folder = tmp_path / 'agora'
    columns = agora.write(folder, scenes[1:])
    with pytest.raises(SourceError, match='holds no validation_'):
        convert(tool, folder, 'validation')
    del columns['isValid']
    agora.write_table(folder / 'Cam' / 'train_0_SMPL_withjv.pkl', columns)
    with pytest.raises(SourceError, match="has no column 'isValid'"):
        convert(tool, folder)
    with pytest.raises(SourceError, match='no such folder'):
        tool.Agora(tmp_path / 'nowhere', tmp_path / 'out')
