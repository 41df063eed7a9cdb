"""Cut the surface into 24 DensePose-like parts and flatten each onto a disc."""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from free_body.skeleton import ID, NAMES, SIDES
from free_body.surface import boundary_loops

NUM_PARTS = 24
SLICE = 0.03  # m; thickness of the slices in which a limb's middle is looked for
CLEANING_PASSES = 30
# Region -> part, or (front, back) parts; numbers as DensePose's.
WHOLE = {'left_hand': 4, 'right_hand': 3, 'left_foot': 5, 'right_foot': 6}
FRONT_BACK = {
    'torso': (2, 1),
    'right_uleg': (9, 7),
    'left_uleg': (10, 8),
    'right_lleg': (13, 11),
    'left_lleg': (14, 12),
    'left_uarm': (15, 17),
    'right_uarm': (16, 18),
    'left_larm': (19, 21),
    'right_larm': (20, 22),
}
HEAD = (23, 24)  # left, right
_REGION_JOINTS = {
    'uleg': ('hip', 'knee'),
    'lleg': ('knee', 'ankle'),
    'uarm': ('shoulder', 'elbow'),
    'larm': ('elbow', 'wrist'),
}


def cut_parts(
    vertices: np.ndarray, faces: np.ndarray, weights: np.ndarray, joints: np.ndarray
) -> np.ndarray:
    """Part of each face, 1..24; every part is one connected piece.

    Args:
        vertices: T-pose, (V, 3) m.
        faces: (F, 3).
        weights: Skinning weights, (V, 24).
        joints: (24, 3) m.
    """
    region = np.array(_regions())[weights[faces].mean(axis=1).argmax(axis=1)]
    centre = vertices[faces].mean(axis=1)
    part = np.zeros(len(faces), int)
    for name, number in WHOLE.items():
        part[region == name] = number
    for name, (front, back) in FRONT_BACK.items():
        inside = region == name
        start, stop = (joints[ID[joint]] for joint in _axis(name))
        middle = _middle_depth(centre[inside], start, stop)
        part[inside] = np.where(centre[inside, 2] >= middle, front, back)
    head = region == 'head'
    part[head] = np.where(centre[head, 0] > 0, *HEAD)
    return _clean(part, _face_graph(faces))


def flatten_parts(vertices: np.ndarray, faces: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Tutte's embedding of each part onto a disc inside the unit square, (F, 3, 2).

    The rim goes onto the circle by its length and inner vertices are averages of their neighbours,
    so the map is one-to-one (Tutte 1963; weights 1/length keep areas nearly in proportion).

    Raises:
        ValueError: A part is not a disc.
    """
    uv = np.zeros((len(faces), 3, 2))
    for number in range(1, NUM_PARTS + 1):
        own = faces[part == number]
        loops = boundary_loops(own)
        if len(loops) != 1:
            raise ValueError(f'part {number} has {len(loops)} rims, a disc has one')
        ids, local = np.unique(own, return_inverse=True)
        local = local.reshape(own.shape)
        rim = np.searchsorted(ids, loops[0][::-1])
        uv[part == number] = _tutte(vertices[ids], local, rim)[local]
    return uv


def _regions() -> list[str]:
    """Region that each joint's skin belongs to."""
    table = dict.fromkeys(('pelvis', 'spine1', 'spine2', 'spine3'), 'torso')
    table |= {'neck': 'head', 'head': 'head'}
    for _, left, _ in SIDES:
        table |= {
            f'{left}collar': 'torso',
            f'{left}hip': f'{left}uleg',
            f'{left}knee': f'{left}lleg',
            f'{left}ankle': f'{left}foot',
            f'{left}foot': f'{left}foot',
            f'{left}shoulder': f'{left}uarm',
            f'{left}elbow': f'{left}larm',
            f'{left}wrist': f'{left}hand',
            f'{left}hand': f'{left}hand',
        }
    return [table[name] for name in NAMES]


def _axis(region: str) -> tuple[str, str]:
    if region == 'torso':
        return 'pelvis', 'neck'
    side, limb = region.split('_')
    start, stop = _REGION_JOINTS[limb]
    return f'{side}_{start}', f'{side}_{stop}'


def _middle_depth(points: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Middle of the local cross-section's depth at each point of a limb."""
    axis = (stop - start) / np.linalg.norm(stop - start)
    along = (points - start) @ axis
    middle = np.zeros(len(points))
    for low in np.arange(along.min(), along.max(), SLICE):
        inner = (along >= low) & (along < low + SLICE)
        outer = (along >= low - SLICE / 2) & (along < low + 1.5 * SLICE)
        if inner.any():
            middle[inner] = (points[outer, 2].max() + points[outer, 2].min()) / 2
    return middle


def _face_graph(faces: np.ndarray) -> csr_matrix:
    """Which faces share an edge."""
    edges = np.sort(np.concatenate([faces[:, :2], faces[:, 1:], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort(edges.T)
    edges, owner = edges[order], owner[order]
    same = np.flatnonzero((edges[1:] == edges[:-1]).all(axis=1))
    a, b = owner[same], owner[same + 1]
    entries = np.ones(2 * len(a))
    return coo_matrix((entries, (np.r_[a, b], np.r_[b, a])), (len(faces),) * 2).tocsr()


def _clean(part: np.ndarray, graph: csr_matrix) -> np.ndarray:
    """Hand stray faces to their neighbours until each part is one piece."""
    for _ in range(CLEANING_PASSES):
        count = np.stack([graph @ (part == k) for k in range(NUM_PARTS + 1)], axis=1)
        own, best = count[np.arange(len(part)), part], count.argmax(axis=1)
        stray = (own <= 1) & (count.max(axis=1) >= 2) & (best != part)
        cleaned = np.where(stray, best, part)
        changed = int(stray.sum())
        for k in range(1, NUM_PARTS + 1):
            inside = np.flatnonzero(cleaned == k)
            pieces, label = connected_components(graph[inside][:, inside], directed=False)
            if pieces == 1:
                continue
            for face in inside[label != np.bincount(label).argmax()]:
                others = [x for x in graph[face].indices if cleaned[x] != k]
                if others:
                    cleaned[face] = cleaned[others[0]]
                    changed += 1
        part = cleaned
        if not changed:
            break
    return part


def _tutte(vertices: np.ndarray, faces: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Flatten one disc, (n, 2) in the unit square."""
    count = len(vertices)
    length = np.linalg.norm(np.diff(vertices[np.r_[rim, rim[:1]]], axis=0), axis=1)
    angle = np.r_[0, np.cumsum(length)[:-1]] / length.sum() * 2 * np.pi
    uv = np.zeros((count, 2))
    uv[rim] = 0.5 + 0.5 * np.c_[np.cos(angle), np.sin(angle)]
    edges = np.concatenate([faces[:, :2], faces[:, 1:], faces[:, [2, 0]]])
    a, b = np.unique(np.sort(edges, axis=1), axis=0).T
    weight = 1 / np.linalg.norm(vertices[a] - vertices[b], axis=1)
    matrix = coo_matrix((np.r_[weight, weight], (np.r_[a, b], np.r_[b, a])), (count, count)).tocsr()
    laplacian = diags(np.asarray(matrix.sum(axis=1)).ravel()).tocsr() - matrix
    inner = np.setdiff1d(np.arange(count), rim)
    if len(inner):
        pull = -laplacian[inner][:, rim] @ uv[rim]
        uv[inner] = spsolve(laplacian[inner][:, inner].tocsc(), pull).reshape(-1, 2)
    return uv
