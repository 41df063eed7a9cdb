"""The files that ship with the package."""

import numpy as np
import pytest
import torch

from whmr.body_models.free_body import ASSETS

LIMIT = 3_000_000  # bytes


def test_files_are_small_and_plain() -> None:
    paths = sorted(ASSETS.glob('*.npz'))
    assert [path.name for path in paths] == ['free_body.npz', 'free_body_tables.npz']
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < LIMIT
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            for name in data.files:
                array = data[name]
                assert array.dtype.kind != 'f' or np.isfinite(array).all(), name


def test_surface_is_closed(arrays) -> None:
    faces = arrays.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = set(map(tuple, edges.tolist()))
    assert len(directed) == len(edges) == 3 * 13776
    assert all((b, a) in directed for a, b in directed)
    assert len(arrays.v_template) - len(edges) // 2 + len(faces) == 2  # Euler: one sphere
    a, b, c = (arrays.v_template[faces[:, i]].astype(np.float64) for i in range(3))
    volume = (np.cross(a, b) * c).sum() / 6
    assert 0.05 < volume < 0.12  # m^3, and the faces look outward


def test_weights_and_regressor_are_convex(arrays) -> None:
    np.testing.assert_allclose(arrays.weights.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(arrays.j_regressor.sum(axis=1), 1, atol=1e-5)
    assert arrays.weights.min() >= 0
    assert (arrays.weights > 0).sum(axis=1).max() <= 5  # four, or five where left and right tie


def test_every_array_is_mirror_symmetric(body, arrays) -> None:
    mirror, flip = body.mirror.numpy(), np.array([-1, 1, 1])
    np.testing.assert_allclose(arrays.v_template[mirror] * flip, arrays.v_template, atol=1e-6)
    other = arrays.shapedirs[mirror] * flip[:, None]
    np.testing.assert_allclose(other, arrays.shapedirs, atol=1e-4)
    faces = {tuple(np.roll(f, -f.argmin())) for f in arrays.faces}
    turned = {tuple(np.roll(f, -f.argmin())) for f in mirror[arrays.faces][:, ::-1]}
    assert len(faces & turned) > 0.95 * len(faces)  # a quad's diagonal may differ


@pytest.mark.parametrize('table', ['extra_joints_table', 'joints_table', 'h36m17'])
def test_rows_are_convex_and_mirror_symmetric(body, table: str) -> None:
    regressor = body.regressors[table] if table == 'h36m17' else getattr(body, table)
    weight = regressor.dense()
    assert (weight >= 0).all()
    torch.testing.assert_close(weight.sum(dim=1), torch.ones(len(weight)), atol=1e-5, rtol=0)
    names = regressor.names
    swapped = [
        names.index(n.replace('left_', '@').replace('right_', 'left_').replace('@', 'right_'))
        for n in names
    ]
    torch.testing.assert_close(weight[swapped][:, body.mirror], weight, atol=1e-6, rtol=0)


def test_atlas_charts_are_one_to_one(body) -> None:
    part, uv = body.atlas.part, body.atlas.uv.double()
    assert sorted(part.unique().tolist()) == list(range(1, 25))
    edge1, edge2 = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = (edge1[:, 0] * edge2[:, 1] - edge1[:, 1] * edge2[:, 0]) / 2
    assert (area > 0).all()  # no face is turned over
    for number in range(1, 25):
        # the faces of a part fill its disc (the rim is a polygon inside the circle) without overlap
        assert float(area[part == number].sum()) == pytest.approx(np.pi / 4, abs=0.04)


def test_parts_are_where_their_names_say(body, arrays) -> None:
    centre = arrays.v_template[arrays.faces].mean(axis=1)
    part = body.atlas.part.numpy()

    def mean(*numbers: int) -> np.ndarray:
        return centre[np.isin(part, numbers)].mean(axis=0)

    assert mean(2)[2] > mean(1)[2]  # torso: front before back
    assert mean(4)[0] > 0.6 and mean(3)[0] < -0.6  # left, right hand
    assert mean(5)[0] > 0 and mean(6)[0] < 0 and max(mean(5)[1], mean(6)[1]) < -0.9  # feet
    assert mean(23, 24)[1] > 0.5 and mean(23)[0] > 0 > mean(24)[0]  # halves of the head
    assert mean(8, 10)[0] > 0 > mean(7, 9)[0]  # thighs
    assert mean(15, 17)[0] > 0 > mean(16, 18)[0]  # upper arms
