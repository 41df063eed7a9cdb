"""Animated people as one `.glb` file (glTF 2.0, binary)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whmr.version import __version__
from whmr.visualization.export.axes import rotmat_to_quaternion
from whmr.visualization.export.body_rig import JOINT_NAMES, BodyRig
from whmr.visualization.export.glb_builder import INDEX_DATA, VERTEX_DATA, GlbBuilder
from whmr.visualization.export.person_motion import PersonMotion
from whmr.visualization.export.scene_camera import SceneCamera
from whmr.visualization.export.skin_weights import strongest_weights
from whmr.visualization.palette import person_color

INFLUENCES = (4, 8)


@dataclass(frozen=True)
class _Clip:
    """An animation while it is written; `times` keeps accessors, for many channels share them."""

    glb: GlbBuilder
    fps: float
    channels: list[dict[str, Any]]
    samplers: list[dict[str, Any]]
    times: dict[bytes, int]

    def move(
        self, node: int, path: str, frames: np.ndarray, values: np.ndarray, *, step: bool = False
    ) -> None:
        key = frames.tobytes()
        if key not in self.times:
            seconds = (frames / self.fps).astype(np.float32)
            self.times[key] = self.glb.array(seconds, bounds=True)
        output = self.glb.array(values.astype(np.float32))
        interpolation = 'STEP' if step else 'LINEAR'
        sampler = {'input': self.times[key], 'output': output, 'interpolation': interpolation}
        self.samplers.append(sampler)
        target = {'node': node, 'path': path}
        self.channels.append({'sampler': len(self.samplers) - 1, 'target': target})


def encode_glb(
    motions: Sequence[PersonMotion],
    *,
    fps: float,
    num_frames: int,
    space: str,
    camera: SceneCamera | None = None,
    influences: int = 4,
) -> bytes:
    """People as skinned meshes with their skeletons, in metres, y up.

    Each person is a node tree of its own: `NAME` with the 24 joints below it, named as in the set
    `smpl24`, and beside it the mesh `NAME_mesh`. The pelvis is moved and turned, the other joints
    are turned. With more than one frame there is one animation, `motion`; nodes at rest show the
    first frame. A person who is not there in a frame is scaled to nothing.

    Args:
        motions: The people.
        fps: Frames per second.
        num_frames: Length of the animation; frames without people count.
        space: What the axes are, for the notes in the file: 'camera' or 'world'.
        camera: The camera that saw them, if it is to be in the scene.
        influences: 4 joints per vertex, which every program reads, or 8, two sets of 4.

    Raises:
        ValueError: If an argument is out of its range, or there is nobody.
    """
    check_rate(fps)
    if influences not in INFLUENCES:
        raise ValueError(f'influences={influences}: 4 or 8')
    if not motions:
        raise ValueError('there is nobody in these results: nothing to put into a .glb file')
    glb = GlbBuilder(f'whmr {__version__}')
    clip = _Clip(glb, fps, [], [], {})
    shared = _shared_arrays(glb, motions[0].rig, influences)
    roots = []
    for number, motion in enumerate(motions):
        roots += _add_person(clip, motion, shared, person_color(number), num_frames)
    if camera is not None:
        roots.append(_add_camera(clip, camera))
    glb.add('scenes', {'name': f'{space} space', 'nodes': roots})
    if num_frames > 1:
        glb.add(
            'animations', {'name': 'motion', 'channels': clip.channels, 'samplers': clip.samplers}
        )
    extras = {'fps': fps, 'num_frames': num_frames, 'space': space}
    if camera is not None:
        extras['image_size'] = list(camera.image_size)
    return glb.to_bytes(extras=extras)


def check_rate(fps: float) -> None:
    """Make sure that it is a frame rate.

    Raises:
        ValueError: If it is not.
    """
    if not 0 < fps < 10000:
        raise ValueError(f'fps={fps}: must be above 0')


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals, the mean of the faces around a vertex weighted by their areas.

    Shapes: vertices: (V, 3).  faces: (F, 3).  returns: (V, 3), (0, 1, 0) for a loose vertex.
    """
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    unit = normals / np.where(length > 0, length, 1)
    return np.where(length > 0, unit, np.array([0.0, 1.0, 0.0]))


def _shared_arrays(glb: GlbBuilder, rig: BodyRig, influences: int) -> dict[str, int]:
    """Accessors that the meshes of all people use: triangles, joints, weights."""
    few = strongest_weights(rig.weights, influences)
    kind = np.uint16 if len(rig.vertices) < 2**16 - 1 else np.uint32
    shared = {'indices': glb.array(rig.faces.reshape(-1).astype(kind), target=INDEX_DATA)}
    for number in range(influences // 4):
        part = slice(4 * number, 4 * number + 4)
        shared[f'JOINTS_{number}'] = glb.array(few.joints[:, part], target=VERTEX_DATA)
        shared[f'WEIGHTS_{number}'] = glb.array(few.weights[:, part], target=VERTEX_DATA)
    return shared


def _add_person(
    clip: _Clip, motion: PersonMotion, shared: dict[str, int], color: np.ndarray, num_frames: int
) -> list[int]:
    """Add one person; returns the nodes that the scene shows."""
    glb, rig = clip.glb, motion.rig
    turns = rotmat_to_quaternion(motion.rotations)
    first = glb.count('nodes')
    bones = rig.bones()
    for joint, name in enumerate(JOINT_NAMES):
        children = [first + i for i, parent in enumerate(rig.parents) if parent == joint]
        place = motion.pelvis[0] if joint == 0 else bones[joint]
        node: dict[str, Any] = {
            'name': name,
            'translation': place.astype(np.float32).tolist(),
            'rotation': turns[0, joint].astype(np.float32).tolist(),
        }
        glb.add('nodes', node | ({'children': children} if children else {}))
        if num_frames > 1:
            clip.move(first + joint, 'rotation', motion.frames, turns[:, joint])
    if num_frames > 1:
        clip.move(first, 'translation', motion.frames, motion.pelvis)
    root = glb.add('nodes', {'name': motion.name, 'children': [first]})
    present = np.isin(np.arange(num_frames), motion.frames)
    if not present.all():
        changes = np.flatnonzero(np.diff(present, prepend=not present[0]))
        scale = np.repeat(present[changes, None], 3, axis=1)
        clip.move(root, 'scale', changes, scale, step=True)
    skin = _add_skin(glb, rig, first, motion.name)
    mesh = _add_mesh(glb, rig, shared, color, motion.name)
    return [root, glb.add('nodes', {'name': f'{motion.name}_mesh', 'mesh': mesh, 'skin': skin})]


def _add_skin(glb: GlbBuilder, rig: BodyRig, first: int, name: str) -> int:
    to_joint = np.tile(np.eye(4, dtype=np.float32), (len(rig.joints), 1, 1))
    to_joint[:, :3, 3] = -rig.joints
    joints = list(range(first, first + len(rig.joints)))
    bind = glb.array(to_joint)
    skin = {'name': name, 'joints': joints, 'skeleton': first, 'inverseBindMatrices': bind}
    return glb.add('skins', skin)


def _add_mesh(
    glb: GlbBuilder, rig: BodyRig, shared: dict[str, int], color: np.ndarray, name: str
) -> int:
    points = rig.vertices.astype(np.float32)
    normals = vertex_normals(rig.vertices, rig.faces).astype(np.float32)
    attributes = {key: value for key, value in shared.items() if key != 'indices'}
    attributes['POSITION'] = glb.array(points, target=VERTEX_DATA, bounds=True)
    attributes['NORMAL'] = glb.array(normals, target=VERTEX_DATA)
    surface = {
        'baseColorFactor': [*(round(float(value), 4) for value in color), 1.0],
        'metallicFactor': 0.0,
        'roughnessFactor': 0.7,
    }
    material = glb.add('materials', {'name': name, 'pbrMetallicRoughness': surface})
    primitive = {'attributes': attributes, 'indices': shared['indices'], 'material': material}
    return glb.add('meshes', {'name': name, 'primitives': [primitive]})


def _add_camera(clip: _Clip, camera: SceneCamera) -> int:
    width, height = camera.image_size
    lens = {'yfov': camera.vfov, 'aspectRatio': width / height, 'znear': 0.05}
    turns = rotmat_to_quaternion(camera.rotations)
    node = clip.glb.add(
        'nodes',
        {
            'name': 'camera',
            'camera': clip.glb.add(
                'cameras', {'name': 'camera', 'type': 'perspective', 'perspective': lens}
            ),
            'rotation': turns[0].astype(np.float32).tolist(),
        },
    )
    if len(turns) > 1:
        clip.move(node, 'rotation', np.arange(len(turns)), turns)
    return node
