"""Barycentric rows that carry a coarse mesh to a fine one."""

import numpy as np
from scipy.spatial import cKDTree

CANDIDATES = 48  # nearest faces (by centre) that are looked at for each point
WEIGHT_SCALE = 0.02  # m of distance that a full change of skinning weights counts for


def barycentric_rows(
    coarse: np.ndarray,
    faces: np.ndarray,
    fine: np.ndarray,
    coarse_weights: np.ndarray,
    fine_weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest coarse face of each fine vertex, and where in it.

    Nearness counts distance and likeness of the skinning weights, so that a vertex never follows
    another limb.

    Args:
        coarse: Coarse vertices, (Vc, 3) m.
        faces: Coarse faces, (Fc, 3).
        fine: Fine vertices, (Vf, 3) m.
        coarse_weights: Skinning weights of the coarse vertices, (Vc, J).
        fine_weights: Skinning weights of the fine vertices, (Vf, J).

    Returns:
        Vertex ids (Vf, 3) and their weights (Vf, 3).
    """
    corners = coarse[faces]
    count = min(CANDIDATES, len(faces))
    near = cKDTree(corners.mean(axis=1)).query(fine, k=count)[1].reshape(len(fine), count)
    weight = closest_point_weights(fine[:, None], corners[near])
    points = np.einsum('vkc,vkcd->vkd', weight, corners[near])
    blended = np.einsum('vkc,vkcj->vkj', weight, coarse_weights[faces[near]])
    cost = ((points - fine[:, None]) ** 2).sum(axis=-1)
    cost += WEIGHT_SCALE**2 * ((blended - fine_weights[:, None]) ** 2).sum(axis=-1)
    rows, best = np.arange(len(fine)), cost.argmin(axis=1)
    return faces[near[rows, best]], weight[rows, best]


def closest_point_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights of the point of each triangle that is closest to a given point.

    The foot of the perpendicular if it is inside, else the best of the three edges.

    Args:
        points: (..., 3), broadcast against the triangles.
        corners: (..., 3, 3).

    Returns:
        Weights (..., 3), not negative, summing to 1.
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    options = [np.stack([1 - v - w, v, w], axis=-1)]
    inside = (options[0] >= 0).all(axis=-1)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[..., i, :], corners[..., j, :] - corners[..., i, :]
        t = ((points - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-30)
        t = np.clip(t, 0, 1)
        weight = np.zeros((*t.shape, 3))
        weight[..., i], weight[..., j] = 1 - t, t
        options.append(weight)
    options = np.stack(np.broadcast_arrays(*options), axis=-2)  # (..., 4, 3)
    found = np.einsum('...kc,...cd->...kd', options, corners)
    distance = ((found - points[..., None, :]) ** 2).sum(axis=-1)
    distance[..., 0] = np.where(inside, distance[..., 0], np.inf)
    best = distance.argmin(axis=-1)
    return np.take_along_axis(options, best[..., None, None], axis=-2)[..., 0, :]
