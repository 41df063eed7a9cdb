"""The surface atlas, the clothes painted on it, the ground, and the effects of a camera."""

import cv2
import numpy as np
import pytest
import torch

from whmr.datasets.synthetic.clothing import Wardrobe
from whmr.datasets.synthetic.effects import apply_effects, encode_jpeg
from whmr.datasets.synthetic.ground_textures import GroundTextures
from whmr.datasets.synthetic.surface_atlas import SurfaceAtlas


@pytest.fixture(scope='module')
def rest(body):
    """The body's rest pose."""
    return body(torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 69))


@pytest.fixture(scope='module')
def atlas(body, rest) -> SurfaceAtlas:
    """The atlas of the bundled body."""
    return SurfaceAtlas(body, rest.vertices[0].numpy())


def test_texels_lie_where_the_faces_are(body, rest, atlas) -> None:
    size = np.array(atlas.shape)[::-1]
    faces = body.faces.numpy()
    centers = rest.vertices[0].numpy()[faces].mean(1)
    texel = np.floor(atlas.face_uv.mean(1) * size).astype(int)
    found = atlas.positions[texel[:, 1], texel[:, 0]]
    distance = np.linalg.norm(found - centers, axis=1)
    assert np.median(distance) < 0.005
    # Fingers, toes and ears are crowded in their charts, where they share few texels.
    plain = ~np.isin(body.atlas.part.numpy(), (3, 4, 5, 6, 23, 24))
    assert np.percentile(distance[plain], 99) < 0.025
    assert (atlas.parts[texel[:, 1], texel[:, 0]] == body.atlas.part.numpy()).all()
    assert np.isfinite(atlas.positions).all()


def test_outfits_differ_and_follow_the_seed(atlas, rest) -> None:
    wardrobe = Wardrobe(atlas, rest.joints[0].numpy())
    first = wardrobe(np.random.default_rng(1))
    assert first.dtype == np.uint8
    assert first.shape == (*atlas.shape, 3)
    assert np.array_equal(first, Wardrobe(atlas, rest.joints[0].numpy())(np.random.default_rng(1)))
    others = [wardrobe(np.random.default_rng(seed)) for seed in range(2, 6)]
    assert all(np.abs(first.astype(int) - other).mean() > 10 for other in others)


def test_hands_and_face_have_one_skin(atlas, rest) -> None:
    wardrobe = Wardrobe(atlas, rest.joints[0].numpy())
    alike = []
    for seed in range(10):
        texture = wardrobe(np.random.default_rng(seed)).astype(float)
        hands = texture[np.isin(atlas.parts, (3, 4))].mean(0)
        cheeks = (atlas.positions[..., 2] > 0.15) & (atlas.positions[..., 1] > 0.54)
        cheeks &= (atlas.positions[..., 1] < 0.57) & np.isin(atlas.parts, (23, 24))
        alike.append(np.abs(texture[cheeks].mean(0) - hands).max() < 30)
    assert np.mean(alike) >= 0.8  # gloves and beards are rare


def test_ground_tiles_are_seamless() -> None:
    textures = GroundTextures()
    for seed in range(12):
        tile, side = textures(np.random.default_rng(seed))
        assert tile.shape == (256, 256, 3)
        assert 0.5 < side < 5
        values = tile.astype(float).mean(2)
        inside = np.abs(np.diff(values, axis=0)).mean(1)
        seam = np.abs(values[0] - values[-1]).mean()
        assert seam <= inside.max() + 2


def test_effects_follow_the_seed_and_keep_the_picture(rng: np.random.Generator) -> None:
    picture = cv2.GaussianBlur(rng.integers(0, 256, (60, 80, 3)).astype(np.uint8), (0, 0), 5)
    before = picture.copy()
    first = apply_effects(picture, np.random.default_rng(4))
    assert np.array_equal(picture, before)
    assert np.array_equal(first, apply_effects(picture, np.random.default_rng(4)))
    means = [apply_effects(picture, np.random.default_rng(s)).mean() for s in range(20)]
    assert np.std(means) > 5
    assert abs(np.mean(means) - picture.mean()) < 30


def test_jpeg_is_rgb() -> None:
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[..., 0] = 200
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(red, 95), np.uint8), cv2.IMREAD_COLOR)
    assert decoded[8, 8, 2] > 190  # mmcv and cv2 read BGR
    assert decoded[8, 8, 0] < 10
