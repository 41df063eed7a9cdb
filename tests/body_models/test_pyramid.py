"""The mesh pyramid: selections, barycentric rows, adjacency."""

import numpy as np
import pytest
import torch

from whmr.body_models import MeshPyramid, PyramidLevel, SparseRows


def test_sparse_rows_from_triplets_equal_the_dense_matrix(rng) -> None:
    dense = rng.random((6, 9)) * (rng.random((6, 9)) < 0.3)
    dense[2] = 0  # a row without entries
    rows, columns = np.nonzero(dense)
    order = rng.permutation(len(rows))
    packed = SparseRows.from_triplets(
        rows[order], columns[order], dense[rows, columns][order], num_rows=6
    )
    again = np.zeros_like(dense)
    np.add.at(again, (np.arange(6)[:, None], packed.index), packed.weight)
    np.testing.assert_allclose(again, dense, rtol=1e-6)


def test_levels_of_the_free_body(body, pose) -> None:
    vertices = body(**pose).vertices
    pyramid = body.pyramid
    assert pyramid.sizes == (6890, 1723, 431)
    assert pyramid.down(vertices, 0) is vertices
    first, second = pyramid.down(vertices, 1), pyramid.down(vertices, 2)
    assert first.shape == (5, 1723, 3) and second.shape == (5, 431, 3)
    # every coarse vertex is a vertex of the mesh
    assert torch.cdist(second[0].double(), vertices[0].double()).min(dim=1).values.max() < 1e-6
    torch.testing.assert_close(pyramid.down(vertices, 2), second)


@pytest.mark.parametrize(
    ('level', 'to_level', 'mean', 'largest'),
    [(1, 0, 0.003, 0.05), (2, 1, 0.008, 0.08), (2, 0, 0.009, 0.09)],
)
def test_up_undoes_down_nearly(body, pose, level, to_level, mean, largest) -> None:
    vertices = body(**pose).vertices
    fine = body.pyramid.down(vertices, to_level)
    coarse = body.pyramid.down(vertices, level)
    error = (body.pyramid.up(coarse, level, to_level) - fine).norm(dim=-1)
    assert error.mean() < mean and error.max() < largest


@pytest.mark.parametrize('level', [1, 2])
def test_up_rows_are_barycentric(body, level: int) -> None:
    weight = getattr(body.pyramid, f'up{level}_weight')
    assert weight.shape[1] == 3 and (weight >= 0).all()
    torch.testing.assert_close(weight.sum(dim=1), torch.ones(len(weight)))
    # a vertex that was kept is given back exactly
    fine = torch.randn(1, body.pyramid.sizes[level - 1], 3)
    index = getattr(body.pyramid, f'down{level}_index')[:, 0]
    coarse = fine[:, index]
    again = body.pyramid.up(coarse, level, level - 1)[:, index]
    torch.testing.assert_close(again, coarse, atol=1e-4, rtol=0)


def test_gradient_flows_both_ways(body) -> None:
    vertices = torch.randn(1, 6890, 3, requires_grad=True)
    coarse = body.pyramid.down(vertices, 2)
    coarse.sum().backward()
    assert (vertices.grad.sum(dim=(0, 2)) > 0).sum() == 431
    coarse = torch.randn(1, 431, 3, requires_grad=True)
    body.pyramid.up(coarse, 2).sum().backward()
    assert (coarse.grad.abs().sum(dim=(0, 2)) > 0).all()


@pytest.mark.parametrize('level', [1, 2])
def test_adjacency_is_normalised_and_connected(body, level: int) -> None:
    matrix = body.pyramid.adjacency(level)
    size = body.pyramid.sizes[level]
    assert matrix.shape == (size, size)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(size))
    linked = matrix > 0
    assert (linked == linked.T).all() and linked.diagonal().all()
    assert linked.sum(dim=1).float().mean() == pytest.approx(7, abs=0.05)  # six neighbours, itself
    reached = linked[0]
    for _ in range(size):
        wider = linked[reached].any(dim=0)
        if (wider == reached).all():
            break
        reached = wider
    assert reached.all()


@pytest.mark.parametrize('call', ['down', 'up'])
def test_wrong_mesh_or_level_is_named(body, call: str) -> None:
    with pytest.raises(ValueError, match=r'levels 0\.\.2'):
        getattr(body.pyramid, call)(torch.zeros(1, 6890, 3), 3)
    with pytest.raises(ValueError, match='vertices, got 7'):
        getattr(body.pyramid, call)(torch.zeros(1, 7, 3), 1)
    with pytest.raises(ValueError, match=r'1\.\.2'):
        body.pyramid.adjacency(0)


def test_level_that_does_not_fit_is_refused() -> None:
    level = PyramidLevel(
        down=SparseRows.from_selection(np.array([0, 9])),
        up=SparseRows.from_selection(np.zeros(5, np.int64)),
        edges=np.array([[0, 1]]),
    )
    with pytest.raises(ValueError, match='level 1 does not fit on a mesh of 5'):
        MeshPyramid((level,), topology='tiny', num_vertices=5)
