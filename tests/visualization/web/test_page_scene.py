import base64
import gzip
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from whmr.apis import gather_results
from whmr.body_models import FreeBody
from whmr.testing import clip_results
from whmr.visualization.export import (
    ResultsTable,
    exact_meshes,
    person_motions,
    strongest_weights,
)
from whmr.visualization.web import page_scene

TO_Y_UP = np.array([1, -1, -1])


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def table(body: FreeBody) -> ResultsTable:
    return gather_results(clip_results(4, 2, absent=(1, 2)), body)


def rest_positions(scene: dict) -> np.ndarray:
    """(V, 3) of the first mesh of the scene's glb."""
    glb = gzip.decompress(base64.b64decode(scene['glb']))
    (length,) = struct.unpack('<I', glb[12:16])
    head, data = json.loads(glb[20 : 20 + length]), glb[28 + length :]
    accessor = head['accessors'][head['meshes'][0]['primitives'][0]['attributes']['POSITION']]
    view = head['bufferViews'][accessor['bufferView']]
    start = view.get('byteOffset', 0) + accessor.get('byteOffset', 0)
    return np.frombuffer(data, '<f4', 3 * accessor['count'], start).reshape(-1, 3)


def turn(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Vectors turned by unit quaternions x, y, z, w."""
    axis, real = quaternion[..., :3], quaternion[..., 3:]
    across = 2 * np.cross(axis, vector)
    return vector + real * across + np.cross(axis, across)


def test_mesh_of_one_photo_is_exact(body: FreeBody) -> None:
    table = gather_results(clip_results(1, 1), body)
    [motion] = person_motions(table, body, space='world')
    exact = exact_meshes(table, body, motion.rows, space='world')[0] * TO_Y_UP
    few = strongest_weights(motion.rig.weights, 4).dense(24)

    def error(rest: np.ndarray) -> float:
        rig = replace(motion.rig, vertices=rest.astype(float), weights=few)
        shown = rig.pose(motion.rotations, motion.pelvis)[0][0]
        return float(np.linalg.norm(shown - exact, axis=1).max())

    assert error(rest_positions(page_scene(table, body, fps=30))) < 1e-4
    assert error(motion.rig.vertices) > 5e-3  # what a skinned mesh shows otherwise


def test_people(table: ResultsTable, body: FreeBody) -> None:
    named = np.char.add('private/', table.frame_names)
    scene = page_scene(replace(table, frame_names=named), body, fps=10)
    assert scene['space'] == 'world' and scene['fps'] == 10
    assert scene['frameNames'][3] == 'clip.mp4#3'
    first, second = scene['people']
    assert first['frames'] == [0, 1, 2, 3] and second['frames'] == [0, 3]
    assert (first['name'], first['label']) == ('track0', 'Person 1')
    assert 1.3 < first['height'] < 2.1
    rows = np.flatnonzero(table.track_id == 0)
    np.testing.assert_allclose(first['distance'], table.pelvis_camera[rows, 2], atol=1e-4)
    np.testing.assert_allclose(first['places'], table.pelvis_world[rows] * TO_Y_UP, atol=1e-4)


def test_orientations(table: ResultsTable, body: FreeBody) -> None:
    """`seen` is the camera-space orientation, whatever was made of it in the world."""
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)
    turned = replace(table, global_orient_rotmat=table.global_orient_rotmat @ quarter)
    [person, _] = page_scene(turned, body, fps=10)['people']
    rows = np.flatnonzero(table.track_id == 0)
    ahead = np.array([0.0, 0, 1])
    for name, model in (('world', np.eye(3)), ('seen', quarter)):
        wanted = (table.global_orient_world_rotmat[rows, 0] @ model @ ahead) * TO_Y_UP
        got = turn(np.array(person[name]), np.tile(ahead, (len(rows), 1)))
        np.testing.assert_allclose(got, wanted, atol=1e-3)


def test_floor_is_under_the_lowest_point(body: FreeBody) -> None:
    table = gather_results(clip_results(1, 3), body)
    scene = page_scene(table, body, fps=30)
    meshes = exact_meshes(table, body, np.arange(3), space='world') * TO_Y_UP
    lowest = meshes[..., 1].min(axis=1)
    np.testing.assert_allclose(
        [person['lowest'][0] for person in scene['people']], lowest, atol=2e-5
    )
    assert scene['ground'] == pytest.approx(lowest.min(), abs=2e-5)


def test_cameras(table: ResultsTable, body: FreeBody) -> None:
    scene = page_scene(replace(table, focal_source=None), body, fps=10)
    assert len(scene['cameras']) == 4
    lens = scene['cameras'][2]
    assert (lens['width'], lens['height']) == (1280, 720)
    assert lens['focal'] == pytest.approx(1100) and lens['roll'] == pytest.approx(0.02)
    assert (lens['focalSource'], lens['rotationSource']) == ('unknown', 'predicted')


def test_without_a_world(body: FreeBody) -> None:
    clip = clip_results(2, 1)
    for photo in clip:
        for name in ('global_orient_world_rotmat', 'joints_world', 'world2cam_rotmat', 'pitch'):
            getattr(photo, name)[...] = np.nan
    scene = page_scene(gather_results(clip, body), body, fps=10)
    assert scene['space'] == 'camera' and scene['cameras'][0]['pitch'] is None
    [person] = scene['people']
    assert person['seen'] == person['world']


def test_nobody(body: FreeBody) -> None:
    scene = page_scene(gather_results(clip_results(2, 1, absent=(0, 1)), body), body, fps=10)
    assert scene['people'] == [] and scene['glb'] is None and len(scene['cameras']) == 2
