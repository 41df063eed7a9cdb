from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from whmr.apis import HMRResult


@pytest.fixture
def result(make_inferencer, demo: Path) -> HMRResult:
    boxes = np.array([[455, 64, 570, 333], [525, 378, 708, 672]])
    run = make_inferencer()
    report = run(demo / 'park_walk.jpg', boxes=boxes, progress=False)
    return report.results[0]


def test_round_trip(result: HMRResult, tmp_path: Path) -> None:
    (tmp_path / 'a.npz').write_bytes(result.to_bytes())
    with np.load(tmp_path / 'a.npz', allow_pickle=False) as file:
        assert int(file['schema_version']) == 2
        names = {field.name for field in fields(HMRResult)} - {'track_ids'}  # nobody has tracked
        assert set(file.files) == {'schema_version', *names}
    back = HMRResult.load(tmp_path / 'a.npz')
    for field in fields(HMRResult):
        one, other = getattr(result, field.name), getattr(back, field.name)
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other)


def test_without_meshes(result: HMRResult, tmp_path: Path) -> None:
    (tmp_path / 'a.npz').write_bytes(result.to_bytes())
    back = HMRResult.load(tmp_path / 'a.npz', meshes=False)
    assert back.vertices.shape == back.vertices_world.shape == (2, 0, 3) and len(back.faces) == 0
    np.testing.assert_array_equal(back.joints, result.joints)
    assert len(back) == 2 and back.image_name == result.image_name


def test_tracks_and_sources(result: HMRResult, tmp_path: Path) -> None:
    tracked = replace(result, track_ids=np.array([4, -1]), focal_source='exif')
    (tmp_path / 'a.npz').write_bytes(tracked.to_bytes())
    back = HMRResult.load(tmp_path / 'a.npz')
    assert back.track_ids.tolist() == [4, -1] and back.focal_source == 'exif'
    with pytest.raises(ValueError, match='track_ids must be one number for each of 2 people'):
        replace(result, track_ids=np.array([4]))
    with pytest.raises(ValueError, match="rotation_source='guessed'"):
        replace(result, rotation_source='guessed')


def test_shapes_are_as_documented(result: HMRResult) -> None:
    people, vertices = 2, 6890
    shapes = dict(
        image_shape=(2,),
        boxes=(people, 4),
        scores=(people,),
        betas=(people, 10),
        global_orient=(people, 1, 3),
        global_orient_rotmat=(people, 1, 3, 3),
        body_pose=(people, 23, 3),
        body_pose_rotmat=(people, 23, 3, 3),
        global_orient_world=(people, 1, 3),
        global_orient_world_rotmat=(people, 1, 3, 3),
        weak_cam=(people, 3),
        cam_t=(people, 3),
        focal_length=(people,),
        intrinsics=(people, 3, 3),
        vertices=(people, vertices, 3),
        joints=(people, 49, 3),
        vertices_world=(people, vertices, 3),
        joints_world=(people, 49, 3),
        keypoints_2d=(people, 49, 2),
        faces=(13776, 3),
        world2cam_rotmat=(3, 3),
        pitch=(),
        roll=(),
        vfov=(),
    )
    texts = ('image_name', 'topology', 'focal_source', 'rotation_source')
    names = {field.name for field in fields(HMRResult)}
    assert {*shapes, *texts, 'track_ids'} == names
    for name, shape in shapes.items():
        assert getattr(result, name).shape == shape, name
        assert np.isfinite(getattr(result, name)).all(), name
    assert result.image_name.endswith('park_walk.jpg') and result.topology == 'free_body'


def test_fields_agree_with_each_other(result: HMRResult) -> None:
    points = result.joints + result.cam_t[:, None]
    pixels = np.einsum('nij,nkj->nki', result.intrinsics, points)
    np.testing.assert_allclose(pixels[..., :2] / pixels[..., 2:], result.keypoints_2d, atol=0.01)
    np.testing.assert_allclose(result.intrinsics[:, 0, 0], result.focal_length)
    rotvec = result.global_orient[:, 0]
    angle = np.linalg.norm(rotvec, axis=-1)
    trace = np.trace(result.global_orient_rotmat[:, 0], axis1=-2, axis2=-1)
    np.testing.assert_allclose(np.cos(angle), (trace - 1) / 2, atol=1e-5)
    turned = result.world2cam_rotmat @ result.global_orient_world_rotmat
    np.testing.assert_allclose(turned, result.global_orient_rotmat, atol=1e-5)


def test_unknown_world(result: HMRResult) -> None:
    assert result.has_world and result.people().has_world
    lost = replace(result, vertices_world=np.full_like(result.vertices_world, np.nan))
    assert not lost.has_world and not lost.people().has_world


@pytest.mark.parametrize('content', [b'', b'no archive', b'PK\x03\x04broken'])
def test_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'a.npz').write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.npz'):
        HMRResult.load(tmp_path / 'a.npz')


def test_other_files(tmp_path: Path) -> None:
    np.savez(tmp_path / 'a.npz', boxes=np.zeros(3))
    with pytest.raises(ValueError, match='schema version -1'):
        HMRResult.load(tmp_path / 'a.npz')
    np.savez(tmp_path / 'b.npz', schema_version=2, boxes=np.zeros(3))
    with pytest.raises(ValueError, match='fields differ'):
        HMRResult.load(tmp_path / 'b.npz')
    with pytest.raises(FileNotFoundError):
        HMRResult.load(tmp_path / 'c.npz')
