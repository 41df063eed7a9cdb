"""Shape coefficients and joint regressor, learned from random adults."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from free_body.skeleton import MIRROR, NAMES, PARENTS
from free_body.source import Phenotypes, Rig, SourceMesh
from free_body.surface import Surface
from free_body.tpose import to_tpose

LEARN_SHARE = 0.7  # of the people; the others measure the regressor
SUM_WEIGHT = 50.0  # how strongly a joint's row is held to sum to 1
LEAST_ENTRY = 1e-4
LEAST_CANDIDATES = 150


@dataclass
class ShapeSamples:
    """Random adults in T-pose, made mirror-symmetric.

    Shapes: P people, V vertices.
        vertices: (P, V, 3) m.  joints: (P, 24, 3) m.
    """

    vertices: np.ndarray
    joints: np.ndarray


def sample_people(
    mesh: SourceMesh,
    rig: Rig,
    phenotypes: Phenotypes,
    surface: Surface,
    count: int,
    rng: np.random.Generator,
) -> ShapeSamples:
    """Draw adults and bring them to the T-pose."""
    vertices, joints = [], []
    for _ in range(count):
        pose = to_tpose(mesh.vertices + phenotypes(phenotypes.sample(rng)), rig)
        vertices.append(surface.symmetric(surface.pick(pose.vertices)))
        joints.append((pose.joints + pose.joints[MIRROR] * [-1, 1, 1]) / 2)
    return ShapeSamples(np.array(vertices), np.array(joints))


def principal_shapes(samples: ShapeSamples, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean shape (V, 3), its main variations (V, 3, S) per standard deviation, share explained.

    The sign of each coefficient is chosen so that a positive one makes the body taller.
    """
    mean = samples.vertices.mean(axis=0)
    offsets = (samples.vertices - mean).reshape(len(samples.vertices), -1)
    _, scale, directions = np.linalg.svd(offsets, full_matrices=False)
    deviation = scale / np.sqrt(len(offsets) - 1)
    shapes = (directions[:count] * deviation[:count, None]).reshape(count, -1, 3)
    for shape in shapes:
        shape *= np.sign(np.ptp((mean + shape)[:, 1]) - np.ptp(mean[:, 1]))
    explained = (scale[:count] ** 2).sum() / (scale**2).sum()
    return mean, shapes.transpose(1, 2, 0), float(explained)


def joint_regressor(
    samples: ShapeSamples, weights: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, float]:
    """Sparse non-negative rows that give the rig's joints, (24, V), and their held-out error in m.

    Args:
        samples: People to learn from.
        weights: Skinning weights, (V, 24); a joint reads only what it or a neighbour moves.
        mirror: Vertex on the other side, (V,).
    """
    learn = int(len(samples.joints) * LEARN_SHARE)
    vertices, joints = samples.vertices[:learn:2], samples.joints[:learn:2]
    mean, joint_mean = samples.vertices.mean(axis=0), samples.joints.mean(axis=0)
    rows = np.zeros((len(NAMES), len(mean)))
    for j in range(len(NAMES)):
        if MIRROR[j] < j:
            continue
        near = [j, *([PARENTS[j]] if j else []), *(c for c, p in enumerate(PARENTS) if p == j)]
        distance = np.linalg.norm(mean - joint_mean[j], axis=1)
        reach = max(0.2, np.sort(distance)[LEAST_CANDIDATES])
        columns = np.flatnonzero((weights[:, near].sum(axis=1) > 0.1) & (distance < reach))
        matrix = vertices[:, columns].transpose(0, 2, 1).reshape(-1, len(columns))
        matrix = np.r_[matrix, SUM_WEIGHT * np.ones((1, len(columns)))]
        entries, _ = nnls(matrix, np.r_[joints[:, j].reshape(-1), SUM_WEIGHT])
        entries[entries < LEAST_ENTRY] = 0
        rows[j, columns] = entries / entries.sum()
        if MIRROR[j] == j:
            rows[j] = (rows[j] + rows[j][mirror]) / 2
        else:
            rows[MIRROR[j]] = rows[j][mirror]
    found = np.einsum('jv,nvc->njc', rows, samples.vertices[learn:])
    error = np.linalg.norm(found - samples.joints[learn:], axis=-1).mean()
    return rows, float(error)
