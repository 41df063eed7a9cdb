"""Procedural skin, hair and clothes, painted on a body's surface atlas."""

from collections.abc import Callable

import cv2
import numpy as np

from whmr.datasets.synthetic.surface_atlas import SurfaceAtlas
from whmr.keypoints import JOINT_SETS

# Parts of the atlas.
TORSO, HANDS, FEET = (1, 2), (3, 4), (5, 6)
LEGS, ARMS, HEAD = tuple(range(7, 15)), tuple(range(15, 23)), (23, 24)

# Skin albedos from light to dark, RGB.
SKIN = np.array(
    [
        [0.93, 0.77, 0.68],
        [0.88, 0.69, 0.58],
        [0.80, 0.60, 0.47],
        [0.68, 0.48, 0.36],
        [0.52, 0.35, 0.25],
        [0.36, 0.24, 0.18],
    ],
    dtype=np.float32,
)
HAIR = np.array(
    [
        [0.08, 0.07, 0.07],
        [0.17, 0.11, 0.08],
        [0.33, 0.21, 0.13],
        [0.62, 0.47, 0.28],
        [0.48, 0.22, 0.12],
        [0.62, 0.61, 0.60],
    ],
    dtype=np.float32,
)
NOISE_FREQUENCIES = (3.0, 8.0, 20.0, 50.0)  # cycles per metre
NOISES_PER_FREQUENCY = 4


class Wardrobe:
    """Paints people: every call gives one texture with skin, a face, hair, clothes and shoes.

    Args:
        atlas: Where to paint.
        rest_joints: The body's joints in its rest pose, joint set `smpl54`.

    Shapes:
        rest_joints: (54, 3) m, model frame.
    """

    def __init__(self, atlas: SurfaceAtlas, rest_joints: np.ndarray) -> None:
        self.atlas = atlas
        self._joint = dict(zip(JOINT_SETS['smpl54'].joints, rest_joints, strict=True))
        self._xyz = atlas.positions.reshape(-1, 3)
        self._part = {
            name: np.isin(atlas.parts.ravel(), parts)
            for name, parts in dict(
                torso=TORSO, hands=HANDS, feet=FEET, legs=LEGS, arms=ARMS, head=HEAD
            ).items()
        }
        self._across, self._height = np.abs(self._xyz[:, 0]), self._xyz[:, 1].copy()
        knee = rest_joints[JOINT_SETS['smpl54'].index('left_knee')][1]
        below = (self._part['feet'] | self._part['legs']) & (self._xyz[:, 1] < knee)
        self._below_knee = np.flatnonzero(below)
        self._noise = _noise_fields(self._xyz)

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """Paint one person.

        Shapes:
            returns: (h, w, 3) uint8 RGB albedo over the atlas.
        """
        texture = np.empty_like(self._xyz)
        tone = rng.uniform(0, len(SKIN) - 1)
        low = min(int(tone), len(SKIN) - 2)
        skin = SKIN[low] + (SKIN[low + 1] - SKIN[low]) * (tone - low)
        texture[:] = skin * rng.uniform(0.92, 1.05)
        texture *= 1 + np.float32(0.05) * self._pick_noise(1, rng)[:, None]
        self._paint_face(texture, skin, rng)
        self._paint_hair(texture, rng)
        self._paint_feet(texture, rng)
        self._paint_clothes(texture, rng)
        np.clip(texture, 0, 1, out=texture)
        texture *= 255
        return texture.astype(np.uint8).reshape(*self.atlas.shape, 3)

    def _pick_noise(self, level: int, rng: np.random.Generator) -> np.ndarray:
        return self._noise[level, rng.integers(NOISES_PER_FREQUENCY)]

    def _paint_face(self, texture: np.ndarray, skin: np.ndarray, rng: np.random.Generator) -> None:
        rows = np.flatnonzero(self._part['head'])
        xyz = self._xyz[rows]
        side = np.abs(xyz[:, 0])
        front = xyz[:, 2] > 0.5 * (self._joint['nose'][2] + self._joint['left_ear'][2])
        eye = np.abs(self._joint['left_eye'])
        across, up = side - eye[0], xyz[:, 1] - eye[1]
        white = front & (across**2 + (1.8 * up) ** 2 < 0.015**2)
        iris = front & (across**2 + up**2 < 0.008**2)
        brow = front & (np.abs(up - 0.022 - 0.15 * across) < 0.005) & (np.abs(across) < 0.02)
        mouth = front & (np.abs(xyz[:, 1] - self._joint['nose'][1] + 0.042) < 0.007)
        mouth &= side < 0.024
        texture[rows[white]] = (0.85, 0.83, 0.80)
        texture[rows[iris]] = rng.uniform(0.05, 0.3)
        texture[rows[brow]] *= 0.45
        texture[rows[mouth]] *= (0.85, 0.6, 0.6)

    def _paint_hair(self, texture: np.ndarray, rng: np.random.Generator) -> None:
        if rng.random() < 0.08:
            return
        color = HAIR[rng.integers(len(HAIR))] * rng.uniform(0.8, 1.2)
        xyz, head = self._xyz, self._part['head']
        eye, ear = self._joint['left_eye'], self._joint['left_ear']
        back = (eye[2] - xyz[:, 2]) / (eye[2] - ear[2])  # 0 at the eyes, 1 at the ears
        line = eye[1] + 0.065 - rng.uniform(0.06, 0.085) * np.clip(back, -0.5, 2.2)
        hair = head & (xyz[:, 1] > line + 0.01 * self._pick_noise(3, rng))
        style = rng.random()
        if style < 0.4:  # long
            end = rng.uniform(self._joint['spine3'][1], self._joint['neck'][1])
            width = rng.uniform(0.07, 0.11)
            long = (self._part['torso'] | head) & (xyz[:, 1] > end) & (back > 1.25)
            hair |= long & (np.abs(xyz[:, 0]) < width)
        elif style < 0.55:  # a beard
            beard = (xyz[:, 1] < self._joint['nose'][1] - 0.02) & (back < 0.9)
            beard &= xyz[:, 1] > self._joint['nose'][1] - 0.12
            texture[head & beard] = 0.5 * texture[head & beard] + 0.5 * color
        texture[hair] = color * (1 + 0.25 * self._pick_noise(3, rng)[hair, None])

    def _paint_feet(self, texture: np.ndarray, rng: np.random.Generator) -> None:
        ankle = float(self._joint['left_ankle'][1])
        rows, height = self._below_knee, self._xyz[self._below_knee, 1]
        if rng.random() < 0.3:
            socks = rows[height < ankle + rng.uniform(0.05, 0.3)]
            texture[socks] = self._cloth(socks, rng)
        if rng.random() < 0.12:
            return  # barefoot, or in socks
        top = rng.choice([0.0, 0.03, 0.12, 0.3], p=[0.4, 0.4, 0.1, 0.1])
        shoes = rows[height < ankle + top]
        texture[shoes] = self._cloth(shoes, rng, plain=True, muted=True)
        sole = rows[height < float(self._joint['left_heel'][1]) + 0.012]
        texture[sole] = rng.uniform(0.05, 0.95)

    def _paint_clothes(self, texture: np.ndarray, rng: np.random.Generator) -> None:
        height, across = self._height, self._across
        wobble = np.float32(0.004) * self._pick_noise(2, rng)
        waist = rng.uniform(0.02, 0.1)
        bottom = np.flatnonzero(self._trousers(waist, height - wobble, rng))
        top = np.flatnonzero(self._shirt(waist, height - wobble, across - wobble, rng))
        layers = [(bottom, self._cloth(bottom, rng)), (top, self._cloth(top, rng, logo=True))]
        if rng.random() < 0.03:
            layers.pop()  # no shirt
        elif rng.random() < 0.25:
            layers.reverse()  # tucked in
        for rows, cloth in layers:
            texture[rows] = cloth
        if rng.random() < 0.04:
            hands = np.flatnonzero(self._part['hands'])
            texture[hands] = self._cloth(hands, rng, plain=True)

    def _trousers(self, waist: float, height: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which texels trousers of any length cover."""
        knee, ankle, hip = (self._joint[f'left_{name}'][1] for name in ('knee', 'ankle', 'hip'))
        hems = [ankle + 0.02, ankle + 0.15, knee - 0.05, 0.5 * (knee + hip), hip - 0.06]
        hem = float(rng.choice(hems, p=[0.55, 0.1, 0.15, 0.15, 0.05]))
        return (self._part['legs'] & (height > hem)) | (self._part['torso'] & (height < waist))

    def _shirt(
        self, waist: float, height: np.ndarray, across: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Which texels a shirt covers, or a dress."""
        knee, hip = self._joint['left_knee'][1], self._joint['left_hip'][1]
        shoulder, elbow, wrist = (
            self._joint[f'left_{name}'][0] for name in ('shoulder', 'elbow', 'wrist')
        )
        sleeves = [shoulder - 0.03, elbow - 0.1, elbow, wrist - 0.1, wrist]
        sleeve = float(rng.choice(sleeves, p=[0.12, 0.38, 0.1, 0.1, 0.3]))
        collar = float(self._joint['neck'][1] + rng.uniform(-0.02, 0.03))
        depth = 0.5 * rng.uniform(0, 1.5)
        neckline = collar - depth * np.clip(np.float32(0.09) - across, 0, None)
        trunk, end = self._part['torso'], float(rng.uniform(-0.1, waist + 0.02))
        if rng.random() < 0.08:
            trunk, end = trunk | self._part['legs'], float(rng.uniform(knee, hip - 0.05))
        covered = trunk & (height > end) & (height < neckline)
        return covered | (self._part['arms'] & (across < sleeve))

    def _cloth(
        self,
        rows: np.ndarray,
        rng: np.random.Generator,
        *,
        plain: bool = False,
        muted: bool = False,
        logo: bool = False,
    ) -> np.ndarray:
        """Albedo of a piece of cloth on some texels, (n, 3)."""
        first, second = cloth_color(rng), cloth_color(rng)
        if muted:
            first = 0.35 * first + 0.65 * np.float32(rng.choice([0.1, 0.25, 0.85]))
        cloth = np.empty((len(rows), 3), dtype=np.float32)
        cloth[:] = first
        if not plain and rng.random() < 0.5:
            patterns: tuple[Callable, ...] = (_stripes, _checks, _dots, _two_tone)
            choice = rng.integers(len(patterns) + 1)
            if choice == len(patterns):  # blotches
                noise = self._pick_noise(rng.integers(1, 3), rng)[rows]
                blend = np.clip(3 * noise + 0.5, 0, 1)
            else:
                blend = patterns[choice](self._xyz[rows], rng)
            cloth += (second - first) * blend[:, None]
        if logo and rng.random() < 0.3:
            self._print_logo(cloth, rows, rng)
        tone = np.float32(0.10) * self._pick_noise(1, rng)[rows]
        tone += np.float32(0.08) * self._pick_noise(2, rng)[rows]
        tone += np.float32(rng.uniform(0, 0.08)) * self._pick_noise(3, rng)[rows]
        tone += 1
        cloth *= tone[:, None]
        return cloth

    def _print_logo(self, cloth: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> None:
        """Draw a two-coloured square on the chest or the back."""
        xyz = self._xyz[rows]
        size, low = rng.uniform(0.04, 0.11), rng.uniform(0.1, 0.25)
        square = (np.abs(xyz[:, 0]) < size) & (np.abs(xyz[:, 1] - low - size) < size)
        square &= (xyz[:, 2] > 0.06) == (rng.random() < 0.75)
        mark = self._pick_noise(rng.integers(1, 4), rng)[rows[square]] > 0
        cloth[square] = np.where(mark[:, None], cloth_color(rng), cloth_color(rng))


def cloth_color(rng: np.random.Generator) -> np.ndarray:
    """A colour that clothes have: often grey, dark, white or blue, sometimes bright.

    Shapes:
        returns: (3,) float32 RGB in [0, 1].
    """
    kind = rng.random()
    if kind < 0.35:
        return (rng.uniform(0.06, 0.95) * rng.uniform(0.95, 1.0, 3)).astype(np.float32)
    hue = rng.uniform(195, 235) if kind < 0.5 else rng.uniform(0, 360)
    saturation, value = rng.uniform(0.2, 0.85), rng.uniform(0.15, 0.9)
    hsv = np.array([[[hue, saturation, value]]], dtype=np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


def _stripes(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    axis = (1, 0)[int(rng.random() < 0.35)]
    period, width = rng.uniform(0.02, 0.14), rng.uniform(0.25, 0.75)
    phase = (xyz[:, axis] / period + rng.random()) % 1
    return (phase < width).astype(np.float32)


def _checks(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(0.03, 0.12)
    across, up = (xyz[:, 0] / period) % 1 < 0.5, (xyz[:, 1] / period) % 1 < 0.5
    return np.float32(0.5) * across + np.float32(0.5) * up


def _dots(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(0.03, 0.08)
    offset = (xyz[:, :2] / period) % 1 - 0.5
    return ((offset**2).sum(1) < rng.uniform(0.03, 0.12)).astype(np.float32)


def _two_tone(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A seam: sleeves or sides of another colour, or an upper half."""
    if rng.random() < 0.5:
        return (np.abs(xyz[:, 0]) > rng.uniform(0.1, 0.2)).astype(np.float32)
    return (xyz[:, 1] > rng.uniform(0.15, 0.3)).astype(np.float32)


def _noise_fields(xyz: np.ndarray) -> np.ndarray:
    """(levels, fields, n) smooth noise over the surface, about in [-1, 1], the same every time."""
    rng = np.random.default_rng(0)
    fields = []
    for frequency in NOISE_FREQUENCIES:
        for _ in range(NOISES_PER_FREQUENCY):
            waves = rng.normal(0, frequency * 2 * np.pi / 1.7, (12, 3)).astype(np.float32)
            phase = rng.uniform(0, 2 * np.pi, 12).astype(np.float32)
            fields.append(np.sin(xyz @ waves.T + phase).sum(1) / 3.5)
    shape = (len(NOISE_FREQUENCIES), NOISES_PER_FREQUENCY, len(xyz))
    return np.stack(fields).astype(np.float32).reshape(shape)
