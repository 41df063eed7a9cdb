"""SMPL from the user's own files: synthetic files in SMPL's exact shapes."""

import os
import pickle
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from whmr.body_models import SMPL, BodyArrays
from whmr.keypoints import JOINT_SETS

from .conftest import random_pose, smpl_fields, smplx_model

pytest.importorskip('smplx')
NUM_VERTICES, LEVELS = 6890, (1723, 431)
UNITS = Path(os.environ.get('WHMR_REFERENCE_DIR', '')) / 'units.npz'


def synthetic_arrays(arrays: BodyArrays) -> BodyArrays:
    """A random body in SMPL's shapes: same counts and tree, nothing of SMPL's in it."""
    rng = np.random.default_rng(1)
    posedirs = np.zeros_like(arrays.posedirs)
    posedirs[:, :, ::9] = 0.01 * rng.normal(size=(NUM_VERTICES, 3, 23))
    return replace(
        arrays,
        v_template=rng.normal(size=(NUM_VERTICES, 3)).astype(np.float32),
        shapedirs=0.1 * rng.normal(size=(NUM_VERTICES, 3, 10)).astype(np.float32),
        posedirs=posedirs.astype(np.float32),
        j_regressor=random_rows(rng, 24),
    )


def random_rows(rng: np.random.Generator, count: int) -> np.ndarray:
    """Sparse convex rows over the vertices."""
    rows = np.zeros((count, NUM_VERTICES), np.float32)
    for row in rows:
        row[rng.choice(NUM_VERTICES, 20, replace=False)] = rng.dirichlet(np.ones(20))
    return rows


def downsampling(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Selections down, convex rows up, a ring of edges: sparse matrices as plain arrays."""
    fields, fine = {}, NUM_VERTICES
    for number, coarse in enumerate(LEVELS):
        fields |= triplets(f'D{number}', np.arange(coarse), rng.permutation(fine)[:coarse])
        fields |= triplets(
            f'U{number}', np.repeat(np.arange(fine), 3), rng.integers(0, coarse, 3 * fine)
        )
        fields[f'U{number}_val'] = rng.dirichlet(np.ones(3), fine).ravel().astype(np.float32)
        ring = np.arange(coarse)
        both = np.r_[ring, np.roll(ring, -1)], np.r_[np.roll(ring, -1), ring]
        fields |= triplets(f'A{number + 1}', *both)
        for name, shape in (('D', (coarse, fine)), ('U', (fine, coarse))):
            fields[f'{name}{number}_shape'] = np.array(shape)
        fields[f'A{number + 1}_shape'] = np.array((coarse, coarse))
        fine = coarse
    return fields


def triplets(name: str, rows: np.ndarray, columns: np.ndarray) -> dict[str, np.ndarray]:
    """Entries of 1."""
    ones = np.ones(len(rows), np.float32)
    return {f'{name}_row': rows, f'{name}_col': columns, f'{name}_val': ones}


@pytest.fixture(scope='module')
def smpl_arrays(arrays) -> BodyArrays:
    """A synthetic body."""
    return synthetic_arrays(arrays)


@pytest.fixture(scope='module')
def folder(smpl_arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that SMPL can read."""
    path, rng = tmp_path_factory.mktemp('smpl'), np.random.default_rng(2)
    np.savez(path / 'SMPL_NEUTRAL.npz', **smpl_fields(smpl_arrays))
    np.save(path / 'J_regressor_extra.npy', random_rows(rng, 9))
    np.save(path / 'J_regressor_h36m.npy', random_rows(rng, 17))
    np.save(path / 'smpl_ssm.npy', rng.choice(NUM_VERTICES, 67, replace=False))
    identity = np.eye(3)[:, :2].ravel()
    np.savez(
        path / 'smpl_mean_params.npz',
        pose=np.tile(identity, 24),
        shape=np.arange(10) / 10,
        cam=np.array([0.9, 0, 0]),
    )
    np.savez(path / 'mesh_downsampling_plain.npz', **downsampling(rng))
    count = len(smpl_arrays.faces)
    np.savez(
        path / 'smpl_uv_atlas.npz', part=rng.integers(1, 25, count), uv=rng.random((count, 3, 2))
    )
    return path


@pytest.fixture(scope='module')
def smpl(folder: Path) -> SMPL:
    """The synthetic SMPL."""
    return SMPL(folder)


def broken_copy(folder: Path, target: Path, leave_out: str) -> Path:
    """The folder's files as links, without one."""
    target.mkdir()
    for file in folder.iterdir():
        if file.name != leave_out:
            (target / file.name).symlink_to(file)
    return target


def test_equals_smplx(smpl, smpl_arrays, generator) -> None:
    pose = random_pose(3, generator)
    out, expected = smpl(**pose), smplx_model(smpl_arrays)(**pose, pose2rot=False)
    assert (out.vertices - expected.vertices).abs().max() < 1e-5
    assert (out.joints[:, :45] - expected.joints).abs().max() < 1e-5


def test_landmarks_are_in_our_order(smpl) -> None:
    from smplx.vertex_ids import vertex_ids

    index = dict(zip(smpl.landmarks_table.names, smpl.landmarks_table.index.tolist()))
    ids = vertex_ids['smplh']
    assert list(index) == list(JOINT_SETS['smpl45'].joints[24:])
    assert index['left_big_toe'] == ids['LBigToe'] and index['right_heel'] == ids['RHeel']
    assert index['right_eye'] == ids['reye'] and index['left_pinky'] == ids['lpinky']
    assert index['nose'] == ids['nose']


def test_tables_are_read(smpl, folder: Path, generator) -> None:
    vertices = smpl(**random_pose(2, generator)).vertices
    h36m = torch.from_numpy(np.load(folder / 'J_regressor_h36m.npy'))
    torch.testing.assert_close(smpl.regress(vertices, 'h36m17'), h36m @ vertices)
    extra = torch.from_numpy(np.load(folder / 'J_regressor_extra.npy'))
    torch.testing.assert_close(smpl.joints_from_vertices(vertices)[:, 45:], extra @ vertices)
    assert smpl.markers.tolist() == np.load(folder / 'smpl_ssm.npy').tolist()
    assert smpl.atlas.uv.shape == (13776, 3, 2)
    mean = smpl.mean_params
    torch.testing.assert_close(mean.body_pose, torch.eye(3).expand(23, 3, 3))
    torch.testing.assert_close(mean.betas, torch.arange(10) / 10)
    assert mean.weak_cam.tolist() == pytest.approx([0.9, 0, 0])
    with np.load(folder / 'mesh_downsampling_plain.npz') as data:
        first, second = data['D0_col'], data['D1_col']
    assert torch.equal(smpl.pyramid.down(vertices, 2), vertices[:, first][:, second])
    assert smpl.pyramid.up(smpl.pyramid.down(vertices, 2), 2).shape == vertices.shape
    assert (smpl.pyramid.adjacency(2) > 0).sum(dim=1).unique().tolist() == [3]
    assert not smpl.state_dict() and smpl.topology == 'smpl'


def test_joints_from_vertices_use_the_models_own_regressor(smpl, smpl_arrays, generator) -> None:
    vertices = smpl(**random_pose(2, generator)).vertices
    expected = torch.from_numpy(smpl_arrays.j_regressor) @ vertices
    torch.testing.assert_close(smpl.joints_from_vertices(vertices)[:, :24], expected)


def test_fewer_betas(folder: Path, smpl, generator) -> None:
    pose = random_pose(1, generator)
    small = SMPL(folder, num_betas=4)
    first = dict(pose, betas=pose['betas'][:, :4])
    padded = dict(pose, betas=torch.nn.functional.pad(first['betas'], (0, 6)))
    torch.testing.assert_close(small(**first).vertices, smpl(**padded).vertices)
    with pytest.raises(ValueError, match='10 shape coefficients'):
        SMPL(folder, num_betas=11)


@pytest.mark.parametrize(
    ('file', 'use'),
    [
        ('J_regressor_extra.npy', lambda body: body(**random_pose(1, torch.Generator()))),
        ('J_regressor_h36m.npy', lambda body: body.regress(torch.zeros(1, 6890, 3), 'h36m17')),
        ('smpl_ssm.npy', lambda body: body.markers),
        ('smpl_mean_params.npz', lambda body: body.mean_params),
        ('mesh_downsampling_plain.npz', lambda body: body.pyramid),
        ('smpl_uv_atlas.npz', lambda body: body.atlas),
    ],
)
def test_missing_file_is_named_only_when_used(folder, tmp_path: Path, file: str, use) -> None:
    body = SMPL(broken_copy(folder, tmp_path / 'smpl', file))
    with pytest.raises(FileNotFoundError, match=f'{file}.*FreeBody'):
        use(body)


def test_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r'SMPL_MALE\.npz.*smpl\.is\.tue\.mpg\.de.*FreeBody'
    ):
        SMPL(tmp_path, 'male')
    with pytest.raises(FileNotFoundError, match=r'SMPL_NEUTRAL\.npz'):
        SMPL(tmp_path / 'nowhere')


def test_pickle_is_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / 'ran'),))

    (tmp_path / 'SMPL_NEUTRAL.pkl').write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r'SMPL_NEUTRAL\.pkl is a pickle.*SMPL_NEUTRAL\.npz'):
        SMPL(tmp_path)
    assert not (tmp_path / 'ran').exists()


def test_pickled_array_is_refused(folder, tmp_path: Path) -> None:
    copy = broken_copy(folder, tmp_path / 'smpl', 'smpl_ssm.npy')
    np.save(copy / 'smpl_ssm.npy', np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r'smpl_ssm\.npy is no plain array'):
        SMPL(copy)


@pytest.mark.parametrize(
    ('key', 'message'), [('J_regressor', 'lacks J_regressor'), ('posedirs', 'posedirs must')]
)
def test_bad_model_array_is_named(folder, tmp_path: Path, key: str, message: str) -> None:
    copy = broken_copy(folder, tmp_path / 'smpl', 'SMPL_NEUTRAL.npz')
    with np.load(folder / 'SMPL_NEUTRAL.npz') as data:
        fields = {name: data[name] for name in data.files}
    if message.startswith('lacks'):
        del fields[key]
    else:
        fields[key] = fields[key][:, :, :-1]
    np.savez(copy / 'SMPL_NEUTRAL.npz', **fields)
    with pytest.raises(ValueError, match=message):
        SMPL(copy)


def test_bad_regressor_is_named(folder, tmp_path: Path) -> None:
    copy = broken_copy(folder, tmp_path / 'smpl', 'J_regressor_extra.npy')
    np.save(copy / 'J_regressor_extra.npy', np.zeros((9, 100)))
    with pytest.raises(ValueError, match=r'J_regressor_extra\.npy.*\(9, 6890\)'):
        SMPL(copy)


def test_unknown_gender_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match='gender'):
        SMPL(folder, 'unknown')


def test_absent_smplx_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'smplx', None)
    with pytest.raises(ImportError, match=r'pip install smplx.*FreeBody'):
        SMPL(folder)


@pytest.mark.skipif(not UNITS.is_file(), reason='WHMR_REFERENCE_DIR holds no units.npz')
@pytest.mark.parametrize('name', ['smpl', 'smpl_raw_9d'])
def test_equals_the_authors_release(name: str, tmp_path: Path) -> None:
    """Numbers that the release computed; `WHMR_REFERENCE_DIR` is their folder."""
    source = UNITS.parent
    with np.load(source / 'smpl_synth.npz') as data:
        fields = {key: data[key] for key in data.files if not key.startswith('J_regressor')}
        regressor = np.zeros((24, NUM_VERTICES), np.float32)
        rows, columns = data['J_regressor_rows'], data['J_regressor_cols']
        regressor[rows, columns] = data['J_regressor_vals']
    np.savez(tmp_path / 'SMPL_NEUTRAL.npz', J_regressor=regressor, **fields)
    shutil.copy(source / 'J_regressor_extra.npy', tmp_path)
    shutil.copy(source / 'mesh_downsampling_plain.npz', tmp_path)
    body = SMPL(tmp_path)
    with np.load(UNITS) as data:
        unit = {
            key.split('/')[1]: torch.from_numpy(data[key])
            for key in data.files
            if key.startswith(f'{name}/')
        }
    if name == 'smpl':
        orient, rest = unit['pose'][:, :3], unit['pose'][:, 3:]
    else:
        orient, rest = unit['rot'][:, :1], unit['rot'][:, 1:]
    out = body(unit['betas'], orient, rest)
    assert (out.vertices[:, ::40] - unit['verts_sub']).abs().max() < 1e-5
    assert (body.joints49(out.joints) - unit['joints49']).abs().max() < 1e-5
    with np.load(source / 'adj431.npz') as data:
        adjacency = np.zeros((431, 431), np.float32)
        adjacency[tuple(data['indices'])] = data['values']
    np.testing.assert_allclose(body.pyramid.adjacency(2), adjacency, atol=1e-6)
