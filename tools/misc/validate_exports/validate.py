"""Check exported files in the programs they are for: Khronos's validator, three.js and Blender.

Makes a clip of three people (one of them away for a while), exports it in camera and world space,
and compares what they show with the body model's own joints, projections and meshes. The meshes
of a .glb are compared with linear skinning: it has no pose correctives.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import numpy as np
import torch

from whmr.apis import ExportOptions, export_results, gather_results
from whmr.apis.results_source import ResultsSource
from whmr.body_models import BodyModel, FreeBody
from whmr.testing import clip_results
from whmr.visualization.export import JOINT_NAMES, SPACES, ResultsTable, person_motions

HERE = Path(__file__).resolve().parent
FPS = 25.0
MAX_MM = 1.0  # joints and vertices
MAX_PX = 0.5


def make_files(folder: Path, num_frames: int) -> tuple[ResultsTable, BodyModel]:
    """Export a clip as .npz (with meshes), .glb and .bvh, in both spaces."""
    body = FreeBody()
    clip = clip_results(num_frames, 3, absent=(num_frames // 3, num_frames // 2 - 1))
    table = gather_results(clip, body, fps=FPS, meshes=True)
    for space in SPACES:
        options = ExportOptions(kinds=('npz', 'glb', 'bvh'), space=space, influences=8)
        export_results(ResultsSource(table, body), folder, 'clip', options=options)
    return table, body


def expected(
    table: ResultsTable, body: BodyModel, space: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each row must look like, from the body model alone.

    Shapes: R rows, V vertices.
        returns: joints (R, 24, 3) and vertices (R, V, 3) m, y up; pixels (R, 24, 2).
    """
    suffix = '_world' if space == 'world' else ''
    orient = getattr(table, f'global_orient{suffix}_rotmat')
    inputs = (table.betas, orient, table.body_pose_rotmat)
    posed = body(*(torch.from_numpy(part) for part in inputs))
    joints = posed.joints[:, :24].double().numpy()
    place = (getattr(table, f'pelvis_{space}') - joints[:, 0])[:, None]
    joints, vertices = joints + place, posed.vertices.double().numpy() + place
    seen = joints
    if space == 'world':
        seen = np.einsum('rij,rkj->rki', table.world2cam_rotmat[table.frame], joints)
    pixels = np.einsum('rij,rkj->rki', table.intrinsics[table.frame], seen)
    flip = np.array([1, -1, -1])
    return joints * flip, vertices * flip, pixels[..., :2] / pixels[..., 2:]


def run_validator(node_modules: str, files: Sequence[Path]) -> bool:
    """Khronos's validator; True if it finds neither error nor warning."""
    command = ['node', str(HERE / 'validate_gltf.js'), node_modules, *map(str, files)]
    return subprocess.run(command, check=False).returncode == 0


def validate_three(
    node_modules: str, folder: Path, table: ResultsTable, body: BodyModel
) -> list[tuple[str, float, float]]:
    """What three.js shows of the .glb files, as `compare` does it.

    Raises:
        subprocess.CalledProcessError: If it cannot load a file.
    """
    found = []
    for space in SPACES:
        file = str(folder / f'clip_{space}.glb')
        script = str(HERE / 'three_joints.mjs')
        command = ['node', script, node_modules, file, str(FPS), str(table.num_frames)]
        shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        joints, _, _ = expected(table, body, space)
        worst = 0.0
        for track in np.unique(table.track_id):
            rows = np.flatnonzero(table.track_id == track)
            apart = np.array(shown[f'track{track}_mesh'])[table.frame[rows]] - joints[rows]
            worst = max(worst, float(1000 * np.linalg.norm(apart, axis=-1).max()))
        found.append((f'glb in three.js, {space} space, joints, mm', worst, MAX_MM))
    return found


def run_blender(python: str, folder: Path, num_frames: int, files: Sequence[str]) -> Path:
    """Let Blender import the files; returns what it recorded.

    Raises:
        RuntimeError: If Blender fails.
    """
    out = folder / 'blender.npz'
    script = str(HERE / 'blender_joints.py')
    command = [python, script, str(out), str(FPS), str(num_frames), *files]
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or not out.is_file():
        raise RuntimeError(f'Blender failed:\n{done.stdout}\n{done.stderr}')
    return out


def compare(
    recorded: dict[str, np.ndarray], table: ResultsTable, body: BodyModel
) -> list[tuple[str, float, float]]:
    """(what, largest difference, most allowed) of everything that Blender has shown."""
    found = []
    for space in SPACES:
        joints, vertices, pixels = expected(table, body, space)
        skinned = {
            motion.name: motion.rig.pose(motion.rotations[-1:], motion.pelvis[-1:])[0][0]
            for motion in person_motions(table, body, space=space)
        }
        for kind in ('glb', 'npz', 'bvh'):
            worst = {'joints, mm': 0.0, 'pixels': 0.0, 'vertices, mm': 0.0}
            for track in np.unique(table.track_id):
                rows = np.flatnonzero(table.track_id == track)
                frames = table.frame[rows]
                base = {
                    'glb': f'clip_{space}.glb/track{track}',
                    'npz': f'clip.npz@{space}/track{track}',
                    'bvh': f'clip_track{track}_{space}.bvh/clip_track{track}_{space}',
                }[kind]
                shown = frames - frames[0] if kind == 'bvh' else frames
                for number, name in enumerate(JOINT_NAMES):
                    apart = recorded[f'{base}/{name}'][shown] - joints[rows, number]
                    _raise(worst, 'joints, mm', 1000 * np.linalg.norm(apart, axis=-1).max())
                    if kind != 'bvh':
                        off = recorded[f'{base}/{name}/px'][shown] - pixels[rows, number]
                        _raise(worst, 'pixels', np.abs(off).max())
                if kind != 'bvh':
                    want = vertices[rows[-1]] if kind == 'npz' else skinned[f'track{track}']
                    apart = recorded[f'{base}_mesh/vertices'] - want
                    _raise(worst, 'vertices, mm', 1000 * np.linalg.norm(apart, axis=-1).max())
                if kind == 'glb':
                    there = np.isin(np.arange(table.num_frames), frames)
                    scale = recorded[f'{base}/scale']
                    _raise(worst, 'joints, mm', 1000 * np.abs(scale - there[:, None]).max())
            limits = {'joints, mm': MAX_MM, 'vertices, mm': MAX_MM, 'pixels': MAX_PX}
            found += [
                (f'{kind}, {space} space, {what}', value, limits[what])
                for what, value in worst.items()
                if kind != 'bvh' or what.startswith('joints')
            ]
    return found


def _raise(worst: dict[str, float], what: str, value: float) -> None:
    worst[what] = max(worst[what], float(value))


def validate_blender(python: str, folder: Path, num_frames: int) -> list[tuple[str, float, float]]:
    """Export, import into Blender, compare; see `compare`."""
    table, body = make_files(folder, num_frames)
    files = [f'clip_{space}.glb' for space in SPACES] + [f'clip.npz@{space}' for space in SPACES]
    files += sorted(path.name for path in folder.glob('*.bvh'))
    out = run_blender(python, folder, num_frames, files)
    with np.load(out, allow_pickle=False) as recorded:
        return compare(dict(recorded), table, body)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks; returns 0 if all hold, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--blender-python', help='a Python that has bpy')
    parser.add_argument(
        '--node-modules', help='folder with the npm packages gltf-validator and three'
    )
    parser.add_argument('--frames', type=int, default=24, help='length of the clip (default: 24)')
    args = parser.parse_args(argv)
    if not args.blender_python and not args.node_modules:
        parser.error('give --blender-python, --node-modules, or both')
    good, found = True, []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if args.node_modules:
            table, body = make_files(folder, args.frames)
            good &= run_validator(args.node_modules, sorted(folder.glob('*.glb')))
            found += validate_three(args.node_modules, folder, table, body)
        if args.blender_python:
            found += validate_blender(args.blender_python, folder, args.frames)
    for what, value, limit in found:
        good &= value < limit
        print(f'{what}: {value:.4f} (limit {limit:g})')
    print('all good' if good else 'FAILED')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
