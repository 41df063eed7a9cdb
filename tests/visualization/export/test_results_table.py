from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from whmr.visualization.export import FORMAT, FORMAT_VERSION, ResultsTable
from whmr.visualization.export.results_table import OPTIONAL, SHAPES


def test_every_field_is_in_the_schema_and_in_the_docs(repo_root: Path) -> None:
    names = {field.name for field in fields(ResultsTable)}
    assert names == {*SHAPES, 'topology', 'fps'}
    page = (repo_root / 'docs' / 'results_format.md').read_text(encoding='utf-8')
    missing = [name for name in [*names, 'format', 'format_version'] if f'`{name}`' not in page]
    assert not missing
    assert f'version {FORMAT_VERSION}' in page


@pytest.mark.parametrize('meshes', [True, False])
def test_round_trip(table: ResultsTable, tmp_path: Path, meshes: bool) -> None:
    if not meshes:
        table = replace(table, vertices=None, vertices_world=None)
    path = tmp_path / 'results.npz'
    path.write_bytes(table.to_bytes())
    with np.load(path, allow_pickle=False) as file:
        assert str(file['format']) == FORMAT and int(file['format_version']) == FORMAT_VERSION
        assert ('vertices' in file.files) == meshes
    back = ResultsTable.load(path)
    for field in fields(ResultsTable):
        one, other = getattr(table, field.name), getattr(back, field.name)
        if one is None:
            assert other is None
        else:
            np.testing.assert_array_equal(one, other, err_msg=field.name)
            assert np.asarray(one).dtype == np.asarray(other).dtype


def test_rows_and_frames(table: ResultsTable) -> None:
    assert table.num_frames == 6 and table.has_world
    assert table.frame.tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 5]
    assert table.track_id.tolist() == [0, 1, 0, 1, 0, 0, 0, 1, 0, 1]


def test_joints_project_to_the_keypoints(table: ResultsTable) -> None:
    """One shared camera: here all people have the same focal length, so nothing moves."""
    place = table.pelvis_camera - table.joints[:, 8]
    points = table.joints + place[:, None]
    pixels = np.einsum('rij,rkj->rki', table.intrinsics[table.frame], points)
    np.testing.assert_allclose(pixels[..., :2] / pixels[..., 2:], table.keypoints_2d, atol=0.02)
    turned = np.einsum('rij,rj->ri', table.world2cam_rotmat[table.frame], table.pelvis_world)
    np.testing.assert_allclose(turned, table.pelvis_camera, atol=1e-5)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(betas=np.zeros((3, 10), np.float32)), 'betas must be'),
        (dict(boxes=np.zeros((10, 5), np.float32)), 'boxes must be'),
        (dict(frame=np.arange(10)), 'frame names frames outside 0..5'),
        (dict(frame=np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])), 'order of their frames'),
        (dict(track_id=np.zeros(10, np.int64)), 'track_id is there twice'),
        (dict(track_id=np.zeros(10)), 'track_id has the type float64'),
        (dict(focal_length=np.zeros(6, np.float32)), 'must be positive'),
        (dict(pelvis_camera=np.full((10, 3), np.nan)), 'pelvis_camera has values'),
        (dict(joint_parents=np.full(24, -1)), 'each parent before its child'),
        (dict(vertices=np.zeros((10, 5, 3)), vertices_world=np.zeros((10, 6, 3))), 'V = 5'),
    ],
)
def test_what_does_not_fit_is_named(table: ResultsTable, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(table, **change)


def test_files_that_are_no_results(table: ResultsTable, tmp_path: Path) -> None:
    path = tmp_path / 'a.npz'
    with pytest.raises(FileNotFoundError):
        ResultsTable.load(path)
    content = table.to_bytes()
    for broken in (b'nothing', content[: len(content) // 2], b''):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r'a\.npz: no readable'):
            ResultsTable.load(path)
    np.savez(path, betas=np.zeros(3))
    with pytest.raises(ValueError, match='no results file'):
        ResultsTable.load(path)
    np.savez(path, format=FORMAT, format_version=99)
    with pytest.raises(ValueError, match='version 99, this library reads'):
        ResultsTable.load(path)
    np.savez(path, format=FORMAT, format_version=FORMAT_VERSION, surprise=1)
    with pytest.raises(ValueError, match='fields differ') as error:
        ResultsTable.load(path)
    assert 'surprise' in str(error.value) and OPTIONAL[0] not in str(error.value)


def test_unknown_world(table: ResultsTable) -> None:
    unknown = replace(table, pelvis_world=np.full_like(table.pelvis_world, np.nan))
    assert not unknown.has_world
