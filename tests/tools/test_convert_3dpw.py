"""3DPW's converter against a scene whose every label is known."""

import pickle

import numpy as np
import pytest
import torch

from tests.tools.dataset_fixtures import threedpw
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.scene import body
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split
from whmr.geometry import axis_angle_to_rotmat


@pytest.fixture
def tool():
    return load_converter('3dpw')


@pytest.fixture
def source(tmp_path):
    return tmp_path / '3DPW'


def convert(tool, source, tmp_path, split='test', **options):
    converter = tool.ThreeDPWConverter(source, tmp_path / 'data' / '3dpw')
    summary = convert_split(converter, split, **options)
    columns, meta = load_annotations(converter.output(split))
    return columns, meta, summary


def rotmats(vectors):
    return axis_angle_to_rotmat(torch.from_numpy(vectors).double()).numpy()


def expected_rows(scenes):
    """(actor, frame) of each row: the frames of the second actor that are no use are left out."""
    frames = range(threedpw.NUM_FRAMES)
    unused = (threedpw.NO_CAMERA, threedpw.NO_DETECTION)
    return [(a, f) for a in (0, 1) for f in frames if a == 0 or f not in unused]


def test_labels(tool, source, tmp_path):
    scenes = threedpw.make(source)
    columns, meta, _ = convert(tool, source, tmp_path, check=True)
    rows = expected_rows(scenes)
    assert len(columns['bbox']) == len(rows) == 6
    assert meta['topology'] == 'smpl' and meta['joint_set'] == 'smpl24'
    assert list(columns['gender']) == ['male'] * 4 + ['female'] * 2
    assert columns['ori_shape'].tolist() == [[320, 240]] * 6
    assert columns['img_path'][5] == 'downtown_walk_00/image_00003.jpg'
    assert columns['img_path'][0] == columns['img_path'][4]  # two people of one photo
    first = scenes[0]
    for row, (actor, frame) in enumerate(rows):
        scene = scenes[actor]
        in_camera = scene.joints[frame] @ first.rotmat[frame].T + first.cam_transl[frame]
        relative = in_camera[:24] - in_camera[0]
        np.testing.assert_allclose(columns['keypoints_3d'][row], relative, atol=1e-5)
        np.testing.assert_allclose(columns['betas'][row], scene.betas, atol=1e-6)
        np.testing.assert_allclose(columns['body_pose'][row], scene.poses[frame, 3:], atol=1e-6)
        # The world: gravity, and orientation without the data set's yaw.
        np.testing.assert_allclose(
            columns['world2cam_rotmat'][row], first.world2cam[frame], atol=1e-6
        )
        world = rotmats(columns['global_orient_world'][row])
        np.testing.assert_allclose(world, first.orient_world[frame], atol=1e-5)
        camera = first.world2cam[frame] @ first.orient_world[frame]
        np.testing.assert_allclose(rotmats(columns['global_orient'][row]), camera, atol=1e-5)


def test_keypoints_land_on_the_detections(tool, source, tmp_path):
    threedpw.make(source)
    columns, _, _ = convert(tool, source, tmp_path)
    stored = pickle.loads(
        (source / 'sequenceFiles' / 'test' / 'downtown_walk_00.pkl').read_bytes(), encoding='latin1'
    )
    joints = list(threedpw.DETECTED[1:14])  # those that are SMPL joints
    for row, (actor, frame) in enumerate(expected_rows(None)):
        detected = stored['poses2d'][actor][frame, :2].T
        np.testing.assert_allclose(
            columns['keypoints_2d'][row, joints], detected[1:14] + 0.5, atol=0.01
        )
        box = np.concatenate([detected.min(0), detected.max(0)]) + 0.5
        np.testing.assert_allclose(columns['bbox'][row], box, atol=0.01)


def test_the_body_model_lands_there_too(tool, source, tmp_path):
    """`cam_t`, `pelvis`, pose and intrinsics together give the annotated pixels."""
    threedpw.make(source)
    columns, _, summary = convert(tool, source, tmp_path)
    assert summary.labels['cam_t'] == summary.labels['pelvis'] == 6
    tensors = {
        name: torch.from_numpy(columns[name])
        for name in columns
        if name != 'gender' and columns[name].dtype.kind == 'f'
    }
    joints = body()(
        tensors['betas'], tensors['global_orient'], tensors['body_pose'], tensors['cam_t']
    ).joints[:, :24]
    pixels = (joints @ tensors['intrinsics'].mT).numpy()
    pixels = pixels[..., :2] / pixels[..., 2:]
    assert np.abs(pixels - columns['keypoints_2d']).max() < 0.5
    assert np.abs(pixels - columns['keypoints_2d']).max() < 0.05
    rest = body()(tensors['betas'], torch.zeros(6, 3), torch.zeros(6, 69)).joints[:, 0]
    np.testing.assert_allclose(columns['pelvis'], rest.numpy(), atol=1e-5)


def test_what_is_left_out_is_counted(tool, source, tmp_path):
    threedpw.make(source)
    (source / 'imageFiles' / 'downtown_walk_00' / 'image_00003.jpg').unlink()
    _, _, summary = convert(tool, source, tmp_path)
    counts = {(row.what, row.reason): row.count for row in summary.dropped}
    assert counts == {
        ('person', 'its camera pose is not valid'): 1,
        ('person', 'no 2D detection'): 1,
        ('image', 'the photo is missing'): 1,
        ('person', 'the photo is missing'): 2,
    }
    assert (summary.people, summary.images) == (4, 3)
    assert not summary.source_is_whole


def test_a_world_with_another_up_axis_gives_no_world_label(tool, source, tmp_path):
    threedpw.make(source, up='z')
    columns, _, summary = convert(tool, source, tmp_path)
    assert 'world2cam_rotmat' not in columns and 'has_world' not in columns
    assert any('world left out' in row.reason for row in summary.dropped)


def test_joints_that_contradict_the_translation_give_no_cam_t(tool, source, tmp_path):
    scenes = threedpw.make_scenes()
    threedpw.make(source)
    path = source / 'sequenceFiles' / 'test' / 'downtown_walk_00.pkl'
    fields = threedpw.sequence_fields('downtown_walk_00', scenes, ['m', 'f'])
    fields['trans'][0] = fields['trans'][0] + np.arange(4)[:, None] * 0.1
    path.write_bytes(pickle.dumps(fields, protocol=2))
    columns, _, summary = convert(tool, source, tmp_path)
    assert columns['has_cam_t'].tolist() == [False] * 4 + [True] * 2
    assert any('disagree on the pelvis' in row.reason for row in summary.dropped)


def test_a_broken_sequence_is_counted_and_the_others_converted(tool, source, tmp_path):
    threedpw.make(source)
    folder = source / 'sequenceFiles' / 'test'
    whole = (folder / 'downtown_walk_00.pkl').read_bytes()
    (folder / 'a_cut_off.pkl').write_bytes(whole[: len(whole) // 2])
    fields = threedpw.sequence_fields('b', threedpw.make_scenes(), ['m', 'f'])
    del fields['cam_poses']
    (folder / 'b_incomplete.pkl').write_bytes(pickle.dumps(fields, protocol=2))
    _, _, summary = convert(tool, source, tmp_path)
    assert summary.people == 6
    broken = next(row for row in summary.dropped if row.what == 'file')
    assert broken.count == 2
    assert 'a_cut_off' in broken.examples[0] and "'cam_poses'" in broken.examples[1]


def test_an_empty_split_is_one_clear_error(tool, source, tmp_path):
    threedpw.make(source)
    with pytest.raises(SourceError, match=r'sequenceFiles/train: holds no \.pkl'):
        convert(tool, source, tmp_path, split='train')
    with pytest.raises(SourceError, match=r'no such folder; give the folder of 3DPW'):
        tool.ThreeDPWConverter(tmp_path / 'nowhere', tmp_path / 'out')


@pytest.mark.parametrize(
    ('field', 'reason'),
    [
        ('poses', 'global_orient holds NaN'),
        ('jointPositions', 'keypoints_3d holds NaN'),
        ('poses2d', 'no 2D detection'),
        ('campose_valid', 'its camera pose is not valid'),
    ],
)
def test_frames_with_nan_are_left_out_and_counted(tool, source, tmp_path, field, reason):
    threedpw.make(source)
    path = source / 'sequenceFiles' / 'test' / 'downtown_walk_00.pkl'
    fields = pickle.loads(path.read_bytes(), encoding='latin1')
    fields[field][0][2] = np.nan
    path.write_bytes(pickle.dumps(fields, protocol=2))
    columns, _, summary = convert(tool, source, tmp_path)
    assert len(columns['bbox']) == 5
    assert columns['has_cam_t'].all() and columns['has_world'].all()
    frames = [name[-9:-4] for name in columns['img_path']]
    assert frames == ['00000', '00001', '00003', '00000', '00003']
    assert any(row.reason.startswith(reason) for row in summary.dropped)
