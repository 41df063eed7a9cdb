"""The rasteriser: closed forms, occlusion, edge cases, agreement of its two backends."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from whmr.body_models import FreeBody
from whmr.rendering import RasterOutput, rasterize

BACKENDS = ('torch', 'numba')
FACE = torch.tensor([[0, 1, 2]])


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend that is installed."""
    if request.param == 'numba':
        pytest.importorskip('numba')
    return request.param


@pytest.fixture(scope='module')
def body() -> FreeBody:
    """The free body."""
    return FreeBody()


def camera(focal: float, shape: tuple[int, int], batch: int = 1) -> Tensor:
    """Camera matrices with the principal point in the middle."""
    h, w = shape
    matrix = torch.tensor([[focal, 0, w / 2], [0, focal, h / 2], [0, 0, 1.0]])
    return matrix.expand(batch, 3, 3)


def rays(intrinsics: Tensor, shape: tuple[int, int]) -> Tensor:
    """Direction through each pixel's centre with z = 1, (h, w, 3)."""
    h, w = shape
    x, y = torch.meshgrid(torch.arange(w) + 0.5, torch.arange(h) + 0.5, indexing='xy')
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    return pixels @ torch.linalg.inv(intrinsics).T


def posed(body: FreeBody, batch: int, seed: int = 0) -> Tensor:
    """Random bodies some metres before the camera, (B, V, 3)."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.35 * torch.randn(batch, 69, generator=generator)
    orient = torch.randn(batch, 3, generator=generator)
    betas = torch.randn(batch, 10, generator=generator)
    shift = torch.randn(batch, 3, generator=generator) * 0.3 + torch.tensor([0, 0, 3.5])
    return body(betas, orient, pose, shift).vertices


def test_plane_has_its_analytic_depth(backend: str) -> None:
    """A slanted plane that fills the image: n . x = d gives the depth at each pixel."""
    shape, k = (17, 23), camera(30.0, (17, 23))
    corners = torch.tensor([[-9.0, -9, 3], [9, -9, 5], [9, 9, 6], [-9, 9, 4]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    out = rasterize(corners[None], faces, k, shape, backend)
    normal = torch.linalg.cross(corners[1] - corners[0], corners[2] - corners[0])
    expected = (normal @ corners[0]) / (rays(k[0], shape) @ normal)
    assert (out.face_id >= 0).all()
    assert out.face_id.unique().tolist() == [0, 1]
    torch.testing.assert_close(out.depth[0], expected, rtol=1e-5, atol=0)


def test_weights_give_back_the_seen_point(backend: str) -> None:
    """Perspective-correct: the weighted corners are the point on the pixel's ray at that depth."""
    shape, k = (40, 32), camera(45.0, (40, 32), 2)
    triangles = torch.tensor(
        [
            [[-0.5, -0.6, 1.0], [1.5, 0.2, 4.0], [-0.2, 1.0, 2.0]],
            [[0, 0, 1], [1, 0, 9], [0, 1, 3.0]],
        ]
    )
    out = rasterize(triangles, FACE, k, shape, backend)
    seen = out.face_id == 0
    assert seen.sum(dim=(1, 2)).min() > 20
    torch.testing.assert_close(out.barycentric[seen].sum(dim=-1), torch.ones(int(seen.sum())))
    assert (out.barycentric >= 0).all()
    points = torch.einsum('bhwc,bcd->bhwd', out.barycentric, triangles)
    expected = rays(k[0], shape) * out.depth[..., None]
    torch.testing.assert_close(points[seen], expected[seen], rtol=1e-4, atol=1e-5)
    assert (out.barycentric[~seen] == 0).all() and (out.depth[~seen] == 0).all()


def test_perspective_differs_from_screen_space(backend: str) -> None:
    """Half-way on the screen between z = 1 and z = 3 lies a quarter of the way in space."""
    shape, k = (101, 101), camera(50.0, (101, 101))
    corners = torch.tensor([[[-0.5, -0.02, 1], [-0.5, 0.02, 1], [1.5, 0, 3]]])
    out = rasterize(corners, FACE, k, shape, backend)
    assert out.barycentric[0, 50, 50, 2] == pytest.approx(0.25, abs=1e-4)
    assert out.depth[0, 50, 50] == pytest.approx(1.5, abs=1e-4)


def test_pixels_are_sampled_at_their_centres(backend: str) -> None:
    """A square from pixel 1.4 to 3.6 holds the centres 1.5, 2.5 and 3.5 each way."""
    low, high = (1.4 - 3) / 6, (3.6 - 3) / 6
    square = torch.tensor([[[low, low, 1], [high, low, 1], [high, high, 1], [low, high, 1]]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    out = rasterize(square, faces, camera(6.0, (6, 6)), (6, 6), backend)
    expected = torch.zeros(6, 6, dtype=torch.bool)
    expected[1:4, 1:4] = True
    assert torch.equal(out.face_id[0] >= 0, expected)


def test_skew_and_unequal_focal_lengths_are_used(backend: str) -> None:
    """The seen points project back onto their pixels' centres with the whole camera matrix."""
    k = torch.tensor([[[20.0, 4, 8], [0, 30, 10], [0, 0, 1]]])
    triangle = torch.tensor([[[-0.6, -0.6, 2], [0.8, -0.5, 3], [0.1, 0.9, 2.5]]])
    out = rasterize(triangle, FACE, k, (24, 24), backend)
    row, column = (out.face_id[0] == 0).nonzero().T
    assert len(row) > 40
    pixels = (out.barycentric[0, row, column] @ triangle[0]) @ k[0].T
    pixels = pixels[:, :2] / pixels[:, 2:]
    expected = torch.stack([column, row], dim=1) + 0.5
    torch.testing.assert_close(pixels, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_the_nearer_face_hides_the_farther(backend: str, order: tuple[int, int]) -> None:
    near = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [0, 1, 2]])
    far = torch.tensor([[-4.0, -4, 5], [4, -4, 5], [0, 4, 5]])
    vertices = torch.cat([near, far])[None]
    faces = torch.tensor([[0, 1, 2], [3, 4, 5]])[list(order)]
    out = rasterize(vertices, faces, camera(20.0, (32, 32)), (32, 32), backend)
    assert out.face_id[0, 16, 16] == order.index(0) and out.depth[0, 16, 16] == 2
    ring = (out.depth[0] - 5).abs() < 1e-5
    assert ring.any() and (out.face_id[0][ring] == order.index(1)).all()


def test_crossing_faces_are_cut_where_they_cross(backend: str) -> None:
    left = torch.tensor([[-2.0, -2, 2], [2, -2, 4], [2, 2, 4], [-2, 2, 2]])
    vertices = torch.cat([left, left * torch.tensor([-1.0, 1, 1])])[None]
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    out = rasterize(vertices, faces, camera(20.0, (20, 20)), (20, 20), backend)
    assert (out.face_id[0, :, 5:9] < 2).all() and (out.face_id[0, :, 11:15] >= 2).all()


def test_of_equal_faces_the_first_is_taken(backend: str) -> None:
    triangle = torch.tensor([[[-1.0, -1, 2], [1, -1, 2], [0, 1, 2]]])
    out = rasterize(triangle, FACE.expand(3, 3), camera(20.0, (16, 16)), (16, 16), backend)
    assert out.face_id.unique().tolist() == [-1, 0]


def test_both_sides_are_seen(backend: str) -> None:
    triangle = torch.tensor([[[-1.0, -1, 2], [1, -1, 2], [0, 1, 2]]])
    out = [
        rasterize(triangle, face, camera(20.0, (16, 16)), (16, 16), backend)
        for face in (FACE, FACE.flip(1))
    ]
    assert torch.equal(out[0].face_id, out[1].face_id) and (out[0].face_id == 0).any()
    torch.testing.assert_close(out[0].barycentric, out[1].barycentric.flip(-1), rtol=0, atol=1e-6)


BAD = {
    'behind': [[-1.0, -1, -2], [1, -1, -2], [0, 1, -2]],
    'half behind': [[-1.0, -1, 2], [1, -1, 2], [0, 1, -2]],
    'in the camera plane': [[-1.0, -1, 0], [1, -1, 2], [0, 1, 2]],
    'at the near plane': [[-1.0, -1, 0.049], [1, -1, 2], [0, 1, 2]],
    'of no area': [[-1.0, -1, 2], [1, 1, 2], [0, 0, 2]],
    'of one point': [[0.0, 0, 2]] * 3,
    'seen edge on': [[0.0, 0, 2], [0.1, 0, 2], [0.2, 0, 4]],
    'outside on the left': [[-9.0, -1, 2], [-8, -1, 2], [-8, 1, 2]],
    'outside below': [[-1.0, 8, 2], [1, 8, 2], [0, 9, 2]],
    'between pixel centres': [[0.001, 0.001, 2], [0.01, 0.001, 2], [0.001, 0.01, 2]],
    'not a number': [[float('nan'), 0, 2], [1, -1, 2], [0, 1, 2]],
    'not a depth': [[-1.0, -1, float('nan')], [1, -1, 2], [0, 1, 2]],
    'infinite': [[-1.0, -1, 2], [float('inf'), -1, 2], [0, 1, 2]],
}


@pytest.mark.parametrize('name', BAD)
def test_faces_that_cannot_be_seen_are_left_out(backend: str, name: str) -> None:
    out = rasterize(torch.tensor([BAD[name]]), FACE, camera(20.0, (16, 16)), (16, 16), backend)
    assert (out.face_id == -1).all()
    assert (out.depth == 0).all() and (out.barycentric == 0).all()


def test_a_bad_face_does_not_disturb_its_neighbours(backend: str) -> None:
    good = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [0, 1, 2]])
    vertices = torch.cat([torch.tensor(rows) for rows in BAD.values()] + [good])[None]
    faces = torch.arange(vertices.shape[1]).reshape(-1, 3)
    out = rasterize(vertices, faces, camera(20.0, (16, 16)), (16, 16), backend)
    alone = rasterize(good[None], FACE, camera(20.0, (16, 16)), (16, 16), backend)
    assert torch.equal(out.face_id >= 0, alone.face_id >= 0)
    assert torch.equal(out.depth, alone.depth)


def test_a_body_partly_outside_is_the_cut_of_the_whole(backend: str, body: FreeBody) -> None:
    """A window moved by whole pixels sees the same pixels."""
    vertices = posed(body, 1)
    whole = rasterize(vertices, body.faces, camera(60.0, (80, 80)), (80, 80), backend)
    k = camera(60.0, (80, 80)).clone()
    k[:, 0, 2] -= 37
    k[:, 1, 2] -= 30
    part = rasterize(vertices, body.faces, k, (30, 20), backend)
    same = part.face_id == whole.face_id[:, 30:60, 37:57]
    assert same.float().mean() > 0.99 and (part.face_id >= 0).float().mean() > 0.05


def test_a_body_outside_gives_an_empty_picture(backend: str, body: FreeBody) -> None:
    vertices = posed(body, 2)
    vertices[0, :, 0] += 50
    out = rasterize(vertices, body.faces, camera(60.0, (48, 48), 2), (48, 48), backend)
    assert (out.face_id[0] == -1).all() and (out.face_id[1] >= 0).any()


@pytest.mark.parametrize(('batch', 'faces'), [(0, FACE), (2, FACE[:0])])
def test_nothing_to_draw(backend: str, batch: int, faces: Tensor) -> None:
    vertices = torch.rand(batch, 3, 3) + 1
    out = rasterize(vertices, faces, camera(20.0, (5, 7), batch), (5, 7), backend)
    assert out.face_id.shape == (batch, 5, 7) and (out.face_id == -1).all()
    assert out.barycentric.shape == (batch, 5, 7, 3) and out.depth.shape == (batch, 5, 7)


@pytest.mark.parametrize(
    ('shape', 'focal'), [((64, 64), 70.0), ((96, 128), 110.0), ((128, 96), 300.0), ((1, 1), 1.0)]
)
def test_backends_agree_on_bodies(body: FreeBody, shape: tuple[int, int], focal: float) -> None:
    pytest.importorskip('numba')
    vertices, k = posed(body, 4), camera(focal, shape, 4)
    ours, theirs = (rasterize(vertices, body.faces, k, shape, name) for name in BACKENDS)
    same = ours.face_id == theirs.face_id
    assert same.float().mean() >= 0.999
    torch.testing.assert_close(ours.depth[same], theirs.depth[same], rtol=1e-5, atol=1e-5)
    close = (ours.barycentric - theirs.barycentric)[same].abs()
    assert close.max() < 1e-3


def test_torch_in_many_chunks_is_the_same(body: FreeBody, monkeypatch) -> None:
    vertices, k = posed(body, 2), camera(90.0, (64, 48), 2)
    expected = rasterize(vertices, body.faces, k, (64, 48), 'torch')
    monkeypatch.setattr('whmr.rendering.rasterizer._CHUNK', 500)
    out = rasterize(vertices, body.faces, k, (64, 48), 'torch')
    for a, b in zip(out, expected):
        assert torch.equal(a, b)


def test_one_of_a_batch_equals_a_batch_of_one(backend: str, body: FreeBody) -> None:
    vertices, k = posed(body, 3), camera(90.0, (48, 48), 3)
    whole = rasterize(vertices, body.faces, k, (48, 48), backend)
    one = rasterize(vertices[1:2], body.faces, k[1:2], (48, 48), backend)
    assert torch.equal(one.face_id, whole.face_id[1:2])


@pytest.mark.parametrize('seed', [0, 1])
def test_seen_faces_are_the_nearest_on_their_rays(backend: str, body: FreeBody, seed: int) -> None:
    """Independent check: cast rays through a few pixels against every face."""
    shape, vertices = (64, 64), posed(body, 1, seed)
    k = camera(75.0, shape)
    out = rasterize(vertices, body.faces, k, shape, backend)
    directions = rays(k[0], shape).double()
    corners = vertices[0].double()[body.faces]
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = torch.linalg.cross(ab, ac)
    rng = np.random.default_rng(seed)
    seen = out.face_id[0] >= 0
    hits, empty = seen.nonzero(), (~seen).nonzero()
    for row, column in [
        *rng.permutation(hits)[:25].tolist(),
        *rng.permutation(empty)[:10].tolist(),
    ]:
        d = directions[row, column]
        slope = normal @ d
        depth = (a * normal).sum(dim=1) / slope
        offset = torch.linalg.cross(d.expand_as(a), -a)
        v, w = (ac * offset).sum(dim=1) / slope, -(ab * offset).sum(dim=1) / slope
        margin = torch.stack([v, w, 1 - v - w]).amin(dim=0)
        inside = margin > 0
        expected = torch.where(inside, depth, torch.inf).min()
        if seen[row, column]:
            assert float(out.depth[0, row, column]) == pytest.approx(float(expected), abs=1e-3)
        else:
            assert not (margin > 1e-3).any()


def test_auto_takes_numba_on_the_cpu_if_it_is_there(body: FreeBody, monkeypatch) -> None:
    called, empty = [], RasterOutput(*torch.zeros(3, 1))
    for name in BACKENDS:
        target = f'whmr.rendering.rasterizer._rasterize_{name}'
        monkeypatch.setattr(target, lambda *args, name=name: called.append(name) or empty)
    vertices, k = torch.rand(1, 3, 3), camera(1.0, (2, 2))
    for there in (True, False):
        monkeypatch.setattr('whmr.rendering.rasterizer._has_numba', lambda there=there: there)
        rasterize(vertices, FACE, k, (2, 2))
    assert called == ['numba', 'torch']


def test_kernel_compiles_where_nothing_can_be_cached(monkeypatch) -> None:
    """numba refuses `cache=True` in a read-only installation; then it compiles without a cache."""
    numba = pytest.importorskip('numba')
    module = pytest.importorskip('whmr.rendering._numba_rasterizer')
    real = numba.njit

    def refuse(**options):
        if options.get('cache'):
            raise RuntimeError('cannot cache function: no locator available')
        return real(**options)

    monkeypatch.setattr(module, 'numba', SimpleNamespace(njit=refuse))
    assert module.compile_kernel(lambda x: x + 1)(2) == 3


def test_absent_numba_is_an_import_error(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'whmr.rendering._numba_rasterizer', None)
    with pytest.raises(ImportError):
        rasterize(torch.rand(1, 3, 3), FACE, camera(1.0, (2, 2)), (2, 2), 'numba')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(backend='gl'), 'backend'),
        (dict(vertices_cam=torch.zeros(3, 3)), 'vertices_cam'),
        (dict(intrinsics=torch.eye(3)), 'intrinsics'),
        (dict(intrinsics=torch.eye(3).expand(2, 3, 3)), 'intrinsics'),
        (dict(faces=torch.zeros(4, 4, dtype=torch.long)), 'faces'),
        (dict(faces=torch.tensor([[0, 1, 3]])), r'0\.\.3, but there are 3'),
        (dict(faces=torch.tensor([[-1, 1, 2]])), r'-1\.\.2'),
        (dict(image_shape=(0, 4)), 'image_shape'),
    ],
)
def test_bad_input_is_named(change: dict, message: str) -> None:
    good = dict(
        vertices_cam=torch.zeros(1, 3, 3),
        faces=FACE,
        intrinsics=camera(1.0, (4, 4)),
        image_shape=(4, 4),
    )
    with pytest.raises(ValueError, match=message):
        rasterize(**{**good, **change})


def test_no_gradient_is_kept(backend: str) -> None:
    vertices = torch.tensor([[[-1.0, -1, 2], [1, -1, 2], [0, 1, 2]]], requires_grad=True)
    out = rasterize(vertices, FACE, camera(20.0, (8, 8)), (8, 8), backend)
    assert not out.depth.requires_grad and not out.barycentric.requires_grad


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(body: FreeBody) -> None:
    vertices, k = posed(body, 4), camera(110.0, (96, 128), 4)
    here = rasterize(vertices, body.faces, k, (96, 128), 'torch')
    there = rasterize(vertices.cuda(), body.faces.cuda(), k.cuda(), (96, 128))
    assert there.depth.is_cuda
    assert (here.face_id == there.face_id.cpu()).float().mean() > 0.999
    with pytest.raises(ValueError, match='numba'):
        rasterize(vertices.cuda(), body.faces.cuda(), k.cuda(), (96, 128), 'numba')
