from dataclasses import replace

import cv2
import numpy as np
import pytest

from whmr.visualization import PosedPeople, draw_overlay, person_color, render_overlay


def coverage(people: PosedPeople, index: int, shape: tuple[int, int]) -> np.ndarray:
    """Share of each pixel that one person covers by its own camera, filled by OpenCV."""
    height, width = shape
    placed = people.vertices[index] + people.cam_t[index]
    pixels = people.focal_length[index] * placed[:, :2] / placed[:, 2:] + [width / 2, height / 2]
    canvas = np.zeros((height * 8, width * 8), dtype=np.uint8)
    for face in (pixels[people.faces] * 8 - 0.5).round().astype(np.int32):
        cv2.fillConvexPoly(canvas, face, 1)
    return canvas.reshape(height, 8, width, 8).mean(axis=(1, 3))


def outline(people: PosedPeople, index: int, shape: tuple[int, int]) -> np.ndarray:
    """Mask of one person by its own camera."""
    return coverage(people, index, shape) > 0.5


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize(('focal', 'place'), [(150, [0.1, -0.05, 3]), (60, [-0.4, 0.1, 2])])
def test_mask_is_the_projection(make_people, photo, focal, place) -> None:
    people = make_people([place], [focal])
    drawn = render_overlay(photo, people).alpha
    wanted = coverage(people, 0, photo.shape[:2])
    assert np.minimum(drawn, wanted).sum() / np.maximum(drawn, wanted).sum() > 0.9
    assert drawn.sum() == pytest.approx(wanted.sum(), rel=0.04)
    row, column = np.indices(drawn.shape)
    for axis in (row, column):
        middle = [(mask * axis).sum() / mask.sum() for mask in (drawn, wanted)]
        assert abs(middle[0] - middle[1]) < 0.3  # px


def test_everyone_is_projected_by_the_own_focal_length(make_people, photo) -> None:
    people = make_people([[-1.0, 0, 4], [0.9, 0.1, 9]], [150, 400])
    drawn = render_overlay(photo, people)
    for index in range(2):
        assert iou(drawn.mesh_id == index, outline(people, index, photo.shape[:2])) > 0.93


@pytest.mark.parametrize('near', [0, 1])
def test_the_nearer_person_hides_the_other(make_people, photo, near) -> None:
    places = [[0.1, 0, 5.0], [0.1, 0, 5.0]]
    places[near][2] = 3.5
    people = make_people(places, [150, 150])
    drawn = render_overlay(photo, people)
    both = outline(people, 0, photo.shape[:2]) & outline(people, 1, photo.shape[:2])
    inner = cv2.erode(both.astype(np.uint8), np.ones((3, 3))) > 0
    assert inner.sum() > 100
    assert (drawn.mesh_id[inner] == near).all()


def test_who_is_nearer_follows_from_the_sizes(make_people, photo) -> None:
    # Person 0 claims to be nearer, but by a focal length that makes it the smaller one.
    people = make_people([[0.02, 0, 3.0], [0, 0, 4.0]], [80, 160])
    drawn = render_overlay(photo, people)
    both = outline(people, 0, photo.shape[:2]) & outline(people, 1, photo.shape[:2])
    inner = cv2.erode(both.astype(np.uint8), np.ones((3, 3))) > 0
    assert inner.sum() > 50
    assert (drawn.mesh_id[inner] == 1).mean() > 0.99


def test_colours_opacity_and_background(make_people, photo) -> None:
    people = make_people([[-0.6, 0, 4.0], [0.6, 0, 4.0]], [150, 150])
    solid, clear = (draw_overlay(photo, people, opacity=o).astype(float) for o in (1.0, 0.0))
    np.testing.assert_array_equal(clear, photo)
    drawn = render_overlay(photo, people)
    outside = drawn.alpha == 0
    np.testing.assert_array_equal(solid[outside], photo[outside])
    for index in range(2):
        mean = solid[drawn.mesh_id == index].mean(axis=0)
        hue = person_color(index)
        assert np.corrcoef(mean, hue)[0, 1] > 0.9
    half = draw_overlay(photo, people, opacity=0.5)
    np.testing.assert_allclose(half, (solid + photo) / 2, atol=1)


def test_shrunk_photo_keeps_the_alignment(make_people, photo) -> None:
    people = make_people([[0.1, 0, 3.0]], [150])
    large = cv2.resize(photo, (320, 240))
    scaled = make_people([[0.1, 0, 3.0]], [300])
    small = draw_overlay(large, scaled, max_side=160)
    assert small.shape == photo.shape
    shrunk = cv2.resize(large, (160, 120), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(small, draw_overlay(shrunk, people), atol=1)


def test_nobody_leaves_the_photo_alone(body, photo) -> None:
    nobody = PosedPeople(np.zeros((0, 6890, 3)), body.faces.numpy(), np.zeros((0, 3)), np.zeros(0))
    np.testing.assert_array_equal(draw_overlay(photo, nobody), photo)


def test_first_colours_are_far_apart() -> None:
    colors = np.stack([person_color(index) for index in range(8)])
    distance = np.linalg.norm(colors[:, None] - colors[None], axis=-1) + np.eye(8)
    assert distance.min() > 0.12
    np.testing.assert_array_equal(person_color(8), person_color(0))


def test_colours_follow_the_people_and_not_their_order(make_people, photo) -> None:
    people = make_people([[-0.5, 0, 4.0], [0.5, 0, 4.0]], [150, 150])
    left, right = (outline(people, index, photo.shape[:2]) for index in range(2))
    drawn, swapped = (
        draw_overlay(photo, replace(people, numbers=np.array(numbers))).astype(int)
        for numbers in ([4, 1], [1, 4])
    )
    np.testing.assert_array_equal(
        draw_overlay(photo, replace(people, numbers=np.array([0, 1]))), draw_overlay(photo, people)
    )
    colors = 255 * (person_color(4) - person_color(1))
    for where, sign in ((left, 1), (right, -1)):
        change = (drawn - swapped)[where].mean(axis=0)
        assert np.corrcoef(change, sign * colors)[0, 1] > 0.99


@pytest.mark.parametrize('layer', ['wireframe', 'boxes'])
def test_layers_stay_where_people_are(make_people, photo, layer) -> None:
    people = make_people([[0.1, 0, 3.0]], [150])
    drawn = draw_overlay(photo, people, layers=(layer,))
    changed = np.abs(drawn.astype(int) - photo).max(axis=-1) > 0
    assert changed.sum() > 100
    rows, columns = np.nonzero(outline(people, 0, photo.shape[:2]))
    row, column = np.nonzero(changed)
    assert rows.min() - 5 <= row.min() and row.max() <= rows.max() + 5
    assert columns.min() - 5 <= column.min() and column.max() <= columns.max() + 5


def test_hidden_edges_are_left_out(make_people, photo) -> None:
    one, two = (
        make_people(places, [150] * len(places))
        for places in ([[0.1, 0, 3.0]], [[0.1, 0, 3.0], [0.1, 0, 3.6]])
    )
    front, both = (draw_overlay(photo, people, layers=('wireframe',)) for people in (one, two))
    inner = cv2.erode(outline(one, 0, photo.shape[:2]).astype(np.uint8), np.ones((7, 7))) > 0
    assert inner.sum() > 100
    np.testing.assert_array_equal(front[inner], both[inner])
    assert (front != both).any()


def test_missing_parts_are_said(make_people, photo) -> None:
    people = make_people([[0.1, 0, 3.0]], [150])
    with pytest.raises(ValueError, match="unknown layers \\['bones'\\]"):
        draw_overlay(photo, people, layers=('bones',))
    with pytest.raises(ValueError, match='joints'):
        draw_overlay(photo, replace(people, joints=None), layers=('skeleton',))
    with pytest.raises(ValueError, match='boxes'):
        draw_overlay(photo, replace(people, boxes=None), layers=('boxes',))


def test_a_person_behind_the_camera_or_outside_changes_nothing(make_people, photo) -> None:
    for place in ([0.0, 0.0, -3.0], [50.0, 0.0, 3.0]):
        people = make_people([place], [150])
        np.testing.assert_array_equal(draw_overlay(photo, people), photo)
