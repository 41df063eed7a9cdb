"""Import exported files into Blender and write down what is where in every frame.

Runs in a Python that has `bpy`, and knows nothing of whmr: python blender_joints.py OUT.npz FPS
FRAMES FILE... (.glb, .npz and .bvh; `clip.npz@camera` takes an .npz in camera space). OUT.npz has,
for all frames, metres, y up:

    FILE/ARMATURE/JOINT       (FRAMES, 3) positions
    FILE/ARMATURE/JOINT/px    (FRAMES, 2) pixels in the scene's camera
    FILE/ARMATURE/scale       (FRAMES, 3)
    FILE/MESH/vertices        (V, 3) in the last frame
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blender_import import import_glb, import_npz


def y_up(points: np.ndarray) -> np.ndarray:
    """Points of Blender's z-up world in y-up axes."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def import_file(name: str, fps: float) -> int:
    """Import into an empty scene; returns the Blender frame of the file's first frame."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    path, _, space = name.partition('@')
    if path.endswith('.glb'):
        import_glb(Path(path), fps)
        return 0
    if path.endswith('.npz'):
        import_npz(Path(path), space or None, fps)
        return 0
    bpy.ops.import_anim.bvh(
        filepath=path, axis_forward='-Z', axis_up='Y', frame_start=1, use_fps_scale=False
    )
    return 1


def things(kind: str) -> list[bpy.types.Object]:
    """The scene's objects of a kind, such as 'MESH'."""
    return [thing for thing in bpy.context.scene.objects if thing.type == kind]


def poses(first: int, num_frames: int) -> Iterator[tuple[str, np.ndarray]]:
    """(armature/joint, position, pixel) and (armature/scale, scale) in each frame."""
    scene = bpy.context.scene
    for frame in range(num_frames):
        scene.frame_set(first + frame)
        for armature in things('ARMATURE'):
            for bone in armature.pose.bones:
                head = armature.matrix_world @ bone.head
                yield f'{armature.name}/{bone.name}', y_up(np.array(head))
                if scene.camera:
                    x, y, _ = world_to_camera_view(scene, scene.camera, head)
                    size = scene.render.resolution_x, scene.render.resolution_y
                    yield (
                        f'{armature.name}/{bone.name}/px',
                        np.array([x * size[0], (1 - y) * size[1]]),
                    )
            yield f'{armature.name}/scale', np.array(armature.scale)


def meshes() -> Iterator[tuple[str, np.ndarray]]:
    """(mesh/vertices, positions) in the current frame."""
    graph = bpy.context.evaluated_depsgraph_get()
    for thing in things('MESH'):
        shown = thing.evaluated_get(graph)
        points = np.array([shown.matrix_world @ v.co for v in shown.to_mesh().vertices])
        yield f'{thing.name}/vertices', y_up(points)


def main(out: str, fps: str, num_frames: str, *files: str) -> None:
    """Record all files."""
    recorded: dict[str, np.ndarray] = {}
    for file in files:
        first = import_file(file, float(fps))
        rows: dict[str, list[np.ndarray]] = {}
        for name, value in poses(first, int(num_frames)):
            rows.setdefault(name, []).append(value)
        for name, values in [*rows.items(), *meshes()]:
            recorded[f'{Path(file).name}/{name}'] = np.array(values)
    np.savez(out, **recorded)


if __name__ == '__main__':
    main(*sys.argv[1:])
