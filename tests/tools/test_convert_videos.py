"""Converters of Human3.6M and MPI-INF-3DHP against scenes whose every label is known."""

import cv2
import numpy as np
import pytest
import torch

from tests.tools.dataset_fixtures import h36m, mpi_inf_3dhp
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.scene import frame_level
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split, images, world_labels
from whmr.geometry import rotmat_to_pitch_roll
from whmr.keypoints import JOINT_SETS

J17, H36M17 = JOINT_SETS['j17'].joints, JOINT_SETS['h36m17'].joints
J17_OF_SPIN24 = [JOINT_SETS['spin24'].index(name) for name in J17]


@pytest.fixture
def source(tmp_path):
    return tmp_path / 'source'


def convert(converter, split='train', **options):
    summary = convert_split(converter, split, **options)
    columns, meta = load_annotations(converter.output(split))
    assert meta['topology'] == 'smpl' and meta['dataset'] == converter.name
    return columns, summary


def reasons(summary):
    return {(row.what, row.reason): row.count for row in summary.dropped}


def project(columns):
    """3D keypoints, placed by the least squares of the 2D ones, in pixels."""
    camera = columns['intrinsics'].astype(np.float64)
    pixels = []
    for joints, points, k in zip(columns['keypoints_3d'], columns['keypoints_2d'], camera):
        rays = (points - k[:2, 2]) / np.diag(k)[:2]
        a = np.concatenate([np.stack([np.eye(3)[i] - r[i] * np.eye(3)[2] for r in rays])
                            for i in (0, 1)])  # fmt: skip
        b = np.concatenate([rays[:, i] * joints[:, 2] - joints[:, i] for i in (0, 1)])
        placed = (joints + np.linalg.lstsq(a, b, rcond=None)[0]) @ k.T
        pixels.append(placed[:, :2] / placed[:, 2:])
    return np.stack(pixels)


def three_dhp(source, tmp_path, **options):
    module = load_converter('mpi_inf_3dhp')
    return module.MPIINF3DHPConverter(source, tmp_path / 'data' / 'mpi_inf_3dhp', **options)


def only_j17(columns):
    """Leave the 17 joints of the protocol in the columns; the others have confidence 0."""
    for name in ('keypoints_2d_conf', 'keypoints_3d_conf'):
        assert (columns[name].sum(1) == len(J17)).all()
    for name in ('keypoints_2d', 'keypoints_2d_conf', 'keypoints_3d', 'keypoints_3d_conf'):
        columns[name] = columns[name][:, J17_OF_SPIN24]
        if name.endswith('conf'):
            assert (columns[name] == 1).all()


def test_3dhp_train(source, tmp_path):
    scenes = mpi_inf_3dhp.make_train(source)
    converter = three_dhp(source, tmp_path, cameras=(0, 1))
    columns, summary = convert(converter, check=True)
    only_j17(columns)
    assert columns['img_path'].tolist() == [
        f'S1/Seq1/video_{c}/frame_{i:06d}.jpg' for c in (0, 1) for i in (0, 10, 20)
    ]
    for row in range(6):
        scene, frame = scenes[row // 3], 10 * (row % 3)
        expected = mpi_inf_3dhp.pick(scene.pixels, J17)[frame] + 0.5
        np.testing.assert_allclose(columns['keypoints_2d'][row], expected, atol=1e-3)
        joints = mpi_inf_3dhp.pick(scene.in_camera, J17)[frame]
        pelvis = joints[J17.index('pelvis_mpii')]
        np.testing.assert_allclose(columns['keypoints_3d'][row], joints - pelvis, atol=1e-5)
        np.testing.assert_allclose(columns['world2cam_rotmat'][row], scene.world2cam[0], atol=1e-6)
        np.testing.assert_allclose(
            columns['intrinsics'][row][:2, 2], scene.camera[:2, 2] + 0.5, atol=1e-4
        )
        photo = cv2.imread(str(converter.images / columns['img_path'][row]))
        assert photo.shape[:2] == tuple(columns['ori_shape'][row]) == (256, 256)
        assert abs(photo.mean() - frame_level(frame)) < 3  # the right frame of the video
    assert np.abs(project(columns) - columns['keypoints_2d']).max() < 0.5
    assert np.abs(project(columns) - columns['keypoints_2d']).max() < 0.01
    assert summary.labels == dict(
        keypoints_2d=6, keypoints_3d=6, world2cam=6, focal_length=6,
    )  # fmt: skip
    assert not summary.dropped


def test_3dhp_test(source, tmp_path):
    scene = mpi_inf_3dhp.make_test(source)
    columns, summary = convert(three_dhp(source, tmp_path), 'test', check=True)
    only_j17(columns)
    frames = [0, 1, 3]
    assert columns['img_path'].tolist() == [
        f'mpi_inf_3dhp_test_set/TS1/imageSequence/img_{i + 1:06d}.jpg' for i in frames
    ]
    joints = mpi_inf_3dhp.pick(scene.in_camera, J17)[frames]
    pelvis = joints[:, [J17.index('pelvis_mpii')]]
    np.testing.assert_allclose(columns['keypoints_3d'], joints - pelvis, atol=1e-5)
    # The camera is found from the joints.
    expected = scene.camera.copy()
    expected[:2, 2] += 0.5
    np.testing.assert_allclose(columns['intrinsics'][0], expected, atol=1e-2)
    assert np.abs(project(columns) - columns['keypoints_2d']).max() < 0.5
    assert 'world2cam_rotmat' not in columns  # the test set has no extrinsics
    assert reasons(summary) == {('person', 'marked as not valid'): 1}


def test_3dhp_test_without_a_fitting_camera(source, tmp_path, rng):
    scene = mpi_inf_3dhp.make_test(source)
    tool = load_converter('mpi_inf_3dhp')
    noise = rng.normal(0, 30, scene.pixels.shape)
    assert tool.fit_camera(scene.pixels, scene.in_camera) is not None
    assert tool.fit_camera(scene.pixels + noise, scene.in_camera) is None
    assert tool.fit_camera(scene.pixels[:0], scene.in_camera[:0]) is None


def test_3dhp_half_downloaded(source, tmp_path):
    mpi_inf_3dhp.make_train(source)
    sequence = source / 'S1' / 'Seq1'
    (sequence / 'imageSequence' / 'video_1.avi').unlink()
    broken = source / 'S2' / 'Seq1'
    broken.mkdir(parents=True)
    (broken / 'annot.mat').write_bytes((sequence / 'annot.mat').read_bytes()[:1000])
    columns, summary = convert(three_dhp(source, tmp_path, cameras=(0, 1, 2)))
    assert len(columns['bbox']) == 3
    # video_1 is missing, there is no camera 2, and S2's annotations are cut off for 3 cameras.
    assert reasons(summary) == {('file', 'cannot be read'): 5}
    assert not summary.source_is_whole
    with pytest.raises(SourceError, match='holds no TS'):
        convert_split(three_dhp(source, tmp_path), 'test')


def test_3dhp_video_that_breaks_off(source, tmp_path):
    mpi_inf_3dhp.make_train(source)
    path = source / 'S1' / 'Seq1' / 'imageSequence' / 'video_0.avi'
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    columns, summary = convert(three_dhp(source, tmp_path, cameras=(0,)))
    counts = reasons(summary)
    assert columns['img_path'].tolist() == [
        f'S1/Seq1/video_0/frame_{i:06d}.jpg' for i in (0, 10)[: len(columns['bbox'])]
    ]
    lost = 3 - len(columns['bbox'])
    assert lost > 0
    reason = 'the video has no such frame'
    assert counts == {('image', reason): lost, ('person', reason): lost}


def h36m_converter(source, tmp_path):
    return load_converter('h36m').H36MConverter(source, tmp_path / 'data' / 'h36m')


def test_h36m(source, tmp_path):
    scenes = h36m.make(source)
    h36m.write_cdf(source / 'S9/MyPoseFeatures/D3_Positions/_ALL 1.cdf', np.zeros((2, 96), 'f4'))
    converter = h36m_converter(source, tmp_path)
    columns, summary = convert(converter, 'test', check=True)
    assert columns['img_path'].tolist() == [
        f'S9_Directions_1.{camera}_{i + 1:06d}.jpg' for camera in h36m.CAMERAS for i in (0, 5, 10)
    ]
    names = list(h36m.JOINTS.values())
    order = [names.index(name) for name in H36M17]
    for row in range(12):
        scene, frame = scenes[row // 3], 5 * (row % 3)
        expected = h36m.distorted_pixels(scene, frame)[order] + 0.5
        np.testing.assert_allclose(columns['keypoints_2d'][row], expected, atol=0.002)
        joints = mpi_inf_3dhp.pick(scene.in_camera, H36M17)[frame]
        np.testing.assert_allclose(columns['keypoints_3d'][row], joints - joints[0], atol=1e-5)
        np.testing.assert_allclose(columns['world2cam_rotmat'][row], scene.world2cam[0], atol=1e-6)
        photo = cv2.imread(str(converter.images / columns['img_path'][row]))
        assert abs(photo.mean() - frame_level(frame)) < 4
    assert summary.images == summary.people == 12 and not summary.dropped
    # Without the lens the pixels are close, and the pinhole camera is the labelled one.
    assert np.abs(project(columns) - columns['keypoints_2d']).max() < 3


def test_h36m_protocol_2_has_the_frontal_camera_only(source, tmp_path):
    h36m.make(source)
    columns, _ = convert(h36m_converter(source, tmp_path), 'test_p2')
    assert columns['img_path'].tolist() == [
        f'S9_Directions_1.60457274_{i + 1:06d}.jpg' for i in (0, 5, 10)
    ]


def test_h36m_half_downloaded(source, tmp_path):
    h36m.make(source, cameras=3)
    h36m.write_cdf(source / 'S11/MyPoseFeatures/D3_Positions/Eating.cdf', np.zeros((2, 90), 'f4'))
    columns, summary = convert(h36m_converter(source, tmp_path), 'test')
    assert len(columns['bbox']) == 9
    assert reasons(summary) == {('file', 'cannot be read'): 5}  # one video, 4 views of Eating
    texts = ' '.join(summary.dropped[0].examples)
    assert '60457274.mp4: no such video' in texts
    with pytest.raises(SourceError, match=r'holds no S1/MyPoseFeatures'):
        convert_split(h36m_converter(source, tmp_path), 'train')


def test_h36m_without_cameras_is_one_clear_error(source, tmp_path):
    h36m.make(source)
    path = source / 'Release-v1.1' / 'metadata.xml'
    path.write_text('<metadata><w0>[1 2 3]</w0></metadata>')
    with pytest.raises(SourceError, match=r'metadata\.xml: its <w0>'):
        convert_split(h36m_converter(source, tmp_path), 'test')
    path.unlink()
    with pytest.raises(SourceError, match=r'holds no metadata\.xml'):
        convert_split(h36m_converter(source, tmp_path), 'test')


@pytest.mark.parametrize('frames_before', [1, 4])
def test_h36m_interrupted_between_frames(source, tmp_path, monkeypatch, frames_before):
    h36m.make(source)
    whole = load_converter('h36m').H36MConverter(source, tmp_path / 'whole')
    convert_split(whole, 'test')
    written, write = [], images._write_jpeg

    def stop(path, frame):
        if len(written) == frames_before:
            raise KeyboardInterrupt
        written.append(path)
        write(path, frame)

    broken = load_converter('h36m').H36MConverter(source, tmp_path / 'broken')
    with monkeypatch.context() as patch:
        patch.setattr(images, '_write_jpeg', stop)
        with pytest.raises(KeyboardInterrupt):
            convert_split(broken, 'test')
    convert_split(broken, 'test')
    for name in ('h36m_test.npz', 'h36m_test.summary.json'):
        assert (broken.out_dir / name).read_bytes() == (whole.out_dir / name).read_bytes()
    assert {path.name: path.read_bytes() for path in whole.images.iterdir()} == {
        path.name: path.read_bytes() for path in broken.images.iterdir()
    }


# The first camera of a real `camera.calibration` of MPI-INF-3DHP, as published in several projects.
REAL_CALIBRATION = """Skeletool Camera Calibration File V1.0
name          0
  sensor      10 10
  size        2048 2048
  animated    0
  intrinsic   1497.693 0 1024.704 0 0 1497.103 1051.394 0 0 0 1 0 0 0 0 1 
  extrinsic   0.9650164 0.00488022 0.262144 -562.8666 -0.004488356 -0.9993728 0.0351275 1398.138 \
0.262151 -0.03507521 -0.9643893 3852.623 0 0 0 1 
  radial      0
"""  # noqa: W291 - the blanks at the end are theirs


def test_a_real_camera_of_3dhp(tmp_path):
    tool = load_converter('mpi_inf_3dhp')
    (tmp_path / 'camera.calibration').write_text(REAL_CALIBRATION)
    matrix, rotmat = tool.read_calibration(tmp_path / 'camera.calibration')[0]
    np.testing.assert_allclose(
        matrix, [[1497.693, 0, 1025.204], [0, 1497.103, 1051.894], [0, 0, 1]]
    )
    pitch, roll = pitch_and_roll(rotmat, tool.UP_AXIS)
    # A chest-high camera on a tripod: nearly level, and the right way up.
    assert abs(np.degrees(pitch) - 2.01) < 0.01 and abs(np.degrees(roll) - 0.28) < 0.01


def test_a_real_camera_of_h36m():
    """Camera 54138969 of S1: its rotation, position, and the translation that others derived."""
    tool = load_converter('h36m')
    rotmat = np.array(
        [
            [-0.9153617321513369, 0.40180836633680234, 0.02574754463350265],
            [0.051548117060134555, 0.1803735689384521, -0.9822464900705729],
            [-0.399319034032262, -0.8977836111057917, -0.185819527201491],
        ]
    )
    camera = tool.Camera(
        rotmat=rotmat,
        position=np.array([1841.10702774543, 4955.28462344526, 1563.4453958977]),
        focal=np.array([1145.04940458804, 1143.78109572365]),
        center=np.array([512.541504956548, 515.4514869776]),
        radial=np.array([-0.207098910824901, 0.247775183068982, -0.00307515035078854]),
        tangential=np.array([-0.00142447157470321, -0.000975698859470499]),
    )
    np.testing.assert_allclose(
        camera.to_camera(np.zeros(3)),
        [-346.05078140028075, 546.9807793144001, 5474.481087434061],
        atol=1e-3,
    )
    pitch, roll = pitch_and_roll(rotmat, tool.UP_AXIS)
    # It stands 1.56 m high and looks down a little at people.
    assert 5 < np.degrees(pitch) < 15 and abs(np.degrees(roll)) < 3
    # The world's origin lies at the middle of the floor, in the lower half of the photo.
    x, y = camera.project(camera.to_camera(np.zeros(3)))
    assert 300 < x < 700 and 515 < y < 1002


def pitch_and_roll(rotmat, up_axis):
    world2cam = world_labels(rotmat, up_axis)['world2cam_rotmat']
    return [float(angle) for angle in rotmat_to_pitch_roll(torch.from_numpy(world2cam))]
