"""Procedural ground: seamless tiles of paving, bricks, grass, gravel, planks, sand and asphalt."""

import cv2
import numpy as np

SIZE = 256


class GroundTextures:
    """A set of seamless greyish tiles, the same every time; a call picks one and colours it.

    Attributes:
        names: The kinds of ground.
    """

    names = ('bricks', 'paving', 'grass', 'gravel', 'planks', 'sand', 'asphalt', 'plain')

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self._relief = {
            'bricks': _blocks(rng, rows=16, cols=8, shift=0.5, gap=2, spread=0.25),
            'paving': _blocks(rng, rows=4, cols=4, shift=0.0, gap=3, spread=0.12),
            'grass': _grass(rng),
            'gravel': _gravel(rng),
            'planks': _blocks(rng, rows=8, cols=1, shift=0.37, gap=1, spread=0.2),
            'sand': 0.8 + 0.10 * _noise(rng, 12) + 0.05 * _noise(rng, 80),
            'asphalt': 0.7 + 0.16 * _noise(rng, 90) + 0.06 * _noise(rng, 4),
            'plain': 0.9 + 0.03 * _noise(rng, 3),
        }
        # RGB of each kind, and the side of a tile, m.
        self._look = {
            'bricks': ((0.62, 0.36, 0.28), 1.6),
            'paving': ((0.66, 0.64, 0.60), 1.8),
            'grass': ((0.36, 0.46, 0.20), 1.2),
            'gravel': ((0.60, 0.57, 0.53), 1.0),
            'planks': ((0.58, 0.42, 0.28), 1.3),
            'sand': ((0.78, 0.69, 0.52), 2.5),
            'asphalt': ((0.42, 0.42, 0.44), 1.5),
            'plain': ((0.70, 0.70, 0.68), 3.0),
        }

    def __call__(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A coloured tile and its side in metres.

        Shapes:
            returns: (256, 256, 3) uint8 RGB, and the side.
        """
        name = self.names[rng.integers(len(self.names))]
        color, side = self._look[name]
        mix = rng.uniform(0, 0.35)
        color = np.array(color) * (1 - mix) + rng.uniform(0.2, 0.8, 3) * mix
        color = color * rng.uniform(0.6, 1.25)
        tile = np.clip(self._relief[name][..., None] * color * 255, 0, 255).astype(np.uint8)
        return tile, side * rng.uniform(0.7, 1.5)


def _noise(rng: np.random.Generator, frequency: int) -> np.ndarray:
    """(SIZE, SIZE) seamless noise, zero mean, about in [-1, 1], `frequency` cycles per tile."""
    spectrum = np.fft.rfft2(rng.normal(size=(SIZE, SIZE)))
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = np.fft.rfftfreq(SIZE)[None] * SIZE
    radius = np.hypot(fx, fy)
    spectrum *= np.exp(-((radius - frequency) ** 2) / (2 * (0.5 * frequency) ** 2))
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (SIZE, SIZE))
    return (field / (2 * field.std())).astype(np.float32)


def _blocks(
    rng: np.random.Generator, *, rows: int, cols: int, shift: float, gap: int, spread: float
) -> np.ndarray:
    """Rows of blocks with dark joints; every second row is shifted by a share of a block."""
    y, x = np.indices((SIZE, SIZE))
    height, width = SIZE // rows, SIZE // cols
    row = y // height
    moved = (x + (row % 2) * int(shift * width)) % SIZE
    col = moved // width
    tone = 1 + spread * rng.uniform(-1, 1, (rows, cols)).astype(np.float32)
    relief = tone[row, col]
    joint = (y % height < gap) | (moved % width < gap)
    relief = np.where(joint, 0.55, relief) + 0.06 * _noise(rng, 60) + 0.05 * _noise(rng, 6)
    return relief.astype(np.float32)


def _grass(rng: np.random.Generator) -> np.ndarray:
    """Blades: streaks of random direction."""
    relief = np.full((3 * SIZE, 3 * SIZE), 0.55, dtype=np.float32)
    for _ in range(6000):
        at = rng.integers(0, SIZE, 2)
        along = rng.normal(0, 6, 2)
        tone = float(rng.uniform(0.4, 1.25))
        for dy in (0, SIZE, 2 * SIZE):
            for dx in (0, SIZE, 2 * SIZE):
                start = (int(at[0] + dx), int(at[1] + dy))
                end = (int(at[0] + dx + along[0]), int(at[1] + dy + along[1]))
                cv2.line(relief, start, end, tone, 1, cv2.LINE_AA)
    return relief[SIZE : 2 * SIZE, SIZE : 2 * SIZE] + 0.08 * _noise(rng, 5)


def _gravel(rng: np.random.Generator) -> np.ndarray:
    """Round stones over one another."""
    relief = np.full((3 * SIZE, 3 * SIZE), 0.45, dtype=np.float32)
    for _ in range(1500):
        at = rng.integers(0, SIZE, 2)
        axes = rng.uniform(2, 6, 2).astype(int)
        angle, tone = float(rng.uniform(0, 180)), float(rng.uniform(0.5, 1.25))
        for dy in (0, SIZE, 2 * SIZE):
            for dx in (0, SIZE, 2 * SIZE):
                center = (int(at[0] + dx), int(at[1] + dy))
                size = (int(axes[0]), int(axes[1]))
                cv2.ellipse(relief, center, size, angle, 0, 360, tone, -1, cv2.LINE_AA)
    return relief[SIZE : 2 * SIZE, SIZE : 2 * SIZE] + 0.06 * _noise(rng, 70)
