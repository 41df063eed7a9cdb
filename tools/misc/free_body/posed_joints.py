"""Joint rows that hold in every pose.

The rows that define the joints are right for the rest mesh only: read off a posed skin they are
several centimetres wrong at elbows and hips. These rows are learned from posed bodies, for meshes
whose pose is not known.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from free_body.pose_correctives import forward_kinematics, random_pose
from free_body.skeleton import MIRROR, NAMES, PARENTS
from free_body.tpose import skin_linear

LEARN_SHARE = 0.75  # of the bodies; the others measure the rows
RADIUS = 0.2  # m; a joint reads skin no farther away
LEAST_CANDIDATES = 150
NEAR_WEIGHT = 0.1
RIDGE = 1e-4  # m^2; spreads a row over more vertices
SUM_WEIGHT = 10.0  # how strongly a row is held to sum to 1
LEAST_ENTRY = 1e-4


@dataclass
class SkinnedBody:
    """The free body's arrays.

    Shapes: V vertices, S betas; m.
        template: (V, 3).  shapedirs: (V, 3, S).  posedirs: (V, 3, 207).  weights: (V, 24).
        regressor: (24, V).
    """

    template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    weights: np.ndarray
    regressor: np.ndarray

    def __call__(self, betas: np.ndarray, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) and joints (24, 3) of a shape (S,) and a pose (24, 3, 3)."""
        shaped = self.template + self.shapedirs @ betas
        rest = self.regressor @ shaped
        turned, posed = forward_kinematics(local, rest)
        points = shaped + self.posedirs @ (local[1:] - np.eye(3)).ravel()
        shifts = posed - np.einsum('jab,jb->ja', turned, rest)
        return skin_linear(points, self.weights, turned, shifts), posed


def posed_joint_rows(
    body: SkinnedBody, mirror: np.ndarray, *, bodies: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Sparse non-negative rows, mirror-symmetric, (24, V), and their held-out mean error in m.

    Args:
        body: The free body.
        mirror: Vertex on the other side, (V,).
        bodies: Random bodies to draw.
        rng: Random numbers.
    """
    drawn = [
        body(rng.normal(size=body.shapedirs.shape[2]), random_pose(rng)) for _ in range(bodies)
    ]
    vertices, joints = (np.stack(values) for values in zip(*drawn))
    rest = body.regressor @ body.template
    learn = int(bodies * LEARN_SHARE)
    rows = np.zeros((len(NAMES), len(body.template)))
    for j in range(len(NAMES)):
        if MIRROR[j] < j:
            continue
        near = [j, *([PARENTS[j]] if j else []), *(c for c, p in enumerate(PARENTS) if p == j)]
        distance = np.linalg.norm(body.template - rest[j], axis=1)
        reach = max(RADIUS, np.sort(distance)[LEAST_CANDIDATES])
        moved = body.weights[:, near].sum(axis=1) > NEAR_WEIGHT
        columns = np.flatnonzero(moved & (distance < reach))
        offsets = vertices[:learn, columns] - joints[:learn, j : j + 1]
        rows[j, columns] = _row(offsets.transpose(0, 2, 1).reshape(-1, len(columns)))
        if MIRROR[j] == j:
            rows[j] = (rows[j] + rows[j][mirror]) / 2
        else:
            rows[MIRROR[j]] = rows[j][mirror]
    found = np.einsum('jv,nvc->njc', rows, vertices[learn:])
    return rows, float(np.linalg.norm(found - joints[learn:], axis=-1).mean())


def _row(offsets: np.ndarray) -> np.ndarray:
    """Weights that bring the sum of vertex offsets (n, columns) from a joint nearest to zero."""
    count = offsets.shape[1]
    gram = 3 * offsets.T @ offsets / len(offsets) + RIDGE * np.eye(count)
    matrix = np.r_[np.linalg.cholesky(gram).T, SUM_WEIGHT * np.ones((1, count))]
    row, _ = nnls(matrix, np.r_[np.zeros(count), SUM_WEIGHT])
    row[row < LEAST_ENTRY] = 0
    return row / row.sum()
