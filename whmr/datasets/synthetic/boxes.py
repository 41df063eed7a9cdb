"""Boxes that stand about in a scene."""

import numpy as np

from whmr.datasets.synthetic.clothing import cloth_color
from whmr.datasets.synthetic.motion import turn_about
from whmr.rendering import SceneMesh

# Corners of a unit box on the ground (y is down), and its faces, outward.
CORNERS = np.array(
    [[x, y, z] for x in (-0.5, 0.5) for y in (-1.0, 0.0) for z in (-0.5, 0.5)], dtype=np.float64
)
FACES = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5],
        [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6],
        [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ],
    dtype=np.int32,
)  # fmt: skip
QUAD_UV = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], dtype=np.float32)
FACE_UV = np.tile(QUAD_UV, (6, 1, 1))


def sample_box(rng: np.random.Generator) -> SceneMesh:
    """A box at the world's origin, standing on y = 0: a crate, a bench, a post or a wall.

    Shapes: as in `SceneMesh`, m, world.
    """
    kind = rng.random()
    if kind < 0.6:
        size = rng.uniform(0.2, 0.9, 3)
    elif kind < 0.8:
        size = np.array([rng.uniform(0.8, 1.8), rng.uniform(0.35, 0.8), rng.uniform(0.3, 0.6)])
    elif kind < 0.93:
        size = np.array([rng.uniform(0.08, 0.3), rng.uniform(1.0, 3.0), rng.uniform(0.08, 0.3)])
    else:
        size = np.array([rng.uniform(1.5, 4.0), rng.uniform(1.0, 2.6), rng.uniform(0.1, 0.3)])
    turn = turn_about(np.array([0.0, 1.0, 0.0]), rng.uniform(0, 2 * np.pi))
    texture = _panel(rng)
    return SceneMesh(
        (CORNERS * size) @ turn.T,
        FACES,
        (1.0, 1.0, 1.0),
        face_uv=FACE_UV,
        texture=texture,
        smooth=False,
    )


def _panel(rng: np.random.Generator) -> np.ndarray:
    """(32, 32, 3) uint8: one colour with a frame, stripes or specks."""
    first, second = cloth_color(rng), cloth_color(rng)
    y, x = np.indices((32, 32))
    kind = rng.integers(4)
    if kind == 0:
        mask = np.zeros((32, 32), dtype=bool)
    elif kind == 1:
        mask = np.minimum(np.minimum(x, 31 - x), np.minimum(y, 31 - y)) < rng.integers(1, 5)
    elif kind == 2:
        mask = (y // rng.integers(2, 9)) % 2 == 0
    else:
        mask = rng.random((32, 32)) < 0.3
    panel = np.where(mask[..., None], second, first) * rng.uniform(0.9, 1.1, (32, 32, 1))
    return (np.clip(panel, 0, 1) * 255).astype(np.uint8)
