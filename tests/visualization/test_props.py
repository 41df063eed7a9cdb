import numpy as np
import pytest

from whmr.visualization.props import MAX_EDGE, arrow_mesh, photo_camera, tube_mesh


def test_a_tube_has_its_radius_and_faces_outward() -> None:
    mesh = tube_mesh(np.array([[0, 0, 0], [0, -2.0, 0]]), np.array([0.1, 0.1]), (1, 0, 0))
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices[:, [0, 2]], axis=1), 0.1)
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum('fi,fi->f', normals[:, [0, 2]], corners.mean(axis=1)[:, [0, 2]]) > 0).all()


def test_an_arrow_is_thin_and_ends_in_its_tip() -> None:
    mesh = arrow_mesh(np.zeros(3), np.array([0, -1.0, 0]), (1, 0, 0))
    tip = mesh.vertices[:, 1] < -0.999
    np.testing.assert_allclose(mesh.vertices[tip], np.tile([0, -1.0, 0], (tip.sum(), 1)), atol=1e-9)
    assert np.abs(mesh.vertices[:, [0, 2]]).max() < 0.06


@pytest.mark.parametrize('turned', [False, True])
def test_the_photos_corners_lie_on_their_rays(make_people, turned: bool) -> None:
    people = make_people([[0, 0, 4.0]], [100.0])
    photo = np.zeros((60, 80, 3), np.uint8)
    rotmat = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]) if turned else np.eye(3)
    meshes = photo_camera(
        people,
        photo,
        placed=people.camera_meshes(),
        world2cam_rotmat=rotmat,
        picture_side=4000,
    )
    corners = meshes[-1].vertices
    np.testing.assert_allclose(np.linalg.norm(corners, axis=1).max(), MAX_EDGE, rtol=0.8)
    seen = corners @ rotmat.T
    pixels = 100 * seen[:, :2] / seen[:, 2:] + [40, 30]
    np.testing.assert_allclose(pixels, [[0, 0], [80, 0], [80, 60], [0, 60]], atol=1e-6)


def test_no_camera_far_away_or_without_people(make_people) -> None:
    photo = np.zeros((60, 80, 3), np.uint8)
    people = make_people([[0, 0, 40.0]], [100.0])
    settings = dict(world2cam_rotmat=np.eye(3), picture_side=400)
    assert photo_camera(people, photo, placed=people.camera_meshes(), **settings) == []
    nobody = make_people([], [])
    assert photo_camera(nobody, photo, placed=nobody.camera_meshes(), **settings) == []
