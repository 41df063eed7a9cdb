"""Labels in the library's conventions, photo headers, frames of videos and foreign files."""

import json
import pickle

import cv2
import h5py
import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from tests.tools.dataset_fixtures.h36m import write_cdf
from tests.tools.dataset_fixtures.scene import (
    body,
    frame_level,
    make_scene,
    write_photo,
    write_video,
)
from whmr.body_models import load_free_body_arrays
from whmr.datasets.conversion import (
    PelvisTable,
    SourceError,
    box_from_points,
    extract_frames,
    image_size,
    intrinsics,
    pick_joints,
    project_points,
    read_cdf,
    read_hdf5,
    read_json,
    read_mat,
    read_pickle,
    smpl_in_camera,
    world_labels,
)
from whmr.geometry import axis_angle_to_rotmat
from whmr.keypoints import JOINT_SETS

UP = {'y': (0, 1, 0), 'z': (0, 0, 1)}


def rotmat(vector):
    return axis_angle_to_rotmat(torch.from_numpy(np.asarray(vector))).numpy()


@pytest.mark.parametrize('up', UP)
def test_world_labels_remove_the_yaw_of_any_world(up):
    scene = make_scene(5, up=up, seed=7)
    for i in range(5):
        camera = scene.rotmat[i] @ rotmat(scene.poses[i, :3])
        orient = smpl_in_camera(scene.poses[i, :3], scene.rotmat[i])['global_orient']
        np.testing.assert_allclose(rotmat(orient), camera, atol=1e-6)
        labels = world_labels(scene.rotmat[i], UP[up], orient)
        np.testing.assert_allclose(labels['world2cam_rotmat'], scene.world2cam[i], atol=1e-12)
        world = rotmat(labels['global_orient_world'])
        np.testing.assert_allclose(world, scene.orient_world[i], atol=1e-5)
        np.testing.assert_allclose(labels['world2cam_rotmat'] @ world, camera, atol=1e-6)
        gravity = -scene.rotmat[i] @ UP[up]  # as this camera sees it
        np.testing.assert_allclose(labels['world2cam_rotmat'][:, 1], gravity, atol=1e-12)
    assert 'global_orient_world' not in world_labels(np.eye(3), UP[up])


def test_smpl_in_camera_places_the_body_where_the_extrinsics_do():
    scene = make_scene(4, seed=8)
    betas = torch.from_numpy(scene.betas).float()
    pelvis = body()(betas[None], torch.zeros(1, 3), torch.zeros(1, 69)).joints[0, 0].numpy()
    for i in range(4):
        labels = smpl_in_camera(
            scene.poses[i, :3],
            scene.rotmat[i],
            transl=scene.trans[i],
            cam_transl=scene.cam_transl[i],
            pelvis=pelvis,
        )
        arguments = (labels['global_orient'], scene.poses[i, 3:], labels['cam_t'])
        orient, pose, cam_t = (torch.from_numpy(value).float()[None] for value in arguments)
        joints = body()(betas[None], orient, pose, cam_t).joints[0].numpy()
        np.testing.assert_allclose(joints, scene.in_camera[i], atol=1e-4)
        np.testing.assert_allclose(labels['pelvis'], pelvis)
    without = smpl_in_camera(scene.poses[0, :3], scene.rotmat[0], transl=scene.trans[0])
    assert set(without) == {'global_orient'}


def test_pelvis_comes_from_the_users_smpl_files(tmp_path):
    arrays = load_free_body_arrays()
    parents = np.stack([np.where(arrays.parents < 0, 0, arrays.parents), np.arange(24)])
    np.savez(
        tmp_path / 'SMPL_MALE.npz',
        v_template=arrays.v_template,
        shapedirs=arrays.shapedirs,
        posedirs=arrays.posedirs,
        J_regressor=arrays.j_regressor,
        weights=arrays.weights,
        kintree_table=parents,
        f=arrays.faces,
    )
    betas = np.linspace(-1, 1, 10)
    table = PelvisTable(tmp_path)
    expected = body()(torch.from_numpy(betas).float()[None], torch.zeros(1, 3), torch.zeros(1, 69))
    np.testing.assert_allclose(table(betas, 'male'), expected.joints[0, 0].numpy(), atol=1e-6)
    assert table(betas, 'female') is None and table(betas) is None


def test_pick_joints_orders_by_name_and_drops_what_is_not_finite():
    names = ('left_knee', None, 'head_top_lsp', 'right_ankle')
    points = np.arange(8.0).reshape(4, 2)
    points[3, 1] = np.nan
    picked, conf = pick_joints(points, None, names, 'lsp14')
    joints = JOINT_SETS['lsp14']
    expected = np.zeros((14, 2))
    expected[joints.index('left_knee')], expected[joints.index('head_top_lsp')] = (0, 1), (4, 5)
    np.testing.assert_array_equal(picked, expected)
    assert conf.sum() == 2 and conf[joints.index('right_ankle')] == 0
    batch, batch_conf = pick_joints(points[None], np.array([[0.0, 1, 0.5, 1]]), names, 'lsp14')
    assert not batch[0, joints.index('left_knee')].any()
    assert batch_conf[0, joints.index('head_top_lsp')] == 0.5
    with pytest.raises(KeyError, match='nowhere'):
        pick_joints(points, None, ('nowhere', None, None, None), 'lsp14')
    with pytest.raises(ValueError, match='3 joints have a name'):
        pick_joints(points, None, names[:3], 'lsp14')


def test_box_from_points():
    points = np.array([[10.0, 20], [30, 60], [np.nan, 0], [500, 500]])
    conf = np.array([1, 1, 1, 0])
    assert box_from_points(points, conf).tolist() == [10, 20, 30, 60]
    assert box_from_points(points, conf, margin=0.1).tolist() == [6, 16, 34, 64]
    assert box_from_points(points[:1]) is None
    assert box_from_points(points[[0, 0]]) is None


def test_projection():
    camera = intrinsics((500, 600), (320, 240))
    np.testing.assert_allclose(project_points(np.array([[0.2, -0.1, 2.0]]), camera), [[370, 210]])
    assert intrinsics(500, (1, 2)).tolist() == [[500, 0, 1], [0, 500, 2], [0, 0, 1]]


@pytest.mark.parametrize(('tag', 'shape'), [(1, (48, 64)), (3, (48, 64)), (6, (64, 48))])
def test_image_size_is_that_of_the_photo_as_it_is_seen(tmp_path, tag, shape):
    path = tmp_path / 'a.jpg'
    photo = Image.new('RGB', (64, 48))
    exif = photo.getexif()
    exif[0x0112] = tag
    photo.save(path, exif=exif)
    assert image_size(path) == shape == cv2.imread(str(path)).shape[:2]


def test_image_size_of_no_photo(tmp_path):
    with pytest.raises(SourceError, match='no such photo'):
        image_size(tmp_path / 'a.jpg')
    (tmp_path / 'b.jpg').write_bytes(b'\xff\xd8 no more')
    with pytest.raises(SourceError, match=r'b\.jpg: no readable picture'):
        image_size(tmp_path / 'b.jpg')


def test_extract_frames(tmp_path):
    write_video(tmp_path / 'v.avi', (64, 48), 6, 'MJPG')
    frames = {number: tmp_path / 'out' / f'{number}.jpg' for number in (0, 3, 5, 8)}
    write_photo(frames[3], (64, 48), 255)
    assert extract_frames(tmp_path / 'v.avi', frames) == [8]
    for number, level in ((0, frame_level(0)), (3, 255), (5, frame_level(5))):
        assert abs(cv2.imread(str(frames[number])).mean() - level) < 3
    (tmp_path / 'v.avi').unlink()
    assert extract_frames(tmp_path / 'v.avi', {0: frames[0]}) == []  # nothing to do
    with pytest.raises(SourceError, match='no such video'):
        extract_frames(tmp_path / 'v.avi', frames)
    (tmp_path / 'v.avi').write_bytes(b'no video')
    with pytest.raises(SourceError, match='cannot be opened as a video'):
        extract_frames(tmp_path / 'v.avi', frames)


class Rogue:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return print, ('unpickled',)


def foreign_files(folder):
    content = dict(a=np.arange(3.0))
    (folder / 'x.pkl').write_bytes(pickle.dumps(content, protocol=2))
    (folder / 'x.json').write_text(json.dumps(dict(a=[0, 1, 2])))
    scipy.io.savemat(folder / 'x.mat', content)
    with h5py.File(folder / 'x.h5', 'w') as file:
        file['a'] = content['a']
    write_cdf(folder / 'x.cdf', np.zeros((2, 96), np.float32))
    return {
        'x.pkl': lambda path, name='a': read_pickle(path, [name])['a'],
        'x.json': lambda path, name='a': np.array(read_json(path)[name]),
        'x.mat': lambda path, name='a': read_mat(path, [name])['a'],
        'x.h5': lambda path, name='a': read_hdf5(path, [name])['a'],
        'x.cdf': lambda path, name='Pose': read_cdf(path, name),
    }


@pytest.mark.parametrize('name', ['x.pkl', 'x.json', 'x.mat', 'x.h5', 'x.cdf'])
def test_foreign_files(tmp_path, name):
    read = foreign_files(tmp_path)[name]
    path = tmp_path / name
    value = np.ravel(read(path))
    assert value.tolist() == ([0.0] * 192 if name == 'x.cdf' else [0, 1, 2])
    if name != 'x.json':
        with pytest.raises(SourceError, match=rf"{name}: has no (variable )?'b'"):
            read(path, 'b')
    whole = path.read_bytes()
    for damaged in (b'', whole[: len(whole) // 2], b'nonsense' * 50):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match=name) as caught:
            read(path)
        assert '\n' not in str(caught.value)
    path.unlink()
    with pytest.raises(SourceError, match=f'{name}: no such file'):
        read(path)


def test_pickles_run_nothing(tmp_path, capsys):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(dict(a=Rogue())))
    with pytest.raises(SourceError, match=r'x\.pkl.*refused'):
        read_pickle(tmp_path / 'x.pkl')
    assert 'unpickled' not in capsys.readouterr().out
