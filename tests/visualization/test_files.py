from pathlib import Path

import cv2
import numpy as np
import pytest

from whmr.visualization import encode_obj, encode_png, save_obj, save_png


def test_png_round_trip(rng, tmp_path: Path) -> None:
    picture = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    save_png(tmp_path / 'a.png', picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'a.png'))[..., ::-1], picture)
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


@pytest.mark.parametrize('wrong', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_png_of_something_else(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match='uint8'):
        encode_png(wrong)


def test_obj_is_turned_upright_and_not_mirrored(tmp_path: Path) -> None:
    vertices = np.array([[0, 0, 2], [1, 0, 2], [0, -1.5, 2], [0, 0, 3]], dtype=np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    save_obj(tmp_path / 'a.obj', vertices, faces)
    lines = (tmp_path / 'a.obj').read_text().splitlines()
    points = np.array([line.split()[1:] for line in lines if line[0] == 'v'], dtype=float)
    triangles = np.array([line.split()[1:] for line in lines if line[0] == 'f'], dtype=int)
    np.testing.assert_allclose(points, vertices * [1, -1, -1])  # a half turn about x
    assert points[2, 1] == 1.5  # what was above (y < 0) is above
    np.testing.assert_array_equal(triangles, faces + 1)


@pytest.mark.parametrize(
    ('vertices', 'faces'),
    [(np.zeros((3, 2)), np.zeros((1, 3), int)), (np.zeros((3, 3)), np.array([[0, 1, 3]]))],
)
def test_obj_of_something_else(vertices, faces) -> None:
    with pytest.raises(ValueError, match='encode_obj'):
        encode_obj(vertices, faces)
