"""Mirror-symmetric mesh decimation by half-edge collapses (quadric error metric).

Every vertex that stays is a vertex of the source, so all per-vertex data is selected, never
resampled (Garland & Heckbert, SIGGRAPH 1997, for the error metric).
"""

import heapq

import numpy as np

EDGE_PENALTY = 0.006  # weight of an edge's length beside the quadric error
WEIGHT_PENALTY = 3.0  # how much dearer an edge between differently skinned vertices is
LEAST_TURN = 0.3  # cosine; a face may not turn farther than this in one collapse
LEAST_HEIGHT = 0.08  # a face's doubled area over its longest edge squared may not fall below


def decimate(
    vertices: np.ndarray,
    faces: np.ndarray,
    mirror: np.ndarray,
    weights: np.ndarray,
    target: int,
    importance: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Collapse edges, always together with their mirror images, until `target` vertices are left.

    Args:
        vertices: Closed mirror-symmetric mesh, (V, 3).
        faces: Its faces, (F, 3).
        mirror: Vertex on the other side, (V,).
        weights: Skinning weights, (V, J); edges along which they change are kept longer.
        target: How many vertices to keep.
        importance: Factor on the cost of losing each vertex, (V,).

    Returns:
        Ids of the kept vertices, ascending, and the new faces over them.
    """
    return _Decimator(vertices, faces, mirror, weights, importance).run(target)


class _Decimator:
    def __init__(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        mirror: np.ndarray,
        weights: np.ndarray,
        importance: np.ndarray | None,
    ) -> None:
        count = len(vertices)
        self.vertices, self.weights = vertices, weights
        self.mirror = mirror.tolist()
        self.importance = np.ones(count) if importance is None else importance
        self.homogeneous = np.c_[vertices, np.ones(count)]
        self.quadrics, self.areas = _quadrics(vertices, faces)
        self.faces = [tuple(face) for face in faces.tolist()]
        self.alive = [True] * len(self.faces)
        self.around = [set() for _ in range(count)]  # faces at each vertex
        for i, face in enumerate(self.faces):
            for vertex in face:
                self.around[vertex].add(i)
        self.live = [True] * count
        self.stamp = [0] * count
        self.heap: list[tuple[float, int, int, int, int]] = []

    def run(self, target: int) -> tuple[np.ndarray, np.ndarray]:
        for u in range(len(self.vertices)):
            self._push(u)
        count = len(self.vertices)
        while count > target and self.heap:
            _, stamp_u, stamp_w, u, w = heapq.heappop(self.heap)
            if not (self.live[u] and self.live[w]):
                continue
            if self.stamp[u] != stamp_u or self.stamp[w] != stamp_w:
                continue
            paired = self.mirror[u] != u
            if paired and count - target == 1:  # one vertex to go: wait for a mid-line collapse
                continue
            if not self._allowed(u, w) or (paired and self._touch(u, w)):
                continue
            touched = self._ring(u) | {w}
            self._collapse(u, w)
            count -= 1
            if paired:
                mu, mw = self.mirror[u], self.mirror[w]
                if not self._allowed(mu, mw):
                    raise RuntimeError('a collapse was possible on one side of the body only')
                touched |= self._ring(mu) | {mw}
                self._collapse(mu, mw)
                count -= 1
            self._refresh(touched)
        keep = np.flatnonzero(self.live)
        new = np.full(len(self.live), -1)
        new[keep] = np.arange(len(keep))
        faces = [new[list(face)] for face, alive in zip(self.faces, self.alive) if alive]
        return keep, np.array(faces)

    def _ring(self, u: int) -> set[int]:
        return {x for i in self.around[u] for x in self.faces[i]} - {u}

    def _touch(self, u: int, w: int) -> bool:
        """Whether the collapse and its mirror image would meet."""
        mu, mw = self.mirror[u], self.mirror[w]
        ring = self._ring(u)
        return mu in ring or (mw != w and (mw in ring or mu in self._ring(w)))

    def _allowed(self, u: int, w: int) -> bool:
        """Whether moving u onto w keeps the surface a surface and turns no face over."""
        ring = self._ring(u)
        if len(ring & self._ring(w)) != 2 or len(ring) < 3:
            return False
        v = self.vertices
        for i in self.around[u]:
            face = self.faces[i]
            if w in face:
                continue
            a, b, c = (v[x] for x in face)
            before = _cross(b - a, c - a)
            a, b, c = (v[w if x == u else x] for x in face)
            after = _cross(b - a, c - a)
            size_before, size_after = np.sqrt(before @ before), np.sqrt(after @ after)
            longest = max((b - a) @ (b - a), (c - b) @ (c - b), (a - c) @ (a - c))
            if before @ after < LEAST_TURN * size_before * size_after:
                return False
            if size_after < LEAST_HEIGHT * longest:
                return False
        return True

    def _push(self, u: int) -> None:
        """Offer every collapse of u onto a neighbour."""
        for w in self._ring(u):
            on_middle, to_side = self.mirror[u] == u, self.mirror[w] != w
            if (on_middle and to_side) or w == self.mirror[u]:
                continue
            edge = self.vertices[u] - self.vertices[w]
            point = self.homogeneous[w]
            cost = point @ (self.quadrics[u] + self.quadrics[w]) @ point
            cost += EDGE_PENALTY * (edge @ edge) * (self.areas[u] + self.areas[w])
            change = np.abs(self.weights[u] - self.weights[w]).sum()
            cost *= (1 + WEIGHT_PENALTY * change) * self.importance[u]
            heapq.heappush(self.heap, (cost, self.stamp[u], self.stamp[w], u, w))

    def _collapse(self, u: int, w: int) -> None:
        for i in list(self.around[u]):
            face = self.faces[i]
            for x in face:
                self.around[x].discard(i)
            if w in face:
                self.alive[i] = False
                continue
            self.faces[i] = tuple(w if x == u else x for x in face)
            for x in self.faces[i]:
                self.around[x].add(i)
        self.quadrics[w] += self.quadrics[u]
        self.areas[w] += self.areas[u]
        self.live[u] = False
        self.stamp[w] += 1
        self.around[u] = set()

    def _refresh(self, touched: set[int]) -> None:
        """Offer the collapses near a change again; older offers are told by their stamps."""
        live = [x for x in touched if self.live[x]]
        for x in live:
            self.stamp[x] += 1
        for x in live:
            self._push(x)
        for y in {y for x in live for y in self._ring(x)} - touched:
            self._push(y)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    ax, ay, az = a
    bx, by, bz = b
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _quadrics(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area-weighted plane quadric (V, 4, 4) and a third of the faces' area (V,) of each vertex."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1) / 2
    normal /= np.maximum(2 * area[:, None], 1e-12)
    plane = np.c_[normal, -(normal * a).sum(axis=1)]
    per_face = plane[:, :, None] * plane[:, None, :] * area[:, None, None]
    quadrics, areas = np.zeros((len(vertices), 4, 4)), np.zeros(len(vertices))
    np.add.at(quadrics, faces.ravel(), np.repeat(per_face, 3, axis=0))
    np.add.at(areas, faces.ravel(), np.repeat(area / 3, 3))
    return quadrics, areas
