"""The glb read back by a small reader of its own, which follows the specification alone."""

import io
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from whmr.body_models import FreeBody
from whmr.visualization.export import (
    JOINT_NAMES,
    ResultsTable,
    SceneCamera,
    encode_glb,
    person_motions,
)

TYPES = {5121: '<u1', 5123: '<u2', 5125: '<u4', 5126: '<f4'}
SIZES = {'SCALAR': (), 'VEC3': (3,), 'VEC4': (4,), 'MAT4': (4, 4)}
FPS = 25.0


class Glb:
    """A glTF 2.0 binary, its arrays, and where its nodes are at a time."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack_from('<4sII', data)
        assert (magic, version, length) == (b'glTF', 2, len(data)) and length % 4 == 0
        size, kind = struct.unpack_from('<I4s', data, 12)
        assert kind == b'JSON' and size % 4 == 0
        self.json = json.loads(data[20 : 20 + size])
        binary_size, kind = struct.unpack_from('<I4s', data, 20 + size)
        assert kind == b'BIN\0' and 28 + size + binary_size == len(data)
        self.binary = data[28 + size :]
        assert self.json['buffers'][0]['byteLength'] == binary_size

    def array(self, index: int) -> np.ndarray:
        accessor = self.json['accessors'][index]
        view = self.json['bufferViews'][accessor['bufferView']]
        assert view['byteOffset'] % 4 == 0
        dtype, shape = TYPES[accessor['componentType']], SIZES[accessor['type']]
        data = self.binary[view['byteOffset'] : view['byteOffset'] + view['byteLength']]
        values = np.frombuffer(data, dtype).reshape(accessor['count'], *shape)
        if 'min' in accessor:
            flat = values.reshape(len(values), -1)
            assert flat.min(0).tolist() == accessor['min']
            assert flat.max(0).tolist() == accessor['max']
        return values.swapaxes(1, 2) if shape == (4, 4) else values

    def matrices(self, time: float) -> list[np.ndarray]:
        """The global 4 x 4 matrix of every node."""
        nodes = [dict(node) for node in self.json['nodes']]
        for animation in self.json.get('animations', []):
            for channel in animation['channels']:
                sampler = animation['samplers'][channel['sampler']]
                value = self.sample(sampler, channel['target']['path'], time)
                nodes[channel['target']['node']][channel['target']['path']] = value
        found: list[np.ndarray | None] = [None] * len(nodes)

        def visit(index: int, above: np.ndarray) -> None:
            node, local = nodes[index], np.eye(4)
            turn = Rotation.from_quat(node.get('rotation', [0, 0, 0, 1])).as_matrix()
            local[:3, :3] = turn * np.array(node.get('scale', [1, 1, 1]))
            local[:3, 3] = node.get('translation', [0, 0, 0])
            found[index] = above @ local
            for child in node.get('children', []):
                visit(child, found[index])

        for root in self.json['scenes'][self.json['scene']]['nodes']:
            visit(root, np.eye(4))
        return found

    def sample(self, sampler: dict, path: str, time: float) -> np.ndarray:
        times, values = self.array(sampler['input']), self.array(sampler['output'])
        time = float(np.clip(time, times[0], times[-1]))
        if sampler['interpolation'] == 'STEP':
            return values[np.searchsorted(times, time + 1e-6, side='right') - 1]
        if path == 'rotation' and len(times) > 1:
            return Slerp(times, Rotation.from_quat(values))(time).as_quat()
        columns = np.atleast_2d(values.T)
        return np.array([np.interp(time, times, column) for column in columns])

    def skinned(self, name: str, time: float) -> np.ndarray:
        """The vertices of a mesh node."""
        node = next(n for n in self.json['nodes'] if n['name'] == name)
        skin = self.json['skins'][node['skin']]
        bind = self.array(skin['inverseBindMatrices']).astype(float)
        joints = np.stack([self.matrices(time)[joint] for joint in skin['joints']]) @ bind
        attributes = self.json['meshes'][node['mesh']]['primitives'][0]['attributes']
        points = self.array(attributes['POSITION'])
        points = np.concatenate([points, np.ones((len(points), 1))], axis=1)
        out = np.zeros((len(points), 3))
        for number in range(2):
            if f'JOINTS_{number}' in attributes:
                index = self.array(attributes[f'JOINTS_{number}'])
                weight = self.array(attributes[f'WEIGHTS_{number}']).astype(float)
                for k in range(4):
                    moved = np.einsum('vij,vj->vi', joints[index[:, k]], points)[:, :3]
                    out += weight[:, k, None] * moved
        return out


def make(table: ResultsTable, body: FreeBody, space: str, influences: int = 4) -> Glb:
    motions = person_motions(table, body, space=space)
    return Glb(
        encode_glb(
            motions,
            fps=FPS,
            num_frames=table.num_frames,
            space=space,
            camera=SceneCamera.from_table(table, space=space),
            influences=influences,
        )
    )


def first_frame(table: ResultsTable) -> ResultsTable:
    """The clip's first frame alone, as for a photo."""
    per_row = [n for n in vars(table) if len(np.shape(getattr(table, n))) and n not in
               ('joint_parents', 'joint_names', 'faces')]  # fmt: skip
    rows, frames = table.frame == 0, slice(0, 1)
    is_row = {n: len(getattr(table, n)) == len(table.frame) for n in per_row}
    parts = {n: getattr(table, n)[rows if is_row[n] else frames] for n in per_row}
    return replace(table, **parts)


@pytest.mark.parametrize('space', ['camera', 'world'])
def test_joints_in_every_frame(
    table: ResultsTable, body: FreeBody, truth: dict[str, np.ndarray], space: str
) -> None:
    glb = make(table, body, space)
    for frame in range(table.num_frames):
        matrices = glb.matrices(frame / FPS)
        for track, skin in enumerate(glb.json['skins']):
            here = np.flatnonzero((table.frame == frame) & (table.track_id == track))
            points = np.stack([matrices[joint][:3, 3] for joint in skin['joints']])
            if len(here):
                assert np.abs(points - truth[space][here[0]]).max() < 1e-4
            else:
                assert np.ptp(points, axis=0).max() == 0  # scaled to nothing


def test_camera_sees_what_the_photo_shows(table: ResultsTable, body: FreeBody) -> None:
    glb = make(table, body, 'world')
    node = next(i for i, n in enumerate(glb.json['nodes']) if 'camera' in n)
    lens = glb.json['cameras'][0]['perspective']
    height, width = table.frame_shapes[0]
    assert lens['aspectRatio'] == pytest.approx(width / height)
    for frame in (0, 5):
        matrices = glb.matrices(frame / FPS)
        row = np.flatnonzero(table.frame == frame)[0]
        head = matrices[glb.json['skins'][0]['joints'][0]][:3, 3]
        seen = np.linalg.inv(matrices[node])[:3, :3] @ head
        scale = height / 2 / np.tan(lens['yfov'] / 2)
        x, y = seen[:2] / -seen[2] * scale
        pelvis = table.keypoints_2d[row, 8]
        np.testing.assert_allclose([width / 2 + x, height / 2 - y], pelvis, atol=0.05)


@pytest.mark.parametrize('influences', [4, 8])
def test_skinned_vertices(table: ResultsTable, body: FreeBody, influences: int) -> None:
    glb = make(table, body, 'world', influences)
    motion = person_motions(table, body, space='world')[0]
    linear = motion.rig.pose(motion.rotations[3:4], motion.pelvis[3:4])[0][0]
    apart = np.linalg.norm(glb.skinned('track0_mesh', 3 / FPS) - linear, axis=1)
    assert apart.max() < (0.02 if influences == 4 else 1e-4)
    assert np.median(apart) < 1e-5


def test_structure(table: ResultsTable, body: FreeBody) -> None:
    glb = make(table, body, 'world')
    content = glb.json
    assert content['asset']['version'] == '2.0'
    notes = dict(fps=FPS, num_frames=6, space='world', image_size=[1280, 720])
    assert content['asset']['extras'] == notes
    names = [content['nodes'][root]['name'] for root in content['scenes'][0]['nodes']]
    assert names == ['track0', 'track0_mesh', 'track1', 'track1_mesh', 'camera']
    for skin in content['skins']:
        assert [content['nodes'][joint]['name'] for joint in skin['joints']] == list(JOINT_NAMES)
    for mesh in content['meshes']:
        attributes = mesh['primitives'][0]['attributes']
        sums = glb.array(attributes['WEIGHTS_0']).sum(1, dtype=np.float64)
        assert np.abs(sums - 1).max() < 2e-7
        normals = np.linalg.norm(glb.array(attributes['NORMAL']), axis=1)
        assert np.abs(normals - 1).max() < 1e-5
    for sampler in content['animations'][0]['samplers']:
        values = glb.array(sampler['output'])
        if values.shape[1] == 4:
            assert np.abs(np.linalg.norm(values, axis=1) - 1).max() < 1e-6
            assert ((values[1:] * values[:-1]).sum(1) > 0).all()  # no turn the long way round


def test_one_photo_has_no_animation(
    table: ResultsTable, body: FreeBody, truth: dict[str, np.ndarray]
) -> None:
    glb = make(first_frame(table), body, 'camera')
    assert 'animations' not in glb.json
    matrices = glb.matrices(0.0)
    for number, skin in enumerate(glb.json['skins']):
        points = np.stack([matrices[joint][:3, 3] for joint in skin['joints']])
        assert np.abs(points - truth['camera'][number]).max() < 1e-4


def test_another_library_reads_it(table: ResultsTable, body: FreeBody) -> None:
    trimesh = pytest.importorskip('trimesh')
    motions = person_motions(table, body, space='camera')
    data = encode_glb(motions, fps=FPS, num_frames=6, space='camera')
    scene = trimesh.load(io.BytesIO(data), file_type='glb')
    shapes = [mesh.faces.shape for mesh in scene.geometry.values()]
    assert shapes == [(13776, 3)] * 2 and all(m.is_watertight for m in scene.geometry.values())


def test_bad_arguments(table: ResultsTable, body: FreeBody) -> None:
    motions = person_motions(table, body, space='camera')
    good = dict(fps=FPS, num_frames=6, space='camera')
    for change, message in (
        (dict(fps=0.0), 'fps=0.0: must be above 0'),
        (dict(fps=float('nan')), 'fps=nan'),
        (dict(influences=5), 'influences=5: 4 or 8'),
    ):
        with pytest.raises(ValueError, match=message):
            encode_glb(motions, **good | change)
    with pytest.raises(ValueError, match='nobody'):
        encode_glb([], **good)
    with pytest.raises(ValueError, match='one of'):
        person_motions(table, body, space='model')
    unknown = replace(table, pelvis_world=np.full_like(table.pelvis_world, np.nan))
    with pytest.raises(ValueError, match='no world'):
        person_motions(unknown, body, space='world')
