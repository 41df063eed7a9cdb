"""Joint regressors, vertex sets, atlas: values, and the refusal of another body's tables."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from whmr.body_models import (
    BodyAtlas,
    BodyModel,
    BodyTables,
    FreeBody,
    JointRegressor,
    MeshPyramid,
    PyramidLevel,
    SparseRows,
    VertexSet,
)

NUM_VERTICES, NUM_FACES = 6890, 13776


def regressor(topology: str, num_vertices: int = NUM_VERTICES, joints: int = 9) -> JointRegressor:
    """Joint k is vertex k."""
    weight = np.eye(joints, num_vertices, dtype=np.float32)
    return JointRegressor(weight, [f'joint{i}' for i in range(joints)], topology=topology)


def pyramid(topology: str, num_vertices: int = NUM_VERTICES) -> MeshPyramid:
    """One level of two vertices."""
    down = SparseRows.from_selection(np.array([0, 1]))
    up = SparseRows.from_selection(np.zeros(num_vertices, np.int64))
    level = PyramidLevel(down=down, up=up, edges=np.array([[0, 1]]))
    return MeshPyramid((level,), topology=topology, num_vertices=num_vertices)


def atlas(topology: str, num_faces: int = NUM_FACES) -> BodyAtlas:
    """One part."""
    return BodyAtlas(np.ones(num_faces, int), np.zeros((num_faces, 3, 2)), topology=topology)


def points(topology: str, count: int = 21, last: int = NUM_VERTICES - 1) -> VertexSet:
    """The last vertices."""
    index = np.arange(last - count + 1, last + 1)
    return VertexSet(index, [f'p{i}' for i in range(count)], topology=topology)


FOREIGN = {
    'landmarks': lambda tag: points(tag),
    'markers': lambda tag: points(tag, 67),
    'extra_joints': lambda tag: regressor(tag),
    'joints': lambda tag: regressor(tag, joints=24),
    'pyramid': lambda tag: pyramid(tag),
    'atlas': lambda tag: atlas(tag),
    'regressors': lambda tag: {'h36m17': regressor(tag, joints=17)},
}
MISFIT = {
    'landmarks': lambda: points('free_body', last=NUM_VERTICES),
    'extra_joints': lambda: regressor('free_body', 100),
    'pyramid': lambda: pyramid('free_body', 100),
    'atlas': lambda: atlas('free_body', 100),
    'regressors': lambda: {'h36m17': regressor('free_body', 100)},
}


@pytest.mark.parametrize('kind', FOREIGN)
def test_foreign_table_is_refused(arrays, kind: str) -> None:
    """Each kind of table is taken with the body's own tag, and refused with another's."""
    own = replace(BodyTables(), **{kind: FOREIGN[kind]('free_body')})
    BodyModel(arrays, own, topology='free_body')
    foreign = replace(BodyTables(), **{kind: FOREIGN[kind]('smpl')})
    name = 'h36m17' if kind == 'regressors' else kind
    with pytest.raises(ValueError, match=f"{name}.*'smpl'.*'free_body'"):
        BodyModel(arrays, foreign, topology='free_body')


@pytest.mark.parametrize('kind', MISFIT)
def test_table_of_another_size_is_refused(arrays, kind: str) -> None:
    tables = replace(BodyTables(), **{kind: MISFIT[kind]()})
    with pytest.raises(ValueError, match='does not fit'):
        BodyModel(arrays, tables, topology='free_body')


def test_label_of_another_topology_is_refused(body) -> None:
    body.check_topology('free_body', 'labels')
    with pytest.raises(ValueError, match=r"labels of 3dpw.*'smpl'.*'free_body'"):
        body.check_topology('smpl', 'labels of 3dpw')


def test_a_regressor_can_be_added(pose) -> None:
    body = FreeBody()
    with pytest.raises(KeyError, match=r"'mine'.*h36m17"):
        body.regress(torch.zeros(1, NUM_VERTICES, 3), 'mine')
    body.add_regressor('mine', regressor('free_body'))
    vertices = body(**pose).vertices
    torch.testing.assert_close(body.regress(vertices, 'mine'), vertices[:, :9])
    with pytest.raises(ValueError, match="'mine'"):
        body.add_regressor('mine', regressor('smpl'))


@pytest.mark.parametrize('name', ['pyramid', 'atlas', 'markers', 'marker_names', 'mean_params'])
def test_missing_table_is_named_when_used(arrays, name: str) -> None:
    bare = BodyModel(arrays, BodyTables(), topology='free_body')
    with pytest.raises(FileNotFoundError, match=name.split('_names')[0]):
        getattr(bare, name)


@pytest.mark.parametrize('name', ['weights', 'posedirs', 'j_regressor', 'parents'])
def test_array_of_the_wrong_shape_is_named(arrays, name: str) -> None:
    wrong = replace(arrays, **{name: getattr(arrays, name)[:-1]})
    with pytest.raises(ValueError, match=name):
        BodyModel(wrong, BodyTables(), topology='free_body')


def test_joint_regressor_equals_the_dense_product(rng) -> None:
    weight = rng.random((3, 50)).astype(np.float32)
    weight[:, rng.permutation(50)[:40]] = 0
    sparse = JointRegressor(weight, 'abc', topology='tiny')
    vertices = torch.from_numpy(rng.normal(size=(2, 50, 3))).float()
    expected = torch.from_numpy(weight) @ vertices
    torch.testing.assert_close(sparse(vertices), expected)
    torch.testing.assert_close(sparse.dense(), torch.from_numpy(weight))
    assert len(sparse.index) == 10
    rows, columns = np.nonzero(weight)
    entries = JointRegressor.from_rows(
        rows, columns, weight[rows, columns], names='abc', num_vertices=50, topology='tiny'
    )
    torch.testing.assert_close(entries(vertices), expected)


@pytest.mark.parametrize('shape', [(4, 50), (3,)])
def test_joint_regressor_needs_a_row_per_name(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='3 rows'):
        JointRegressor(np.zeros(shape), 'abc', topology='tiny')


@pytest.mark.parametrize('index', [np.zeros(2, int), np.zeros(3)])
def test_vertex_set_needs_an_id_per_name(index: np.ndarray) -> None:
    with pytest.raises(ValueError, match='3 integer vertex ids'):
        VertexSet(index, 'abc', topology='tiny')


@pytest.mark.parametrize(
    ('part', 'uv', 'message'),
    [
        (np.ones(4, int), np.zeros((5, 3, 2)), 'part'),
        (np.zeros(4, int), np.zeros((4, 3, 2)), '1..24'),
        (np.full(4, 25), np.zeros((4, 3, 2)), '1..24'),
        (np.ones(4, int), np.full((4, 3, 2), 1.5), 'uv'),
    ],
)
def test_bad_atlas_is_refused(part: np.ndarray, uv: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BodyAtlas(part, uv, topology='tiny')


def test_markers_of_the_free_body(body) -> None:
    markers, names = body.markers, body.marker_names
    assert markers.shape == (67,) and markers.dtype == torch.int64
    assert len(set(names)) == 67 and len(set(markers.tolist())) == 67
    index = dict(zip(names, markers.tolist()))
    pairs = [(name, 'R' + name[1:]) for name in names if 'R' + name[1:] in index and name[0] == 'L']
    assert len(pairs) > 20
    for left, right in pairs:
        assert body.mirror[index[left]] == index[right]
