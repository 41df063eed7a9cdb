"""What the web page shows in 3D."""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from whmr.body_models import BodyModel
from whmr.visualization.export import (
    PersonMotion,
    ResultsTable,
    SceneCamera,
    encode_glb,
    exact_meshes,
    person_motions,
    strongest_weights,
)
from whmr.visualization.export.axes import TO_Y_UP, points_y_up, rotmat_to_quaternion
from whmr.visualization.palette import person_color

INFLUENCES = 4  # joints per vertex, as a web page's graphics want it
CHUNK = 32  # frames that are skinned at once
DIGITS = 5


def page_scene(table: ResultsTable, body_model: BodyModel, *, fps: float) -> dict[str, Any]:
    """The people, their floor and their camera, as the page's script reads them.

    People are an animated glb in the world where it is known, else before the camera. The world's
    floor lies where the lowest point of the people is, in the median over the frames that have
    any. Each person carries both orientations, so that the view through the camera shows what the
    camera-space model estimated and the free view what the world is.

    Args:
        table: The results.
        body_model: The body that they are of.
        fps: Frames per second.

    Raises:
        BodyMismatchError: If the results are of another body.
        ValueError: If the results have no frame, or the body has another number of betas.
    """
    if not table.num_frames:
        raise ValueError('these results have no frame: there is nothing to show')
    space = 'world' if table.has_world else 'camera'
    motions = person_motions(table, body_model, space=space)
    if table.num_frames == 1:
        motions = [_exact(motion, table, body_model, space) for motion in motions]
    scene: dict[str, Any] = {
        'space': space,
        'fps': fps,
        # Whoever gets the page shall not learn where the photos lie.
        'frameNames': [Path(name).name for name in table.frame_names.tolist()],
        'cameras': [_lens(table, frame) for frame in range(table.num_frames)],
        'people': [],
        'glb': None,
        'ground': None,
    }
    if not motions:
        return scene
    lowest = [_lowest(motion) for motion in motions]
    scene['people'] = [
        _person(table, motion, number, lowest[number]) for number, motion in enumerate(motions)
    ]
    scene['ground'] = _ground(motions, lowest, table.num_frames)
    glb = encode_glb(
        motions,
        fps=fps,
        num_frames=table.num_frames,
        space=space,
        camera=SceneCamera.from_table(table, space=space),
        influences=INFLUENCES,
    )
    scene['glb'] = base64.b64encode(gzip.compress(glb, mtime=0)).decode('ascii')
    return scene


def _lens(table: ResultsTable, frame: int) -> dict[str, Any]:
    height, width = table.frame_shapes[frame].tolist()

    def known(values: np.ndarray) -> float | None:
        return float(values[frame]) if np.isfinite(values[frame]) else None

    def source(values: np.ndarray | None) -> str:
        return 'unknown' if values is None else str(values[frame])

    return {
        'focal': float(table.focal_length[frame]),
        'pitch': known(table.pitch),
        'roll': known(table.roll),
        'width': width,
        'height': height,
        'focalSource': source(table.focal_source),
        'rotationSource': source(table.rotation_source),
    }


def _person(
    table: ResultsTable, motion: PersonMotion, number: int, lowest: np.ndarray
) -> dict[str, Any]:
    rows = motion.rows
    # The camera-space orientation, carried into the axes of the scene by the camera's rotation.
    seen = table.global_orient_rotmat[rows, 0].astype(np.float64)
    if table.has_world:
        cam2world = table.world2cam_rotmat[table.frame[rows]].astype(np.float64).swapaxes(1, 2)
        seen = cam2world @ seen
    seen = rotmat_to_quaternion(TO_Y_UP @ seen)
    world = rotmat_to_quaternion(motion.rotations[:, 0])
    height = np.ptp(motion.rig.vertices[:, 1])
    return {
        'name': motion.name,
        'label': f'Person {number + 1}',
        'color': person_color(number).tolist(),
        'frames': motion.frames.tolist(),
        'height': round(float(height), DIGITS),
        'distance': table.pelvis_camera[rows, 2].round(DIGITS).tolist(),
        'places': motion.pelvis.round(DIGITS).tolist(),
        'lowest': lowest.round(DIGITS).tolist(),
        'world': world.round(DIGITS).tolist(),
        'seen': seen.round(DIGITS).tolist(),
    }


def _lowest(motion: PersonMotion) -> np.ndarray:
    """(K,) m: height of the lowest vertex in each frame of a person."""
    found = []
    for start in range(0, len(motion.frames), CHUNK):
        part = slice(start, start + CHUNK)
        vertices, _ = motion.rig.pose(motion.rotations[part], motion.pelvis[part])
        found.append(vertices[..., 1].min(axis=1))
    return np.concatenate(found)


def _ground(
    motions: Sequence[PersonMotion], lowest: Sequence[np.ndarray], num_frames: int
) -> float:
    per_frame = np.full(num_frames, np.inf)
    for motion, heights in zip(motions, lowest, strict=True):
        per_frame[motion.frames] = np.minimum(per_frame[motion.frames], heights)
    return round(float(np.median(per_frame[np.isfinite(per_frame)])), DIGITS)


def _exact(
    motion: PersonMotion, table: ResultsTable, body_model: BodyModel, space: str
) -> PersonMotion:
    """The same pose with a rest mesh that, linearly skinned, gives the exact mesh of this one pose.

    Skinning is an affine map per vertex, v -> A v + b; four probes tell A and b, and the rest mesh
    is A^-1 (exact - b). So pose correctives are kept, which a skinned mesh cannot hold otherwise.
    """
    few = strongest_weights(motion.rig.weights, INFLUENCES)
    rig = replace(motion.rig, weights=few.dense(len(motion.rig.joints)))

    def posed(points: np.ndarray) -> np.ndarray:
        probe = replace(rig, vertices=np.tile(points, (len(rig.vertices), 1)))
        return probe.pose(motion.rotations, motion.pelvis)[0][0]

    shift = posed(np.zeros(3))
    turn = np.stack([posed(axis) - shift for axis in np.eye(3)], axis=-1)
    exact = points_y_up(exact_meshes(table, body_model, motion.rows, space=space)[0])
    rest = np.linalg.solve(turn, (exact - shift)[..., None])[..., 0]
    return replace(motion, rig=replace(motion.rig, vertices=rest))
