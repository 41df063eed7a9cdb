"""Pixels land where the labels say, in the crop and in the whole photo."""

import cv2
import numpy as np
import pytest

from whmr.datasets.transforms import (
    CropPerson,
    GetBox,
    ResizeFull,
    apply_flip,
    apply_roll,
    warp_photo,
)
from whmr.geometry import apply_affine, invert_affine

SHAPE = (300, 400)


def dotted_photo(points: np.ndarray, sigma: float, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A black photo with a soft bright dot at each point (continuous pixels)."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    photo = np.zeros(shape)
    for px, py in points:
        photo += np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
    return np.repeat(np.uint8(np.clip(photo, 0, 1) * 255)[..., None], 3, 2)


def dot_near(picture: np.ndarray, point: np.ndarray, radius: int) -> np.ndarray:
    """Where the dot near a point really is: the centre of its brightness."""
    col, row = (int(v) for v in point)
    top, left = max(row - radius, 0), max(col - radius, 0)
    part = picture[top : row + radius + 1, left : col + radius + 1, 0].astype(float)
    y, x = np.mgrid[: part.shape[0], : part.shape[1]] + 0.5
    total = part.sum()
    assert total > 0, f'no dot near {point}'
    return np.array([(part * x).sum(), (part * y).sum()]) / total + (left, top)


def dotted_row(rng: np.random.Generator, sigma: float) -> dict:
    """A sample with 49 keypoints, each of which is a dot in the photo."""
    grid = np.stack(np.meshgrid(np.linspace(60, 340, 7), np.linspace(50, 250, 7)), -1)
    points = grid.reshape(-1, 2) + rng.uniform(-4, 4, (49, 2))
    row = dict(
        ori_shape=SHAPE, img=dotted_photo(points, sigma), bbox=np.array([90, 60, 310, 240.0])
    )
    row |= dict(keypoints_2d=points.astype('f4'), keypoints_2d_conf=np.ones(49, 'f4'))
    intrinsics = np.array([[500, 0, 215], [0, 500, 140], [0, 0, 1]], 'f4')
    return row | dict(intrinsics=intrinsics, has_focal_length=True)


MOTIONS = {
    'none': lambda row: row,
    'roll': lambda row: apply_roll(row, 0.35),
    'flip': apply_flip,
    'both': lambda row: apply_flip(apply_roll(row, -0.5)),
}


@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize(
    ('crop_shape', 'sigma'),
    [((256, 192), 1.5), ((224, 224), 1.5), ((300, 225), 1.5), ((64, 48), 2.5)],
)
def test_dots_land_on_the_keypoints_of_the_crop(rng, motion, crop_shape, sigma) -> None:
    row = MOTIONS[motion](GetBox()(dotted_row(rng, sigma)))
    row = CropPerson(crop_shape)(row)
    assert row['crop'].shape == (*crop_shape, 3)
    wanted = apply_affine(invert_affine(row['crop2full']), row['keypoints_2d'].astype('f8'))
    scale = max(crop_shape) / row['bbox_size']
    radius = int(np.ceil(4 * sigma * scale))
    height, width = crop_shape
    inside = ((wanted > radius + 1) & (wanted < np.array([width, height]) - radius - 1)).all(1)
    assert inside.sum() >= 9
    for point in wanted[inside]:
        assert np.abs(dot_near(row['crop'], point, radius) - point).max() < 0.1


@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize(
    ('short_side', 'limit'), [(300, None), (600, None), (150, None), (300, 320)]
)
def test_dots_land_on_the_keypoints_of_the_full_photo(rng, motion, short_side, limit) -> None:
    row = MOTIONS[motion](GetBox()(dotted_row(rng, 3.0)))
    row = ResizeFull(short_side, limit)(row)
    scale = min(short_side / 300, (limit or 1e9) / 400)
    assert row['full'].shape[:2] == (round(300 * scale), round(400 * scale))
    height, width = row['full'].shape[:2]
    wanted = row['keypoints_2d'] * (width / 400, height / 300)
    radius = int(np.ceil(12 * scale))
    inside = ((wanted > radius + 1) & (wanted < np.array([width, height]) - radius - 1)).all(1)
    assert inside.sum() >= 25
    for point in wanted[inside]:
        assert np.abs(dot_near(row['full'], point, radius) - point).max() < 0.1


def test_identity_is_exact(rng) -> None:
    photo = rng.integers(0, 256, (128, 96, 3), np.uint8)
    row = dict(img=photo, ori_shape=(128, 96), bbox_center=np.array([48.0, 64.0]), bbox_size=128.0)
    row = ResizeFull(96)(CropPerson((128, 96))(row))
    assert np.array_equal(row['crop'], photo)
    assert np.array_equal(row['full'], photo)
    assert np.array_equal(row['crop2full'], [[1, 0, 0], [0, 1, 0]])
    row = apply_flip(row)
    row = ResizeFull(96)(CropPerson((128, 96))(row))
    assert np.array_equal(row['crop'], photo[:, ::-1])
    assert np.array_equal(row['full'], photo[:, ::-1])


def test_a_quarter_turn_is_exact(rng) -> None:
    photo = rng.integers(0, 256, (64, 64, 3), np.uint8)
    row = dict(img=photo, ori_shape=(64, 64), bbox_center=np.array([32.0, 32.0]), bbox_size=64.0)
    row = CropPerson((64, 64))(apply_roll(row, np.pi / 2))
    assert np.array_equal(row['crop'], np.rot90(photo, -1))  # clockwise on the screen


def test_crop2full_round_trip(rng) -> None:
    row = apply_roll(GetBox()(dotted_row(rng, 1.5)), 0.3)
    affine = CropPerson((256, 192))(row)['crop2full']
    points = rng.uniform(0, 256, (20, 2))
    assert np.allclose(apply_affine(invert_affine(affine), apply_affine(affine, points)), points)
    assert np.allclose(apply_affine(affine, np.array([96.0, 128.0])), row['bbox_center'])
    span = apply_affine(affine, np.array([[0.0, 0.0], [0.0, 256.0]]))
    assert np.isclose(span[1, 1] - span[0, 1], row['bbox_size'])


def test_outside_of_the_photo_is_black() -> None:
    photo = np.full((50, 50, 3), 255, np.uint8)
    row = dict(img=photo, ori_shape=(50, 50), bbox_center=np.array([0.0, 25.0]), bbox_size=100.0)
    crop = CropPerson((100, 100))(row)['crop']
    assert not crop[:, :49].any()
    assert not crop[:24].any()
    assert (crop[26:74, 51:99] == 255).all()
    far = dict(row, bbox_center=np.array([-500.0, 25.0]))
    assert not CropPerson((100, 100))(far)['crop'].any()


@pytest.mark.parametrize('shrink', [1.5, 2.4, 3.3, 7.2])
def test_shrinking_does_not_alias(shrink: float) -> None:
    """A fine checkerboard must become grey; plain bilinear sampling shows a pattern instead."""
    board = np.uint8((np.indices((700, 700)).sum(0) % 2) * 255)
    board = np.repeat(board[..., None], 3, 2)
    affine = np.array([[shrink, 0, 0.0], [0, shrink, 0.0]])
    inner = slice(5, -5)
    side = int(690 / shrink)
    smooth = warp_photo(board, affine, (side, side))[inner, inner].astype(float)
    assert smooth.std() < 10
    assert abs(smooth.mean() - 127) < 3
    raw = warp_photo(board, affine, (side, side), antialias=False)[inner, inner].astype(float)
    assert smooth.std() < raw.std()


def test_whole_shrinkage_is_the_area_mean(rng) -> None:
    photo = rng.integers(0, 256, (90, 120, 3), np.uint8)
    small = warp_photo(photo, np.array([[3.0, 0, 0], [0, 3.0, 0]]), (30, 40))
    mean = photo.reshape(30, 3, 40, 3, 3).mean((1, 3))
    assert np.abs(small - mean).max() <= 1
    border = warp_photo(photo, np.array([[4.0, 0, 0], [0, 4.0, 0]]), (23, 30))
    assert np.abs(border[:22] - photo[:88].reshape(22, 4, 30, 4, 3).mean((1, 3))).max() <= 1
    assert np.abs(border[22] - photo[88:].reshape(2, 30, 4, 3).sum((0, 2)) / 16).max() <= 1


def test_enlarging_is_plain_bilinear(rng) -> None:
    photo = rng.integers(0, 256, (40, 60, 3), np.uint8)
    large = warp_photo(photo, np.array([[0.5, 0, 0], [0, 0.5, 0]]), (80, 120))
    expected = cv2.resize(photo, (120, 80), interpolation=cv2.INTER_LINEAR)
    # OpenCV's resize repeats the border pixels, ours fades to black there.
    gap = np.abs(large[2:-2, 2:-2].astype(int) - expected[2:-2, 2:-2])
    assert gap.max() <= 2


@pytest.mark.parametrize('shape', [(0, 3), (3,), (2.5, 4), (-1, 5)])
def test_wrong_crop_shapes_are_refused(shape) -> None:
    with pytest.raises(ValueError, match='crop_shape must be'):
        CropPerson(shape)


def test_wrong_sides_are_refused() -> None:
    with pytest.raises(ValueError, match='sides must be positive'):
        ResizeFull(0)
    with pytest.raises(ValueError, match='sides must be positive'):
        ResizeFull(600, 0)
