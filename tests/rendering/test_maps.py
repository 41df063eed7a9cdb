"""Label maps: part, surface coordinates and depth of what is seen."""

import numpy as np
import pytest
import torch

from whmr.body_models import BodyAtlas, FreeBody
from whmr.rendering import RasterOutput, rasterize, render_maps


@pytest.fixture(scope='module')
def body() -> FreeBody:
    """The free body."""
    return FreeBody()


def view(body: FreeBody, shape: tuple[int, int] = (96, 72), turn: float = 0.0) -> RasterOutput:
    """The mean body, turned about its vertical axis, in the middle of an image."""
    h, w = shape
    mean = body.mean_params
    c, s = np.cos(turn), np.sin(turn)
    turned = mean.global_orient @ torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]]).float()
    shift = torch.tensor([[0, 0.1, 4.0]])
    vertices = body(mean.betas[None], turned[None], mean.body_pose[None], shift).vertices
    k = torch.tensor([[[2.0 * h, 0, w / 2], [0, 2.0 * h, h / 2], [0, 0, 1]]])
    return rasterize(vertices, body.faces, k, shape)


def tiny_atlas() -> BodyAtlas:
    """Two faces."""
    uv = np.array([[[0, 0], [1, 0], [0, 1]], [[0.2, 0.2], [0.4, 0.2], [0.2, 0.8]]])
    return BodyAtlas(np.array([3, 24]), uv, topology='tiny')


def test_values_are_looked_up_and_interpolated() -> None:
    weight = torch.tensor([[[[0.5, 0.25, 0.25], [0, 0, 0]], [[0, 1, 0], [0.2, 0.3, 0.5]]]])
    raster = RasterOutput(
        face_id=torch.tensor([[[0, -1], [1, 1]]]),
        barycentric=weight,
        depth=torch.tensor([[[2.0, 0], [3, 4]]]),
    )
    maps = render_maps(raster, tiny_atlas())
    assert maps.iuv_index.tolist() == [[[3, 0], [24, 24]]]
    assert maps.iuv_index.dtype == torch.int64
    expected = torch.tensor([[[[0.25, 0], [0.4, 0.26]], [[0.25, 0], [0.2, 0.5]]]])
    torch.testing.assert_close(maps.iuv_uv, expected)
    assert torch.equal(maps.depth, raster.depth[:, None])


def test_atlas_of_fewer_faces_is_refused() -> None:
    raster = RasterOutput(torch.full((1, 1, 1), 2), torch.zeros(1, 1, 1, 3), torch.ones(1, 1, 1))
    with pytest.raises(ValueError, match=r"face 2.*'tiny' has 2 faces"):
        render_maps(raster, tiny_atlas())


def test_empty_picture_is_background(body: FreeBody) -> None:
    raster = RasterOutput(torch.full((2, 4, 5), -1), torch.zeros(2, 4, 5, 3), torch.zeros(2, 4, 5))
    index, uv, depth = render_maps(raster, body.atlas)
    assert index.shape == (2, 4, 5) and uv.shape == (2, 2, 4, 5) and depth.shape == (2, 1, 4, 5)
    assert not index.any() and not uv.any() and not depth.any()
    none = RasterOutput(*(x[:0] for x in raster))
    assert render_maps(none, body.atlas).iuv_uv.shape == (0, 2, 4, 5)


def test_maps_of_a_body_equal_the_atlas_at_the_hit(body: FreeBody) -> None:
    """Part and (u, v) at a pixel are the atlas's at the point where the pixel's ray meets skin."""
    shape = (96, 72)
    h, w = shape
    raster = view(body, shape)
    maps = render_maps(raster, body.atlas)
    assert torch.equal(maps.iuv_index > 0, raster.face_id >= 0)
    mean = body.mean_params
    out = body(mean.betas[None], mean.global_orient[None], mean.body_pose[None])
    corners = (out.vertices[0] + torch.tensor([0, 0.1, 4.0])).double()[body.faces]
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = torch.linalg.cross(ab, ac)
    pixels = (raster.face_id[0] >= 0).nonzero()
    for row, column in np.random.default_rng(0).permutation(pixels)[:30].tolist():
        d = torch.tensor([column + 0.5 - w / 2, row + 0.5 - h / 2, 2.0 * h]).double() / (2 * h)
        slope = normal @ d
        depth = (a * normal).sum(dim=1) / slope
        offset = torch.linalg.cross(d.expand_as(a), -a)
        v, u = (ac * offset).sum(dim=1) / slope, -(ab * offset).sum(dim=1) / slope
        inside = (v >= 0) & (u >= 0) & (v + u <= 1)
        face = int(torch.where(inside, depth, torch.inf).argmin())
        weight = torch.stack([1 - v - u, v, u], dim=1)[face].float()
        assert maps.iuv_index[0, row, column] == body.atlas.part[face]
        expected = weight @ body.atlas.uv[face]
        torch.testing.assert_close(maps.iuv_uv[0, :, row, column], expected, atol=1e-3, rtol=0)
        assert float(maps.depth[0, 0, row, column]) == pytest.approx(float(depth[face]), abs=1e-3)


@pytest.mark.parametrize(('turn', 'seen', 'hidden'), [(0.0, 2, 1), (np.pi, 1, 2)])
def test_front_and_back_of_the_torso(body: FreeBody, turn: float, seen: int, hidden: int) -> None:
    index = render_maps(view(body, turn=turn), body.atlas).iuv_index
    assert (index == seen).sum() > 20 * (index == hidden).sum()


def test_left_hand_is_on_the_right_of_the_picture(body: FreeBody) -> None:
    index = render_maps(view(body, (192, 144)), body.atlas).iuv_index[0]
    columns = torch.arange(144).expand(192, 144).float()
    assert columns[index == 4].mean() > 72 > columns[index == 3].mean()  # 4: left hand, 3: right


def test_values_are_in_range(body: FreeBody) -> None:
    maps = render_maps(view(body), body.atlas)
    assert maps.iuv_uv.min() >= 0 and maps.iuv_uv.max() <= 1
    assert maps.iuv_index.min() == 0 and maps.iuv_index.max() <= 24
    seen = maps.depth[maps.depth > 0]
    assert 3.5 < seen.min() and seen.max() < 4.5
