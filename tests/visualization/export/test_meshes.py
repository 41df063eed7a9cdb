import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from whmr.body_models import FreeBody
from whmr.visualization.export import (
    ResultsTable,
    encode_ply,
    exact_meshes,
    person_motions,
    skinning_difference,
    strongest_weights,
)
from whmr.visualization.export.axes import rotmat_to_quaternion

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 2.5]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def test_ply() -> None:
    data = encode_ply(VERTICES, FACES, color=np.array([1.0, 0.5, 0.0]))
    header, _, body = data.partition(b'end_header\n')
    assert header.startswith(b'ply\nformat binary_little_endian 1.0\n')
    assert b'element vertex 4\n' in header and b'element face 2\n' in header
    points = np.frombuffer(body[: 4 * 15], dtype=[('p', '<f4', 3), ('c', 'u1', 3)])
    np.testing.assert_array_equal(points['p'], VERTICES * [1, -1, -1])
    assert points['c'].tolist() == [[255, 128, 0]] * 4
    faces = np.frombuffer(body[4 * 15 :], dtype=[('n', 'u1'), ('f', '<i4', 3)])
    assert faces['n'].tolist() == [3, 3] and faces['f'].tolist() == FACES.tolist()


@pytest.mark.parametrize(
    ('vertices', 'faces'), [(VERTICES[:, :2], FACES), (VERTICES, FACES + 2), (VERTICES, FACES - 1)]
)
def test_ply_refuses_what_is_no_mesh(vertices: np.ndarray, faces: np.ndarray) -> None:
    with pytest.raises(ValueError, match='encode_ply'):
        encode_ply(vertices, faces, color=np.ones(3))


def test_quaternions(rng: np.random.Generator) -> None:
    turns = Rotation.random(200, random_state=1)
    half = Rotation.from_rotvec(np.pi * np.eye(3))
    matrices = np.concatenate([turns.as_matrix(), half.as_matrix(), np.eye(3)[None]])
    found = rotmat_to_quaternion(matrices[None])[0]
    np.testing.assert_allclose(Rotation.from_quat(found).as_matrix(), matrices, atol=1e-12)
    angle = np.linspace(0, 4 * np.pi, 50)
    turning = Rotation.from_rotvec(angle[:, None] * [[0, 1, 0]]).as_matrix()
    smooth = rotmat_to_quaternion(turning)
    assert ((smooth[1:] * smooth[:-1]).sum(1) > 0.9).all()


def test_strongest_weights() -> None:
    weights = np.array([[0.5, 0.1, 0.2, 0.15, 0.05], [0, 0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25, 0]])
    few = strongest_weights(weights, 4)
    assert few.residual == pytest.approx(0.05)
    assert few.joints.tolist() == [[0, 2, 3, 1], [2, 0, 0, 0], [0, 1, 2, 3]]
    np.testing.assert_allclose(few.weights[0], np.array([0.5, 0.2, 0.15, 0.1]) / 0.95, rtol=1e-6)
    assert strongest_weights(weights, 5).residual == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match='influences=6'):
        strongest_weights(weights, 6)


@pytest.mark.parametrize('space', ['camera', 'world'])
def test_exact_meshes(table: ResultsTable, body: FreeBody, space: str) -> None:
    """Stored vertices and those of the parameters are the same mesh in the same place."""
    rows = np.array([1, 4, 9])
    stored = exact_meshes(table, body, rows, space=space)
    suffix = '_world' if space == 'world' else ''
    given = getattr(table, f'vertices{suffix}')[rows]
    bare = ResultsTable(**{**vars(table), 'vertices': None, 'vertices_world': None})
    np.testing.assert_allclose(exact_meshes(bare, body, rows, space=space), stored, atol=2e-6)
    again = exact_meshes(bare, body, rows, space=space, vertices=given)
    np.testing.assert_array_equal(again, stored)
    if space == 'camera':
        place = table.cam_t[rows][:, None]  # all people have the shared focal length here
        np.testing.assert_allclose(stored, given + place, atol=2e-6)


def test_difference_is_that_of_the_pose_correctives(table: ResultsTable, body: FreeBody) -> None:
    motion = person_motions(table, body, space='camera')[0]
    exact = exact_meshes(table, body, motion.rows, space='camera')
    picked = np.arange(len(motion.rows))
    away = skinning_difference(motion, exact, picked, influences=8)
    assert away.shape == (6, 6890) and 1e-4 < away.mean() < 0.02 and away.max() < 0.2
    stiff = motion.rig.pose(motion.rotations, motion.pelvis)[0] * [1, -1, -1]
    assert skinning_difference(motion, stiff, picked, influences=8).max() < 1e-5
