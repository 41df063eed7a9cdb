"""One texture for a whole body: the parts of its atlas as tiles, and what each texel lies on."""

import cv2
import numpy as np
import torch

from whmr.body_models import BodyModel
from whmr.rendering import rasterize

COLUMNS, ROWS = 6, 4


class SurfaceAtlas:
    """Texture layout of a body, and the rest position and part of every texel.

    Args:
        body: The body; its atlas gives the parts.
        rest_vertices: Its rest pose.
        tile_size: Side of a part's tile, texels.

    Attributes:
        face_uv: Texture coordinates of the faces' corners.
        positions: Rest position under each texel (of the nearest surface point outside the charts).
        parts: Part of each texel.

    Shapes: V vertices, F faces; h, w = 4, 6 tiles.
        rest_vertices: (V, 3) m, model frame.  face_uv: (F, 3, 2) in [0, 1].
        positions: (h, w, 3) float32 m.  parts: (h, w) int64, 1..24.
    """

    def __init__(self, body: BodyModel, rest_vertices: np.ndarray, *, tile_size: int = 64) -> None:
        faces = body.faces.numpy()
        index = body.atlas.part.numpy() - 1
        tile = np.stack([index % COLUMNS, index // COLUMNS], axis=1)[:, None]
        # Half a texel stays free at a tile's rim, so that no tile bleeds into its neighbour.
        inside = 0.5 + body.atlas.uv.numpy() * (tile_size - 1)
        texel = (tile * tile_size + inside).astype(np.float32)
        size = np.array([COLUMNS, ROWS], dtype=np.float32) * tile_size
        self.face_uv = texel / size
        self.shape = (ROWS * tile_size, COLUMNS * tile_size)
        rows, cols = np.indices(self.shape) // tile_size
        self.parts = rows * COLUMNS + cols + 1

        corners = np.concatenate([texel, np.ones_like(texel[..., :1])], axis=2).reshape(1, -1, 3)
        raster = rasterize(
            torch.from_numpy(corners),
            torch.arange(3 * len(faces)).reshape(-1, 3),
            torch.eye(3)[None],
            self.shape,
            backend='numba',
        )
        face_id = raster.face_id[0].numpy()
        weights = raster.barycentric[0].numpy()
        triangles = np.asarray(rest_vertices, dtype=np.float32)[faces[face_id]]
        self.positions = np.einsum('hwk,hwkc->hwc', weights, triangles).astype(np.float32)
        self._fill_outside(face_id >= 0, tile_size)

    def _fill_outside(self, known: np.ndarray, tile_size: int) -> None:
        """Give each texel outside a chart the position of the nearest one inside its tile."""
        for row in range(0, self.shape[0], tile_size):
            for col in range(0, self.shape[1], tile_size):
                tile = np.s_[row : row + tile_size, col : col + tile_size]
                inside = known[tile]
                _, label = cv2.distanceTransformWithLabels(
                    (~inside).astype(np.uint8),
                    cv2.DIST_L2,
                    cv2.DIST_MASK_5,
                    labelType=cv2.DIST_LABEL_PIXEL,
                )
                by_label = np.zeros((label.max() + 1, 3), dtype=np.float32)
                by_label[label[inside]] = self.positions[tile][inside]
                self.positions[tile] = by_label[label]
