"""Regression rows of the joints that data sets annotate, from the free body's own anatomy.

Each row is a sparse, mirror-symmetric combination of the body's joint rows and of small patches of
skin, so it follows shape and pose by itself.
"""

import numpy as np

from free_body.skeleton import ID, SIDES, swap_side

PATCH_RADIUS = 0.02  # m

# Orders of whmr.keypoints.JOINT_SETS: the last nine of smpl54, and h36m17.
EXTRA_JOINTS = (
    'right_hip_lsp', 'left_hip_lsp', 'neck_lsp', 'head_top_lsp', 'pelvis_mpii', 'thorax_mpii',
    'spine_h36m', 'jaw_h36m', 'head_h36m',
)  # fmt: skip
H36M17 = (
    'pelvis_mpii', 'left_hip_lsp', 'left_knee', 'left_ankle', 'right_hip_lsp', 'right_knee',
    'right_ankle', 'spine_h36m', 'neck_lsp', 'jaw_h36m', 'head_h36m', 'left_shoulder',
    'left_elbow', 'left_wrist', 'right_shoulder', 'right_elbow', 'right_wrist',
)  # fmt: skip


class RowBuilder:
    """Rows over the vertices of a T-posed body.

    Args:
        vertices: Rest mesh, (V, 3) m.
        joint_regressor: Rows of the body's own joints that hold in every pose, (24, V).
        mirror: Vertex on the other side, (V,).
        markers: Vertex of each named marker.
    """

    def __init__(
        self,
        vertices: np.ndarray,
        joint_regressor: np.ndarray,
        mirror: np.ndarray,
        markers: dict[str, int],
    ) -> None:
        self.vertices, self.regressor, self.mirror, self.markers = (
            vertices,
            joint_regressor,
            mirror,
            markers,
        )
        self.joints = joint_regressor @ vertices
        self.middle = np.flatnonzero(mirror == np.arange(len(mirror)))

    def rows(self) -> dict[str, np.ndarray]:
        """Every annotated joint by name, (V,) each, summing to 1."""
        neck_skin = (self._patch(self.markers['C7']) + self._patch(self.markers['CLAV'])) / 2
        crown = self._patch(self.middle[self.vertices[self.middle, 1].argmax()])
        out = {}
        for _, left, sign in SIDES:
            out[f'{left}hip_lsp'] = 0.75 * self._joint(f'{left}hip') + 0.25 * self._hip_skin(
                f'{left}hip', sign
            )
        hips = (out['left_hip_lsp'] + out['right_hip_lsp']) / 2
        shoulders = (self._joint('left_shoulder') + self._joint('right_shoulder')) / 2
        spine_height = self.joints[ID['spine2'], 1]
        spine_skin = (
            self._middle_skin(spine_height, front=True)
            + self._middle_skin(spine_height, front=False)
        ) / 2
        chin = self._middle_skin(self.joints[ID['head'], 1] - 0.06, front=True)
        out |= {
            'neck_lsp': 0.5 * self._joint('neck') + 0.5 * neck_skin,
            'head_top_lsp': crown,
            'pelvis_mpii': 0.6 * hips + 0.4 * self._joint('pelvis'),
            'thorax_mpii': 0.5 * shoulders + 0.5 * neck_skin,
            'spine_h36m': 0.5 * self._joint('spine2') + 0.5 * spine_skin,
            'jaw_h36m': 0.5 * self._joint('head') + 0.5 * chin,
            'head_h36m': 0.8 * crown + 0.2 * self._joint('head'),
        }
        return {name: row / row.sum() for name, row in self._symmetric(out).items()}

    def matrix(self, names: tuple[str, ...]) -> np.ndarray:
        """Rows of a joint set, (K, V); where no annotated joint has the name, the body's own."""
        rows = self.rows()
        return np.stack([rows[name] if name in rows else self._joint(name) for name in names])

    def _symmetric(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: (row + rows[swap_side(name)][self.mirror]) / 2 for name, row in rows.items()}

    def _joint(self, name: str) -> np.ndarray:
        return self.regressor[ID[name]]

    def _patch(self, vertex: int) -> np.ndarray:
        near = np.linalg.norm(self.vertices - self.vertices[vertex], axis=1) < PATCH_RADIUS
        return near / near.sum()

    def _middle_skin(self, height: float, *, front: bool) -> np.ndarray:
        """Patch on the mid-line at a height, on the front or the back."""
        depth = self.vertices[self.middle, 2]
        side = self.middle[(depth > self.joints[ID['spine1'], 2]) == front]
        return self._patch(side[np.abs(self.vertices[side, 1] - height).argmin()])

    def _hip_skin(self, joint: str, sign: float) -> np.ndarray:
        """Patch at the outermost point at the hip joint's height."""
        level = np.flatnonzero(
            np.abs(self.vertices[:, 1] - self.joints[ID[joint], 1]) < PATCH_RADIUS
        )
        return self._patch(level[(sign * self.vertices[level, 0]).argmax()])
