"""Body files as they are distributed become the folder that SMPL reads, or nothing is written."""

import contextlib
import importlib.util
import io
import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from whmr.body_models import SMPL, BodyArrays, load_free_body_arrays
from whmr.geometry import axis_angle_to_rotmat

smplx = pytest.importorskip('smplx')
TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'misc' / 'convert_smpl.py'
V, V1, V2 = 6890, 1723, 431


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location('whmr_convert_smpl', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def arrays() -> BodyArrays:
    """A body in SMPL's shapes with nothing of SMPL's in it."""
    return load_free_body_arrays()


def fields(arrays: BodyArrays) -> dict[str, Any]:
    """The body as a dict with the names and types of the official files, without chumpy."""
    tree = np.stack([arrays.parents, np.arange(24)]).astype(np.int64)
    tree[0, 0] = 2**32 - 1
    return {
        'v_template': arrays.v_template.astype(np.float64),
        'shapedirs': arrays.shapedirs.astype(np.float64),
        'posedirs': arrays.posedirs.astype(np.float64),
        'J_regressor': scipy.sparse.csc_matrix(arrays.j_regressor.astype(np.float64)),
        'weights': arrays.weights.astype(np.float64),
        'kintree_table': tree.astype(np.uint32),
        'f': arrays.faces.astype(np.uint32),
        'J': np.zeros((24, 3)),
        'bs_style': 'lbs',
        'bs_type': 'lrotmin',
    }


def official_pickle(data: dict[str, Any]) -> bytes:
    """Pickled as Python 2 did, shapedirs and v_template in chumpy's objects."""
    modules = {name: ModuleType(name) for name in ('chumpy', 'chumpy.ch', 'chumpy.reordering')}

    class Ch:
        pass

    class Select:
        pass

    Ch.__module__, Ch.__qualname__ = 'chumpy.ch', 'Ch'
    Select.__module__, Select.__qualname__ = 'chumpy.reordering', 'Select'
    modules['chumpy.ch'].Ch, modules['chumpy.reordering'].Select = Ch, Select

    def made(cls: type, **state: Any) -> Any:
        value = cls()
        value.__dict__.update(state, _dirty_vars=set(state), _itr=None, _depends_on_deps={})
        return value

    # The official files keep 300 shape directions and select the first ten of them.
    dirs = data['shapedirs']
    many = np.concatenate([dirs, np.full((*dirs.shape[:2], 2), 7.0)], axis=2)
    index = np.arange(many.size).reshape(many.shape)[:, :, : dirs.shape[2]].ravel()
    data = data | {
        'v_template': made(Ch, x=data['v_template']),
        'shapedirs': made(Select, a=made(Ch, x=many), idxs=index, preferred_shape=dirs.shape),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        return pickle.dumps(data, 2)


def downsampling() -> dict[str, np.ndarray]:
    """`mesh_downsampling.npz` as it is distributed: arrays of scipy's matrices."""
    rng = np.random.default_rng(0)

    def objects(*matrices: Any) -> np.ndarray:
        array = np.empty(len(matrices), object)
        array[:] = matrices
        return array

    def down(coarse: int, fine: int) -> Any:
        columns = np.sort(rng.choice(fine, coarse, replace=False))
        shape = (coarse, fine)
        return scipy.sparse.csc_matrix((np.ones(coarse), (np.arange(coarse), columns)), shape)

    def up(fine: int, coarse: int) -> Any:
        entries = rng.dirichlet(np.ones(3), fine).ravel()
        columns = np.stack([rng.choice(coarse, 3, replace=False) for _ in range(fine)]).ravel()
        rows = np.repeat(np.arange(fine), 3)
        return scipy.sparse.csr_matrix((entries, (rows, columns)), (fine, coarse))

    def ring(size: int) -> Any:
        return scipy.sparse.eye(size, k=1, format='coo') + scipy.sparse.eye(size, k=-1)

    return {
        'A': objects(*(scipy.sparse.coo_matrix(ring(size)) for size in (V, V1, V2))),
        'D': objects(down(V1, V), down(V2, V1)),
        'U': objects(up(V, V1), up(V1, V2)),
    }


@pytest.fixture(scope='module')
def downloads(arrays: BodyArrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file as it is distributed, in folders as they are unpacked."""
    folder, rng = tmp_path_factory.mktemp('downloads'), np.random.default_rng(1)
    (folder / 'smpl' / 'models').mkdir(parents=True)
    stream = official_pickle(fields(arrays))
    (folder / 'smpl/models/basicModel_neutral_lbs_10_207_0_v1.0.0.pkl').write_bytes(stream)
    for name, rows in (('extra', 9), ('h36m', 17)):
        np.save(folder / f'J_regressor_{name}.npy', rng.dirichlet(np.ones(V), rows))
    pose = np.tile(np.eye(3)[:, :2].ravel(), 24)
    np.savez(folder / 'smpl_mean_params.npz', pose=pose, shape=np.zeros(10), cam=[0.9, 0, 0])
    np.savez(folder / 'mesh_downsampling.npz', **downsampling())
    markers = {f'M{i}': int(v) for i, v in enumerate(rng.choice(V, 67, replace=False))}
    (folder / 'smpl_ssm.json').write_text(json.dumps(markers))
    return folder


@pytest.fixture(scope='module')
def converted(tool, downloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the tool makes."""
    out = tmp_path_factory.mktemp('out') / 'smpl'
    assert tool.main([str(downloads), '--out', str(out)]) == 0
    return out


def random_pose(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Two random bodies."""
    rotations = axis_angle_to_rotmat(torch.randn(2, 24, 3, generator=generator) / 2)
    betas = torch.randn(2, 10, generator=generator)
    return dict(betas=betas, global_orient=rotations[:, :1], body_pose=rotations[:, 1:])


def test_same_vertices_as_from_the_arrays(converted: Path, arrays, generator) -> None:
    assert 'chumpy' not in sys.modules
    data = fields(arrays)
    data['J_regressor'] = data['J_regressor'].toarray()
    with contextlib.redirect_stdout(io.StringIO()):
        layer = smplx.SMPL('unused', data_struct=smplx.utils.Struct(**data))
    pose = random_pose(generator)
    out, expected = SMPL(converted)(**pose), layer(**pose, pose2rot=False)
    assert (out.vertices - expected.vertices).abs().max() < 1e-5
    assert (out.joints[:, :45] - expected.joints).abs().max() < 1e-5


def test_written_files_are_plain(converted: Path, arrays: BodyArrays) -> None:
    with np.load(converted / 'SMPL_NEUTRAL.npz', allow_pickle=False) as data:
        np.testing.assert_array_equal(data['shapedirs'], arrays.shapedirs)
        np.testing.assert_array_equal(data['J_regressor'], arrays.j_regressor)
        assert data['kintree_table'][0, 0] == -1 and data['f'].dtype.kind == 'i'
        assert all(data[key].dtype != object for key in data.files)


def test_tables_are_those_of_the_downloads(converted: Path, downloads: Path) -> None:
    body, vertices = SMPL(converted), torch.randn(1, V, 3, dtype=torch.float64)
    markers = json.loads((downloads / 'smpl_ssm.json').read_text())
    assert body.markers.tolist() == list(markers.values())
    meshes = downsampling()
    first = meshes['D'][0] @ vertices[0].numpy()
    np.testing.assert_allclose(body.pyramid.down(vertices, 1)[0], first, atol=1e-6)
    back = meshes['U'][0] @ first
    np.testing.assert_allclose(
        body.pyramid.up(torch.from_numpy(first)[None], 1)[0], back, atol=1e-6
    )
    assert (body.pyramid.adjacency(2) > 0).sum() == meshes['A'][2].nnz + V2
    h36m = np.load(downloads / 'J_regressor_h36m.npy')
    np.testing.assert_allclose(
        body.regress(vertices, 'h36m17')[0], h36m @ vertices[0].numpy(), atol=1e-6
    )
    assert body.mean_params.weak_cam.tolist() == pytest.approx([0.9, 0, 0])


def test_report_says_what_is_missing(tool, downloads: Path, tmp_path: Path, capsys) -> None:
    assert tool.main([str(downloads), '--out', str(tmp_path)]) == 0
    lines = {
        line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line[:2] == '  '
    }
    assert 'MISSING, needed for training with IUV maps' in lines['smpl_uv_atlas.npz']
    assert "MISSING, needed for SMPL(gender='male')" in lines['SMPL_MALE.npz']
    assert 'written from mesh_downsampling.npz' in lines['mesh_downsampling_plain.npz']
    assert 'MISSING' not in lines['SMPL_NEUTRAL.npz']


def test_result_can_be_converted_again(tool, converted: Path, tmp_path: Path) -> None:
    assert tool.main([str(converted), '--out', str(tmp_path)]) == 0
    for file in converted.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def npz(**content: Any) -> bytes:
    """An `.npz` file."""
    file = io.BytesIO()
    np.savez(file, **content)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An `.npy` file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


NEUTRAL = 'basicModel_neutral_lbs_10_207_0_v1.0.0.pkl'


def cut(data: dict, **change: Callable) -> dict:
    """Some of the arrays changed."""
    return data | {key: function(data[key]) for key, function in change.items()}


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[5] = np.nan
    return array


@pytest.mark.parametrize(
    ('change', 'messages'),
    [
        (dict(weights=lambda a: a[:, :20]), ['weights must have shape (6890, 24)']),
        (
            dict(posedirs=lambda a: a[:100], f=lambda a: a[:-1]),
            ['posedirs must have shape', 'f must have shape (13776, 3)'],
        ),
        (dict(v_template=with_nan), ['v_template holds NaN']),
        (dict(f=lambda a: a + 5000), ['f names vertices that are not there']),
        (dict(weights=lambda a: a / 2), ['rows of weights do not sum to 1']),
        (dict(kintree_table=lambda a: a[:, ::-1]), ['does not come after its parent']),
        (
            dict(kintree_table=lambda a: np.zeros((2, 52), a.dtype)),
            ['it is SMPL+H (6890 vertices, 52 joints), not SMPL'],
        ),
    ],
)
def test_wrong_body_is_listed_and_nothing_is_written(
    tool, arrays, tmp_path, capsys, change: dict, messages: list[str]
) -> None:
    data = cut(fields(arrays), **change)
    stream = official_pickle(data)
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / NEUTRAL).write_bytes(stream)
    assert tool.main([str(tmp_path / 'in'), '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert NEUTRAL in error and 'nothing was written' in error
    assert all(message in error for message in messages), error
    assert not (tmp_path / 'out').exists()


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


def test_malicious_files_are_refused_unread(tool, arrays, tmp_path, capsys) -> None:
    trap = Trap(tmp_path / 'ran')
    stream = official_pickle(fields(arrays) | {'J': trap})
    folder = tmp_path / 'in'
    folder.mkdir()
    (folder / NEUTRAL).write_bytes(stream)
    objects = np.empty(3, object)
    objects[:] = [trap, trap, trap]
    np.savez(folder / 'mesh_downsampling.npz', **(downsampling() | {'A': objects}))
    assert tool.main([str(folder), '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert f'{NEUTRAL} is refused' in error and 'mkdir' in error
    assert "mesh_downsampling.npz: 'A' is refused" in error
    assert not (tmp_path / 'ran').exists() and not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        (NEUTRAL, b'', 'cannot be read as a pickle'),
        (NEUTRAL, pickle.dumps([1]), 'no body model: it holds a list'),
        (NEUTRAL, pickle.dumps({'v_template': 1, 'f': 2}), 'lacks shapedirs, posedirs'),
        ('J_regressor_h36m.npy', npy(np.zeros((14, V))), '(17, 6890), got (14, 6890)'),
        ('J_regressor_extra.npy', npy(np.array([{}])), 'no plain array'),
        ('smpl_mean_params.npz', npz(pose=np.zeros(72), cam=np.zeros(3)), 'shape is missing'),
        ('smpl_mean_params.npz', b'PK', 'no whole .npz file'),
        ('mesh_downsampling.npz', npz(A=np.zeros(3)), 'D0 is missing; D1 is missing; U0'),
        ('smpl_ssm.json', b'[1, 2, 6890]', 'must lie in 0..6889, got up to 6890'),
        ('smpl_ssm.json', b'[1, 2, 2]', 'two markers'),
        ('smpl_ssm.json', b'["a"]', 'whole numbers'),
        ('smpl_ssm.json', b'{', 'no list or table of marker vertices'),
        ('smpl_uv_atlas.npz', npz(part=np.zeros(5), uv=np.zeros((5, 3, 2))), 'part must have'),
    ],
)
def test_bad_file_is_named(
    tool, downloads, tmp_path, capsys, name: str, content: bytes, message: str
) -> None:
    folder = tmp_path / 'in'
    folder.mkdir()
    (folder / 'smpl_mean_params.npz').symlink_to(downloads / 'smpl_mean_params.npz')  # a good one
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_bytes(content)
    assert tool.main([str(folder), '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert name in error and message in error, error
    assert not (tmp_path / 'out').exists()


def test_two_candidates_are_named(tool, tmp_path, capsys) -> None:
    for name in ('SMPL_NEUTRAL.pkl', NEUTRAL):
        (tmp_path / name).touch()
    assert tool.main([str(tmp_path), '--out', str(tmp_path / 'out')]) == 2
    assert '2 files could become SMPL_NEUTRAL.npz' in capsys.readouterr().err


def test_empty_and_missing_folders_are_told(tool, tmp_path, capsys) -> None:
    assert tool.main([str(tmp_path), '--out', str(tmp_path / 'out')]) == 2
    assert 'holds none of the files' in capsys.readouterr().err
    assert tool.main([str(tmp_path / 'none')]) == 2
    assert 'is no folder' in capsys.readouterr().err


def test_markers_of_mosh(tmp_path: Path) -> None:
    from whmr.body_models.smpl_readers import read_markers

    groups = [{'indices': {'A': 5, 'B': 3}}, {'indices': {'C': 9}}]
    (tmp_path / 'ssm.json').write_text(json.dumps({'markersets': groups}))
    assert read_markers(tmp_path / 'ssm.json').tolist() == [5, 3, 9]
