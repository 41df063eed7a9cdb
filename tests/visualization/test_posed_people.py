import numpy as np
import pytest

from whmr.geometry import pitch_roll_to_rotmat
from whmr.visualization import PosedPeople


def test_one_person_keeps_its_place(make_people) -> None:
    people = make_people([[0.3, 0.1, 4.0]], [777.0])
    assert people.shared_focal_length == 777.0
    np.testing.assert_allclose(people.camera_meshes(), people.vertices + people.cam_t[:, None])


def test_distances_follow_the_shared_focal_length(make_people) -> None:
    people = make_people([[0, 0, 4.0], [1, 0, 4.0], [2, 0, 4.0]], [500.0, 1000.0, 2000.0])
    assert people.shared_focal_length == 1000.0
    # The same distance at half the focal length means half the size: really twice as far away.
    np.testing.assert_allclose(people.shared_cam_t, [[0, 0, 8], [1, 0, 4], [2, 0, 2]])


def test_world_places_pelvis_by_the_camera_rotation(make_people) -> None:
    import torch

    rotmat = pitch_roll_to_rotmat(torch.tensor(0.5), torch.tensor(-0.3)).numpy()
    people = make_people([[0.4, -0.2, 5.0]], [1000.0], rotmat)
    # The camera-space mesh turned back is the world mesh: the person is upright in the world.
    turned = people.camera_meshes() @ rotmat
    np.testing.assert_allclose(people.world_meshes(), turned, atol=1e-5)


def test_dropping_to_the_ground(make_people) -> None:
    people = make_people([[0, 0, 4.0], [1, -0.7, 5.0]], [1000.0, 1000.0])
    lowest = people.world_meshes()[..., 1].max(axis=1)
    assert lowest[0] - lowest[1] == pytest.approx(0.7, abs=1e-5)
    dropped = people.world_meshes(on_ground=True)[..., 1].max(axis=1)
    np.testing.assert_allclose(dropped, lowest[0], atol=1e-6)


def test_other_world(make_people) -> None:
    people = make_people([[0, 0, 4.0]], [1000.0])
    other = people.with_world(people.vertices_world + 1, np.eye(3))
    np.testing.assert_allclose(other.world_meshes(), people.world_meshes() + 1, atol=1e-6)


def test_no_world_is_said(make_people) -> None:
    people = make_people([[0, 0, 4.0]], [1000.0], world=False)
    assert not people.has_world
    with pytest.raises(ValueError, match='there is no world'):
        people.world_meshes()


@pytest.mark.parametrize(
    ('field', 'value'),
    [('cam_t', np.zeros((2, 3))), ('focal_length', np.zeros((1, 1))), ('pelvis', np.zeros(3))],
)
def test_wrong_shapes_are_named(field: str, value: np.ndarray) -> None:
    arrays = {'cam_t': np.zeros((1, 3)), 'focal_length': np.ones(1), field: value}
    with pytest.raises(ValueError, match=field):
        PosedPeople(np.zeros((1, 4, 3)), np.zeros((1, 3), dtype=int), **arrays)
