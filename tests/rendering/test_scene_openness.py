import numpy as np
import pytest

from whmr.rendering import sphere_points, surface_openness, vertex_normals

# Two parallel square plates, 0.1 m apart, facing each other: corners and middles.
PLATE = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1], [0, 0, 0]], dtype=float)
UP = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])  # normal toward +y or -y


def facing(faces: np.ndarray, y: float) -> np.ndarray:
    """The faces turned so that the plate's normal has the sign of `y`."""
    normal = vertex_normals(PLATE, faces)[4, 1]
    return faces if normal * y > 0 else faces[:, ::-1]


def test_a_lone_plate_is_open_and_a_gap_is_dark() -> None:
    np.testing.assert_array_equal(surface_openness(PLATE, UP), np.ones(5, np.float32))
    vertices = np.concatenate([PLATE, PLATE + [0, 0.1, 0]])
    towards = np.concatenate([facing(UP, 1.0), facing(UP, -1.0) + 5])
    away = np.concatenate([facing(UP, -1.0), facing(UP, 1.0) + 5])
    inside = surface_openness(vertices, towards, num_directions=64)
    assert inside[[4, 9]].max() < 0.15  # in the middle
    assert inside[[0, 5]].min() > inside[[4, 9]].max() + 0.2  # at the rim
    np.testing.assert_array_equal(surface_openness(vertices, away), np.ones(10, np.float32))


def test_place_and_input_do_not_matter() -> None:
    vertices = np.concatenate([PLATE, PLATE + [0.3, 0.2, 0]])
    faces = np.concatenate([facing(UP, 1.0), UP + 5])
    before = vertices.copy()
    one = surface_openness(vertices, faces)
    np.testing.assert_array_equal(vertices, before)
    np.testing.assert_allclose(surface_openness(vertices + [10, 0, -5], faces), one, atol=0.05)


@pytest.mark.parametrize('count', [12, 97])
def test_directions_are_even(count: int) -> None:
    points = sphere_points(count)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert np.linalg.norm(points.mean(axis=0)) < 0.05
    nearest = np.sort(points @ points.T, axis=1)[:, -2]
    assert nearest.min() > 0.8 * nearest.max() - 0.1


def test_normals_point_out_of_a_tetrahedron() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    normals = vertex_normals(vertices, faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    assert (np.einsum('vi,vi->v', normals, vertices - vertices.mean(axis=0)) > 0).all()
