"""The edges of meshes, as far as they are seen."""

from collections.abc import Sequence

import cv2
import numpy as np

from whmr.rendering import SceneCamera, SceneImage, SceneMesh

SHIFT = 4  # sub-pixel bits of OpenCV's drawing
NEAR = 0.05  # m
DEPTH_SLACK = 0.01  # share of the depth by which an edge may lie behind the surface


def draw_wireframe(
    image: np.ndarray,
    meshes: Sequence[SceneMesh],
    camera: SceneCamera,
    rendered: SceneImage,
    *,
    opacity: float = 0.75,
) -> np.ndarray:
    """A picture with the meshes' edges in the meshes' mean colours; what is hidden is left out.

    Args:
        image: What is drawn over.
        meshes: As they were rendered.
        camera: As they were rendered.
        rendered: The rendered scene; its depth says what is hidden.
        opacity: Of the lines.

    Shapes: image: (H, W, 3) uint8 RGB.  returns: (H, W, 3) uint8 RGB.
    """
    canvas = image.copy()
    for mesh in meshes:
        seen = mesh.vertices @ np.asarray(camera.rotation).T + camera.translation
        depth = np.maximum(seen[:, 2], NEAR)
        points = seen @ np.asarray(camera.intrinsics).T
        points = points[:, :2] / depth[:, None]
        lines = _edges(mesh.faces, len(points))
        visible = _visible(points, seen[:, 2], rendered)
        lines = lines[visible[lines].all(axis=1)]
        color = np.broadcast_to(mesh.colors, mesh.vertices.shape).max(axis=0)
        ends = np.round((points[lines] - 0.5) * (1 << SHIFT)).astype(np.int32)
        cv2.polylines(canvas, list(ends), False, (255 * color).tolist(), 1, cv2.LINE_AA, SHIFT)
    return cv2.addWeighted(canvas, opacity, image, 1 - opacity, 0)


def _edges(faces: np.ndarray, num_vertices: int) -> np.ndarray:
    """(E, 2) each edge once."""
    ends = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64), axis=1)
    keys = np.unique(ends[:, 0] * num_vertices + ends[:, 1])
    return np.stack([keys // num_vertices, keys % num_vertices], axis=1)


def _visible(points: np.ndarray, depth: np.ndarray, rendered: SceneImage) -> np.ndarray:
    """(V,) whether a vertex is before the camera, in the picture and behind nothing."""
    height, width = rendered.depth.shape
    column, row = np.floor(np.clip(points, -1, max(height, width) + 1)).astype(int).T
    inside = (depth > NEAR) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    surface = rendered.depth[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return inside & ((surface == 0) | (depth < surface * (1 + DEPTH_SLACK)))
