"""Bring exported results into Blender: people, their camera, frame rate and picture size.

In Blender (4.2 or newer), as a script:

    blender --python tools/misc/blender_import.py -- clip_world.glb
    blender -b --python tools/misc/blender_import.py -- clip.npz --frame world --save clip.blend

or with the package bpy: python tools/misc/blender_import.py clip.npz --save clip.blend

A .glb brings skinned bodies; a results.npz brings skeletons, and the exact meshes (as absolute
shape keys) if it was written with its vertices. The first frame is frame 0. Needs bpy and numpy
alone.
"""

import argparse
import json
import math
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import bpy
import numpy as np
from mathutils import Matrix

FORMAT, FORMAT_VERSION = 'whmr-results', '1'
TO_Y_UP = np.diag([1.0, -1.0, -1.0])  # from the library's axes: y down, z forward
TO_BLENDER = Matrix.Rotation(math.pi / 2, 4, 'X')  # y up to z up
BONE_LENGTH = 0.05  # m; bones point up, so that their axes are those of the body
GLB_MAGIC = 0x46546C67
PELVIS = 8  # of the 49 joints


def import_glb(path: Path, fps: float | None = None) -> int:
    """Import a .glb into the scene; returns how many frames it has.

    Raises:
        ValueError: If the file is no binary glTF, or was not made by tools/export.py.
    """
    with open(path, 'rb') as file:
        head = file.read(20)
        if len(head) < 20 or struct.unpack_from('<I', head)[0] != GLB_MAGIC:
            raise ValueError(f'{path}: no binary glTF file')
        try:
            content = json.loads(file.read(struct.unpack_from('<I', head, 12)[0]))
        except ValueError as error:
            raise ValueError(f'{path}: a damaged glTF file ({error})') from error
    notes = content['asset'].get('extras', {})
    if not {'fps', 'num_frames'} <= set(notes):
        raise ValueError(f'{path}: not made by tools/export.py (asset.extras has no fps)')
    # The importer turns seconds into frames with the scene's rate: a clip that is to run at
    # another rate is imported at its own first.
    set_timing(notes['fps'], notes['num_frames'])
    bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
    set_timing(fps or notes['fps'], notes['num_frames'])
    cameras = [thing for thing in bpy.context.selected_objects if thing.type == 'CAMERA']
    if cameras and 'image_size' in notes:
        set_camera(cameras[0], *notes['image_size'])
    return int(notes['num_frames'])


def import_npz(path: Path, space: str | None = None, fps: float | None = None) -> int:
    """Import a results.npz into the scene; returns how many frames it has.

    Raises:
        ValueError: If the file is no results file of the version that is read here, or `space` is
            not known.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f'{path}: no readable .npz file ({error})') from error
    found = (str(data.get('format')), str(data.get('format_version')))
    if found != (FORMAT, FORMAT_VERSION):
        raise ValueError(
            f'{path}: no results file of version {FORMAT_VERSION} (make one with tools/export.py '
            '--to npz)'
        )
    known = len(data['frame']) and np.isfinite(data['pelvis_world']).all()
    space = space or ('world' if known else 'camera')
    if space == 'world' and not known:
        raise ValueError(f'{path}: these results have no world; use --frame camera')
    own = float(data['fps'])
    num_frames = len(data['frame_names'])
    set_timing(fps or (own if math.isfinite(own) else 30.0), num_frames)
    bpy.context.preferences.edit.keyframe_new_interpolation_type = 'LINEAR'
    tracks = data['track_id'].tolist()
    persons = [np.flatnonzero(data['track_id'] == i) for i in sorted(set(tracks)) if i >= 0]
    persons += [np.array([row]) for row, track in enumerate(tracks) if track < 0]
    for number, rows in enumerate(persons):
        track = tracks[rows[0]]
        name = f'track{track}' if track >= 0 else f'person{number}'
        add_skeleton(data, rows, space, name, num_frames)
        if 'vertices' in data:
            add_mesh(data, rows, space, f'{name}_mesh', num_frames)
    add_camera(data, space)
    return num_frames


def set_timing(fps: float, num_frames: int) -> None:
    """Frame rate and length of the scene."""
    scene = bpy.context.scene
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps
    scene.frame_start, scene.frame_end = 0, max(0, num_frames - 1)


def set_camera(camera: bpy.types.Object, width: int, height: int) -> None:
    """Make a camera the scene's, with pictures of this size."""
    scene = bpy.context.scene
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = int(width), int(height)
    scene.render.resolution_percentage = 100


def add_skeleton(
    data: dict[str, np.ndarray], rows: np.ndarray, space: str, name: str, num_frames: int
) -> None:
    """An armature of the 24 joints, posed in every frame that the person is seen in."""
    rest = data['rest_joints'][rows].mean(axis=0).astype(float)
    names, parents = data['joint_names'].tolist(), data['joint_parents'].tolist()
    armature = bpy.data.armatures.new(name)
    thing = link(bpy.data.objects.new(name, armature))
    thing.matrix_world = TO_BLENDER
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode='EDIT')
    bones = [armature.edit_bones.new(joint) for joint in names]
    for bone, head, parent in zip(bones, rest, parents):
        bone.head, bone.tail = head, head + np.array([0, BONE_LENGTH, 0])
        bone.parent = bones[parent] if parent >= 0 else None
    bpy.ops.object.mode_set(mode='OBJECT')
    suffix = '_world' if space == 'world' else ''
    orient = TO_Y_UP @ data[f'global_orient{suffix}_rotmat'][rows].astype(float)
    turns = np.concatenate([orient, data['body_pose_rotmat'][rows]], axis=1)
    places = data[f'pelvis_{space}'][rows].astype(float) @ TO_Y_UP
    before: dict[str, Any] = {}
    for frame, turn, place in zip(data['frame'][rows].tolist(), turns, places):
        for joint, matrix in zip(names, turn):
            bone = thing.pose.bones[joint]
            bone.rotation_mode = 'QUATERNION'
            quaternion = Matrix(matrix.tolist()).to_quaternion()
            if joint in before:
                quaternion.make_compatible(before[joint])
            bone.rotation_quaternion = before[joint] = quaternion
            bone.keyframe_insert('rotation_quaternion', frame=frame)
        root = thing.pose.bones[names[0]]
        root.location = place - rest[0]
        root.keyframe_insert('location', frame=frame)
    key_presence(thing, data['frame'][rows], num_frames)


def add_mesh(
    data: dict[str, np.ndarray], rows: np.ndarray, space: str, name: str, num_frames: int
) -> None:
    """The model's own vertices: one absolute shape key per frame that the person is seen in."""
    suffix = '_world' if space == 'world' else ''
    points = data[f'vertices{suffix}'][rows].astype(float)
    pelvis = data[f'joints{suffix}'][rows, PELVIS].astype(float)
    points += (data[f'pelvis_{space}'][rows] - pelvis)[:, None]
    points = points @ TO_Y_UP
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points[0].tolist(), [], data['faces'].tolist())
    mesh.shade_smooth()
    thing = link(bpy.data.objects.new(name, mesh))
    thing.matrix_world = TO_BLENDER
    for frame, shape in zip(data['frame'][rows].tolist(), points):
        key = thing.shape_key_add(name=f'frame{frame}', from_mix=False)
        key.data.foreach_set('co', shape.reshape(-1))
    keys = mesh.shape_keys
    keys.use_relative = False
    for frame, block in zip(data['frame'][rows].tolist(), keys.key_blocks):
        block.interpolation = 'KEY_LINEAR'
        keys.eval_time = block.frame
        keys.keyframe_insert('eval_time', frame=frame)
    key_presence(thing, data['frame'][rows], num_frames)


def add_camera(data: dict[str, np.ndarray], space: str) -> None:
    """The camera that saw the people, at the origin; in the world it turns."""
    height, width = data['frame_shapes'][0].tolist()
    lens = bpy.data.cameras.new('camera')
    lens.sensor_fit = 'VERTICAL'
    lens.angle = 2 * math.atan(height / 2 / float(data['focal_length'][0]))
    lens.clip_start = 0.05
    camera = link(bpy.data.objects.new('camera', lens))
    camera.rotation_mode = 'QUATERNION'
    set_camera(camera, width, height)
    camera.rotation_quaternion = TO_BLENDER.to_quaternion()
    if space != 'world':
        return
    before = None
    for frame, rotmat in enumerate(data['world2cam_rotmat'].astype(float)):
        if not np.isfinite(rotmat).all():
            continue
        turn = Matrix((TO_Y_UP @ rotmat.T @ TO_Y_UP).tolist()).to_4x4()
        quaternion = (TO_BLENDER @ turn).to_quaternion()
        if before is not None:
            quaternion.make_compatible(before)
        camera.rotation_quaternion = before = quaternion
        camera.keyframe_insert('rotation_quaternion', frame=frame)


def key_presence(thing: bpy.types.Object, frames: np.ndarray, num_frames: int) -> None:
    """Hide somebody in the frames in which nobody saw them."""
    present = np.isin(np.arange(num_frames), frames)
    for frame in np.flatnonzero(np.diff(present, prepend=not present[0])).tolist():
        for path in ('hide_viewport', 'hide_render'):
            setattr(thing, path, not present[frame])
            thing.keyframe_insert(path, frame=frame)


def link(thing: bpy.types.Object) -> bpy.types.Object:
    """Put an object into the scene."""
    bpy.context.scene.collection.objects.link(thing)
    return thing


def main(argv: Sequence[str]) -> int:
    """Import as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog='blender_import.py', description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, help='a .glb or a results .npz of tools/export.py')
    parser.add_argument(
        '--frame', choices=('camera', 'world'), help='axes of an .npz (default: world if known)'
    )
    parser.add_argument(
        '--fps', type=float, help="frames per second (default: the file's, else 30)"
    )
    parser.add_argument('--keep', action='store_true', help='keep what is in the scene already')
    parser.add_argument('--save', type=Path, metavar='FILE.blend', help='save the scene')
    args = parser.parse_args(argv)
    if not args.keep:
        bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        if not args.file.is_file():
            raise ValueError(f'{args.file}: there is no such file')
        if args.fps is not None and not args.fps > 0:
            raise ValueError(f'--fps {args.fps}: must be above 0')
        if args.file.suffix == '.glb':
            count = import_glb(args.file, args.fps)
        else:
            count = import_npz(args.file, args.frame, args.fps)
    except KeyError as error:
        sys.stderr.write(f'error: {args.file}: has no field {error}\n')
        return 2
    except (ValueError, OSError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    if args.save is not None:
        bpy.ops.wm.save_as_mainfile(filepath=str(args.save.resolve()))
    print(f'{args.file}: {count} frames, {len(bpy.context.scene.objects)} objects')
    return 0


if __name__ == '__main__':
    # Blender hands its own arguments on; ours come after `--`.
    inside = '--' in sys.argv
    given = sys.argv[sys.argv.index('--') + 1 :] if inside else sys.argv[1:]
    code = main(given)
    if code or bpy.app.background:
        sys.exit(code)
