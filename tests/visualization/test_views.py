from dataclasses import replace

import numpy as np
import pytest
import torch

from whmr.geometry import pitch_roll_to_rotmat
from whmr.visualization import (
    PosedPeople,
    draw_side_view,
    draw_top_view,
    draw_world_columns,
    draw_world_view,
)
from whmr.visualization.world_columns import TITLE_HEIGHT

SHAPE = (128, 128)


def body_mask(picture: np.ndarray) -> np.ndarray:
    """Where the (blue) first person is: floor, sky and shadows are almost grey."""
    red, _, blue = (picture[..., channel].astype(int) for channel in range(3))
    return blue - red > 35


def spread(mask: np.ndarray) -> tuple[float, float]:
    """Standard deviation of a mask along columns and rows, px."""
    row, column = np.nonzero(mask)
    return float(column.std()), float(row.std())


def lying(people: PosedPeople) -> PosedPeople:
    """The same world with the body turned onto its side."""
    turn = pitch_roll_to_rotmat(torch.tensor(0.0), torch.tensor(np.pi / 2)).numpy()
    return people.with_world(people.vertices_world @ turn.T, people.world2cam_rotmat)


def test_upright_body_stands_in_the_world(make_people) -> None:
    people = make_people([[0, 0, 4.0]], [500.0])
    wide, high = spread(body_mask(draw_world_view(people, image_shape=SHAPE)))
    assert high > 2.5 * wide
    wide, high = spread(body_mask(draw_world_view(lying(people), image_shape=SHAPE, yaw=0.1)))
    assert wide > 2 * high


def test_tilted_camera_does_not_tilt_the_world(make_people) -> None:
    rotmat = pitch_roll_to_rotmat(torch.tensor(0.5), torch.tensor(0.5)).numpy()
    straight = draw_world_view(make_people([[0, 0, 4.0]], [500.0]), image_shape=SHAPE, yaw=0.3)
    tilted = make_people([[0, 0, 4.0]], [500.0], rotmat)
    wide, high = spread(body_mask(draw_world_view(tilted, image_shape=SHAPE)))
    assert high > 2.5 * wide
    # In camera space the same person leans.
    leaning = tilted.with_world(tilted.vertices, np.eye(3, dtype=np.float32))
    assert np.abs(draw_world_view(leaning, image_shape=SHAPE, yaw=0.3).astype(int) - straight).max()
    lean_wide, lean_high = spread(body_mask(draw_world_view(leaning, image_shape=SHAPE, yaw=0.0)))
    assert lean_wide / lean_high > 1.4 * wide / high


def test_feet_touch_the_floor_and_throw_a_shadow(make_people) -> None:
    people = make_people([[0, 0, 4.0]], [500.0])
    picture = draw_world_view(people, image_shape=SHAPE).astype(int)
    mask = body_mask(picture)
    row, column = np.nonzero(mask)
    assert row.max() < SHAPE[0] - 8
    floor = picture.mean(axis=-1)
    beside = floor[row.max() - 6 : row.max() + 3, :]
    assert beside[:, column.min() - 3 : column.max() + 30].min() < 0.75 * np.median(beside)
    sky = picture[4].mean(axis=0)
    assert sky[2] > sky[0]


def test_columns_share_a_viewpoint(make_people) -> None:
    people = make_people([[0, 0, 4.0]], [500.0])
    drawn = draw_world_columns({'one': people, 'two': people}, image_shape=SHAPE)
    assert drawn.shape == (SHAPE[0] + TITLE_HEIGHT, 2 * SHAPE[1], 3)
    np.testing.assert_array_equal(
        drawn[TITLE_HEIGHT:, : SHAPE[1]], drawn[TITLE_HEIGHT:, SHAPE[1] :]
    )
    assert (drawn[:TITLE_HEIGHT] < 100).any()
    other = draw_world_columns({'up': people, 'down': lying(people)}, image_shape=SHAPE)
    assert other.shape == drawn.shape
    with pytest.raises(ValueError, match='no column'):
        draw_world_columns({})


def test_viewpoint_separates_people(make_people) -> None:
    # One behind the other: straight ahead the second would be hidden.
    people = make_people([[0, 0, 4.0], [0, 0, 6.0]], [500.0, 500.0])
    chosen = draw_world_view(people, image_shape=SHAPE)
    ahead = draw_world_view(people, image_shape=SHAPE, yaw=0.0)
    share = [
        (picture[..., 1].astype(int) - picture[..., 2] > 12).sum() for picture in (chosen, ahead)
    ]
    assert share[0] > 1.5 * share[1]


def test_side_view_shows_distance(make_people) -> None:
    people = make_people([[0, 0, 3.0], [0, 0, 6.0]], [500.0, 500.0])
    picture = draw_side_view(people, image_shape=(100, 200)).astype(int)
    blue = np.nonzero(picture[..., 2] - picture[..., 0] > 30)[1].mean()
    green = np.nonzero(picture[..., 1] - picture[..., 2] > 15)[1].mean()
    assert blue < 70 and green > 130  # the camera is on the left
    picture = draw_side_view(people, image_shape=(100, 200), from_right=False).astype(int)
    assert np.nonzero(picture[..., 2] - picture[..., 0] > 30)[1].mean() > 130


def test_nobody(body) -> None:
    nobody = PosedPeople(
        np.zeros((0, 6890, 3)),
        body.faces.numpy(),
        np.zeros((0, 3)),
        np.zeros(0),
        np.zeros((0, 6890, 3)),
        world2cam_rotmat=np.eye(3),
    )
    assert np.ptp(draw_side_view(nobody, image_shape=SHAPE), axis=(0, 1)).max() == 0
    assert draw_top_view(nobody, image_shape=SHAPE).shape == (*SHAPE, 3)
    assert draw_world_view(nobody, image_shape=SHAPE).shape == (*SHAPE, 3)


def test_no_world_is_said(make_people) -> None:
    with pytest.raises(ValueError, match='world'):
        draw_world_view(make_people([[0, 0, 4.0]], [500.0], world=False))


def test_top_view_looks_ahead_upward_in_the_picture(make_people) -> None:
    # Blue is near at the left, green is far at the right.
    people = make_people([[-1.0, 0, 4.0], [1.0, 0, 7.0]], [500.0, 500.0])
    picture = draw_top_view(people, image_shape=(160, 160)).astype(int)
    blue = np.argwhere(picture[..., 2] - picture[..., 0] > 35).mean(axis=0)
    green = np.argwhere(picture[..., 1] - picture[..., 2] > 20).mean(axis=0)
    assert blue[0] > green[0] + 40 and blue[1] < green[1] - 20
    tilted = pitch_roll_to_rotmat(torch.tensor(0.4), torch.tensor(0.0)).numpy()
    upright = make_people([[0, 0, 4.0]], [500.0], tilted)
    rows, columns = (
        np.ptp(np.nonzero(body_mask(draw_top_view(people, image_shape=(160, 160))))[axis])
        for people in (upright, replace(upright, world2cam_rotmat=None))
        for axis in (0,)
    )
    assert columns > 1.3 * rows  # in camera axes the same person leans


def test_photo_camera_and_arrow_are_in_the_world(make_people, photo) -> None:
    people = make_people([[0, 0, 4.0]], [150.0])
    plain = draw_world_view(people, image_shape=SHAPE, up_arrow=False).astype(int)
    arrow = draw_world_view(people, image_shape=SHAPE).astype(int)
    red = [(picture[..., 0] - picture[..., 2] > 60) for picture in (plain, arrow)]
    assert not red[0].any()
    rows, columns = np.nonzero(red[1])
    assert np.ptp(rows) > 3 * np.ptp(columns)  # upright
    assert columns.mean() < np.nonzero(body_mask(arrow))[1].mean()  # at the left
    camera = draw_world_view(people, image_shape=SHAPE, photo=photo).astype(int)
    assert body_mask(camera).sum() < 0.8 * body_mask(arrow).sum()  # it needs its place


def test_side_view_shows_the_photos_camera_at_its_distance(make_people, photo) -> None:
    people = make_people([[0, 0, 4.0]], [150.0])
    picture = draw_side_view(people, image_shape=(100, 200), photo=photo).astype(int)
    dark = np.nonzero(picture.max(axis=-1) < 120)[1]
    person = np.nonzero(body_mask(picture))[1]
    assert dark.min() < 40 and person.min() > 120
