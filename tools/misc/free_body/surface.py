"""Make one closed triangle surface of MakeHuman's skin."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from free_body.skeleton import MIRROR, NAMES
from free_body.source import Rig, SourceMesh

EYE_RADIUS = 0.035  # m; an open rim this near to an eyeball's centre is an eye socket


@dataclass
class Surface:
    """A closed, mirror-symmetric surface whose vertices are picked from the source.

    Shapes: V vertices, F faces, N source vertices.
        source: (V,) vertex of the source; N + i for the i-th added vertex.
        caps: source vertices that each added vertex is the mean of.
        faces: (F, 3).  mirror: (V,).
    """

    source: np.ndarray
    caps: list[np.ndarray]
    faces: np.ndarray
    mirror: np.ndarray

    def pick(self, values: np.ndarray) -> np.ndarray:
        """Values of the surface's vertices from values of the source's."""
        added = np.array([values[cap].mean(axis=0) for cap in self.caps])
        return np.concatenate([values, added.reshape(-1, *values.shape[1:])])[self.source]

    def select(self, keep: np.ndarray, faces: np.ndarray) -> 'Surface':
        """The surface on a mirror-symmetric subset of its vertices, with new faces."""
        new = np.full(len(self.source), -1)
        new[keep] = np.arange(len(keep))
        return Surface(self.source[keep], self.caps, faces, new[self.mirror[keep]])

    def symmetric(self, points: np.ndarray) -> np.ndarray:
        """Points (V, 3) made mirror-symmetric."""
        return (points + points[self.mirror] * [-1, 1, 1]) / 2


def closed_surface(mesh: SourceMesh, vertices: np.ndarray) -> Surface:
    """Drop the cavities of mouth and eyes and cap the rims (an eye with its eyeball's front).

    Args:
        mesh: The base mesh.
        vertices: Its vertices in T-pose, (N, 3) m.
    """
    count = len(mesh.vertices)
    quads = mesh.groups['body']
    quads = quads[~np.isin(quads, mesh.cavities).any(axis=1)]
    faces = _largest_piece(_triangulate(quads, vertices), count)
    caps, fronts = [], {side: mesh.eye_front(side) for side in 'lr'}
    for loop in boundary_loops(faces):
        centre = mesh.vertices[loop].mean(axis=0)
        tip = count + len(caps)
        for side, front in fronts.items():
            if np.linalg.norm(mesh.vertices[mesh.eye(side)].mean(axis=0) - centre) < EYE_RADIUS:
                tip = front
        if tip >= count:
            caps.append(loop)
        fan = np.stack([loop, np.roll(loop, -1), np.full(len(loop), tip)], axis=1)
        faces = np.concatenate([faces, fan])
    mirror = np.concatenate([mesh.mirror, count + np.arange(len(caps))])
    mirror[fronts['l']], mirror[fronts['r']] = fronts['r'], fronts['l']
    used = np.unique(faces)
    local = np.full(len(mirror), -1)
    local[used] = np.arange(len(used))
    mirror = local[mirror[used]]
    if (mirror < 0).any() or (mirror[mirror] != np.arange(len(mirror))).any():
        raise ValueError('the source surface is not mirror-symmetric')
    return Surface(used, caps, local[faces], mirror)


def joint_weights(surface: Surface, rig: Rig) -> np.ndarray:
    """Skinning weights over our 24 joints, mirror-symmetric, (V, 24)."""
    bones = surface.pick(rig.weights)
    bones /= bones.sum(axis=1, keepdims=True)
    weights = np.zeros((len(bones), len(NAMES)))
    np.add.at(weights.T, rig.joint, bones.T)
    return (weights + weights[surface.mirror][:, MIRROR]) / 2


def sparsify_weights(weights: np.ndarray, most: int = 4, least: float = 0.01) -> np.ndarray:
    """Keep the largest few weights of each vertex, none below a least one."""
    weights = np.where(weights < least, 0, weights)
    weights[weights < np.sort(weights, axis=1)[:, -most][:, None]] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """The open rims of a mesh, each as a loop of vertices against the faces' sense.

    Each loop starts at its smallest vertex, and the loops are ordered by it.
    """
    half_edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = set(map(tuple, half_edges.tolist()))
    following = {b: a for a, b in present if (b, a) not in present}
    loops = []
    while following:
        start = min(following)
        loop, step = [start], following.pop(start)
        while step != start:
            loop.append(step)
            step = following.pop(step)
        loops.append(np.array(loop))
    return loops


def _triangulate(quads: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Split quads along their shorter diagonal; collapsed triangles are dropped."""
    first = np.linalg.norm(vertices[quads[:, 0]] - vertices[quads[:, 2]], axis=1)
    second = np.linalg.norm(vertices[quads[:, 1]] - vertices[quads[:, 3]], axis=1)
    along_first, along_second = quads[:, [[0, 1, 2], [0, 2, 3]]], quads[:, [[0, 1, 3], [1, 2, 3]]]
    faces = np.where((first <= second)[:, None, None], along_first, along_second).reshape(-1, 3)
    a, b, c = faces.T
    return faces[(a != b) & (b != c) & (a != c)]


def _largest_piece(faces: np.ndarray, count: int) -> np.ndarray:
    edges = np.concatenate([faces[:, :2], faces[:, 1:], faces[:, [2, 0]]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), (count, count))
    _, label = connected_components(graph, directed=False)
    piece = label[faces[:, 0]]
    return faces[piece == np.bincount(piece).argmax()]
