"""One person's movement, in the axes of the files that are exported."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from whmr.body_models import BodyModel
from whmr.geometry import orthogonalize
from whmr.keypoints import JOINT_SETS
from whmr.visualization.export.axes import TO_Y_UP, points_y_up
from whmr.visualization.export.body_rig import BodyRig
from whmr.visualization.export.results_table import ResultsTable
from whmr.visualization.export.skin_weights import strongest_weights

PELVIS = JOINT_SETS['spin49'].index('op_mid_hip')
SPACES = ('camera', 'world')


@dataclass(frozen=True)
class PersonMotion:
    """A person over the frames it is seen in.

    Shapes: K frames of the person.
        rows: (K,) of the table.  frames: (K,) int, rising, numbers of the table's frames.
        rotations: (K, 24, 3, 3) parent-relative, the pelvis's model -> y-up camera or world.
        pelvis: (K, 3) m, y up.
    """

    name: str
    rig: BodyRig
    rows: np.ndarray
    frames: np.ndarray
    rotations: np.ndarray
    pelvis: np.ndarray

    def joints(self) -> np.ndarray:
        """The skeleton in every frame.

        Shapes: returns (K, 24, 3) m, y up.
        """
        return self.rig.pose(self.rotations, self.pelvis)[1]


def person_motions(table: ResultsTable, body_model: BodyModel, *, space: str) -> list[PersonMotion]:
    """The people of a table, by track; a row without track is a person of its own.

    A person has one shape: the mean of its betas over its frames, because files with a skeleton
    have bones of a fixed length.

    Args:
        table: The results.
        body_model: The body that they are of.
        space: 'camera' or 'world'.

    Raises:
        BodyMismatchError: If the results are of another body.
        ValueError: If the results have no world, or the body has another number of betas.
    """
    body_model.check_topology(table.topology, 'the results file')
    check_space(table, space)
    world = space == 'world'
    orient = table.global_orient_world_rotmat if world else table.global_orient_rotmat
    pelvis = points_y_up(table.pelvis_world if world else table.pelvis_camera)
    local = np.concatenate([orient, table.body_pose_rotmat], axis=1).astype(np.float64)
    # Rounded to float32 they are not quite rotations, which angles near 90 degrees suffer from.
    rotations = orthogonalize(torch.from_numpy(local)).numpy()
    rotations[:, 0] = TO_Y_UP @ rotations[:, 0]
    tracked = [np.flatnonzero(table.track_id == i) for i in np.unique(table.track_id) if i >= 0]
    alone = [np.array([row]) for row in np.flatnonzero(table.track_id < 0)]
    motions = []
    for number, rows in enumerate([*tracked, *alone]):
        track = int(table.track_id[rows[0]])
        motions.append(
            PersonMotion(
                name=f'track{track}' if track >= 0 else f'person{number - len(tracked)}',
                rig=BodyRig.from_body(body_model, table.betas[rows].mean(axis=0)),
                rows=rows,
                frames=table.frame[rows].astype(np.int64),
                rotations=rotations[rows],
                pelvis=pelvis[rows],
            )
        )
    return motions


@torch.no_grad()
def exact_meshes(
    table: ResultsTable,
    body_model: BodyModel,
    rows: np.ndarray,
    *,
    space: str,
    vertices: np.ndarray | None = None,
) -> np.ndarray:
    """Meshes in their places, with pose correctives and each row's own betas.

    The given vertices, else the table's own, else those of its parameters.

    Args:
        table: The results.
        body_model: The body that they are of.
        rows: Which rows.
        space: 'camera' or 'world'.
        vertices: What the table's `vertices` (or `vertices_world`) would be for these rows.

    Shapes: N rows, V vertices.
        rows: (N,) int.  vertices: (N, V, 3) m.
        returns: (N, V, 3) float64 m, camera or world axes (y down).

    Raises:
        ValueError: If the results have no world.
    """
    check_space(table, space)
    suffix = '_world' if space == 'world' else ''
    stored = getattr(table, f'vertices{suffix}')
    if vertices is None and stored is not None:
        vertices = stored[rows]
    if vertices is not None:
        pelvis = getattr(table, f'joints{suffix}')[rows, PELVIS].astype(np.float64)
    else:
        like = body_model.skin_weights
        orient = getattr(table, f'global_orient{suffix}_rotmat')[rows]
        inputs = (table.betas[rows], orient, table.body_pose_rotmat[rows])
        body = body_model(*(torch.from_numpy(part).to(like) for part in inputs))
        vertices, pelvis = body.vertices.cpu().numpy(), body.joints[:, 0].double().cpu().numpy()
    place = getattr(table, f'pelvis_{space}')[rows].astype(np.float64)
    return vertices + (place - pelvis)[:, None]


def check_space(table: ResultsTable, space: str) -> None:
    """Make sure that the people can be placed there.

    Raises:
        ValueError: If they cannot.
    """
    if space not in SPACES:
        raise ValueError(f'space={space!r}: one of {list(SPACES)}')
    if space == 'world' and len(table.frame) and not table.has_world:
        raise ValueError(
            'these results have no world (the model estimates none): export in camera space'
        )


def skinning_difference(
    motion: PersonMotion, exact: np.ndarray, picked: np.ndarray, *, influences: int
) -> np.ndarray:
    """How far a linearly skinned mesh is from the exact one, vertex by vertex.

    Args:
        motion: The person.
        exact: Its meshes, see `exact_meshes`.
        picked: Which of the person's frames they are.
        influences: Joints per vertex of the skinned mesh.

    Shapes: K picked frames, V vertices.
        exact: (K, V, 3) m, camera or world axes (y down).  picked: (K,) int.  returns: (K, V) m.
    """
    few = strongest_weights(motion.rig.weights, influences)
    rig = replace(motion.rig, weights=few.dense(len(motion.rig.joints)))
    skinned = rig.pose(motion.rotations[picked], motion.pelvis[picked])[0]
    return np.linalg.norm(skinned - points_y_up(exact), axis=-1)
