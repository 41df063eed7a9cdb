import numpy as np
import pytest
import torch

from whmr.geometry import pitch_roll_to_rotmat
from whmr.visualization import (
    PICTURES,
    check_pictures,
    draw_figure,
    draw_pictures,
    draw_world_columns,
    orientation_variants,
)
from whmr.visualization.comparison import CORRECTED, MULTIPLIED, UNCORRECTED
from whmr.visualization.panels import Panel, compose_page
from whmr.visualization.text import Text, draw_texts


def tilt() -> np.ndarray:
    return pitch_roll_to_rotmat(torch.tensor(0.5), torch.tensor(-0.2)).numpy()


def solid(color: int):
    return lambda shape: np.full((*shape, 3), color, np.uint8)


def test_panels_fill_the_width_in_equal_heights() -> None:
    rows = [[Panel('a', 2.0, solid(10)), Panel('b', 1.0, solid(60))], [Panel('c', 6.0, solid(110))]]
    page = compose_page(rows, width=600)
    assert page.shape[1] == 600
    boxes = {}
    for color in (10, 60, 110):
        row, column = np.nonzero((page == color).all(axis=-1))
        boxes[color] = (row.min(), row.max() + 1, column.min(), column.max() + 1)
    one, two, three = boxes[10], boxes[60], boxes[110]
    assert one[:2] == two[:2]
    assert (one[3] - one[2]) == pytest.approx(2 * (two[3] - two[2]), abs=2)
    assert one[2] == three[2] and two[3] == three[3] == 600 - one[2]
    assert (three[3] - three[2]) / (three[1] - three[0]) == pytest.approx(6, rel=0.03)
    between = page[one[1] : three[0], one[2] : one[3]]
    assert (between < 128).any()  # the caption
    with pytest.raises(ValueError, match='few'):
        compose_page(rows, width=5)
    with pytest.raises(ValueError, match='every row'):
        compose_page([[]])


def test_before_is_tilted_and_after_is_not(make_people) -> None:
    people = make_people([[0.2, 0, 4.0]], [500.0], tilt())
    variants = orientation_variants(people)
    assert list(variants) == [UNCORRECTED, MULTIPLIED, CORRECTED]
    up = {
        title: world.vertices_world[0, world.vertices_world[0, :, 1].argmin()]
        for title, world in variants.items()
    }
    # The true orientation is level, so undoing the true camera's rotation finds it exactly.
    np.testing.assert_allclose(
        variants[MULTIPLIED].vertices_world, people.vertices_world, atol=2e-3
    )
    np.testing.assert_array_equal(variants[UNCORRECTED].vertices_world, people.vertices)
    assert variants[CORRECTED] is people
    assert np.abs(up[UNCORRECTED] - up[CORRECTED]).max() > 0.1
    # No world turns the camera: people stay where the camera saw them.
    place = people.camera_meshes().mean(axis=1) @ tilt()
    np.testing.assert_allclose(variants[MULTIPLIED].world_meshes().mean(axis=1), place, atol=0.05)
    with pytest.raises(ValueError, match='no world'):
        orientation_variants(make_people([[0, 0, 4.0]], [500.0], world=False))


def test_compare_shows_the_difference(make_people) -> None:
    people = make_people([[0.2, 0, 4.0]], [500.0], tilt())
    drawn = draw_world_columns(orientation_variants(people), image_shape=(96, 96))
    before, undone, after = np.split(drawn[-96:].astype(int), 3, axis=1)
    assert np.abs(undone - after).mean() < 1
    assert np.abs(before - after).mean() > 5


@pytest.mark.parametrize('size', [(120, 160), (160, 100)])
def test_figure_has_every_panel(make_people, rng, size) -> None:
    photo = rng.integers(90, 160, (*size, 3), dtype=np.uint8)
    people = make_people([[-0.5, 0, 4.0], [0.5, 0, 5.0]], [150.0, 150.0], tilt())
    figure = draw_figure(photo, people, width=500)
    assert figure.shape[1] == 500 and figure.dtype == np.uint8
    np.testing.assert_array_equal(figure, draw_figure(photo, people, width=500))
    without = draw_figure(photo, make_people([[0, 0, 4.0]], [150.0], world=False), width=500)
    assert without.shape != figure.shape
    nobody = draw_figure(photo, make_people([], []), width=500)
    assert nobody.shape[1] == 500


def test_pictures_by_name(make_people, photo) -> None:
    people = make_people([[0, 0, 4.0]], [150.0], tilt())
    with pytest.raises(ValueError, match="unknown pictures \\['portrait'\\]"):
        check_pictures(['overlay', 'portrait'])
    names = [name for name in PICTURES if name != 'figure']
    drawn = draw_pictures(photo, people, names, max_side=80)
    assert list(drawn) == names
    for name in ('overlay', 'wireframe', 'skeleton', 'names', 'boxes', 'horizon'):
        assert drawn[name].shape == (60, 80, 3)
    without = make_people([[0, 0, 4.0]], [150.0], world=False)
    asked = ('world', 'overlay', 'horizon', 'compare')
    assert list(draw_pictures(photo, without, asked)) == ['overlay']


@pytest.mark.parametrize(
    ('anchor', 'rows', 'columns'), [('lt', (40, 60), (50, 100)), ('rb', (20, 41), (0, 51))]
)
def test_text_lies_at_its_anchor(anchor, rows, columns) -> None:
    black = np.zeros((80, 100, 3), np.uint8)
    drawn = draw_texts(black, [Text('Hp', (50, 40), 16, anchor=anchor)])
    row, column = np.nonzero(drawn.any(axis=-1))
    assert rows[0] <= row.min() and row.max() < rows[1] + 1
    assert columns[0] <= column.min() and column.max() < columns[1]
    assert np.abs(np.ptp(column) + 1 - Text('Hp', (0, 0), 16).width) < 4
    assert not black.any() and draw_texts(black, []) is black
