"""Backgrounds of the synthetic world, and the light that fits to each."""

from dataclasses import dataclass

import numpy as np

from whmr.datasets.synthetic.assets import PanoramaLight
from whmr.datasets.synthetic.ground_textures import GroundTextures
from whmr.datasets.synthetic.motion import turn_about
from whmr.rendering import Panorama, SceneGround, SceneLight, SkyGradient

LOWEST_SUN = 0.15  # sine of the least elevation of the light: shadows stay near


@dataclass(frozen=True)
class Surroundings:
    """What is around the people of a scene."""

    background: Panorama | SkyGradient
    light: SceneLight
    ground: SceneGround


class SurroundingsSampler:
    """Draws a background with its light and a ground.

    Args:
        panoramas: Panoramas by name.
        lights: Their light by name.
        panorama_share: Share of the scenes with a panorama; the rest have a plain sky.

    Shapes:
        panoramas: (h, w, 3) uint8 each.
    """

    def __init__(
        self,
        panoramas: dict[str, np.ndarray],
        lights: dict[str, PanoramaLight],
        *,
        panorama_share: float,
    ) -> None:
        self.panoramas = panoramas
        self.lights = lights
        self.panorama_share = panorama_share
        self._textures = GroundTextures()

    def __call__(self, ground: float, rng: np.random.Generator) -> Surroundings:
        """Draw the surroundings of a scene whose ground is the plane y = `ground` (m).

        Shapes: none.
        """
        texture, tile_size = self._textures(rng)
        look = dict(texture=texture, tile_size=tile_size, yaw=float(rng.uniform(0, 2 * np.pi)))
        if rng.random() < self.panorama_share:
            names = sorted(self.panoramas)
            name = names[rng.integers(len(names))]
            yaw = float(rng.uniform(-np.pi, np.pi))
            background = Panorama(self.panoramas[name], yaw, gain=float(rng.uniform(0.8, 1.25)))
            light = _panorama_light(self.lights[name], yaw, rng)
            # The panorama's own ground is seen through, in part or whole, with the shadows on it.
            solid = rng.random()
            opacity = 1.0 if solid < 0.55 else (0.0 if solid < 0.85 else rng.uniform(0.3, 0.9))
            plane = SceneGround(
                ground, opacity=float(opacity), fade_distance=float(rng.uniform(6, 50)), **look
            )
            return Surroundings(background, light, plane)
        background, light = _plain_sky(rng)
        plane = SceneGround(ground, fade_distance=float(rng.uniform(30, 150)), **look)
        return Surroundings(background, light, plane)


def _panorama_light(source: PanoramaLight, yaw: float, rng: np.random.Generator) -> SceneLight:
    x, y, z = turn_about(np.array([0.0, 1.0, 0.0]), yaw) @ np.asarray(source.direction)
    direction = (float(x), float(min(y, -LOWEST_SUN)), float(z))
    tint = 0.5 + 0.5 * np.asarray(source.ambient)
    share = np.clip(source.share * rng.uniform(0.8, 1.4), 0.03, 0.9)
    return _light(direction, share, tint, 0.5 + 0.5 / tint / (1 / tint).max(), rng)


def _plain_sky(rng: np.random.Generator) -> tuple[SkyGradient, SceneLight]:
    blue = rng.random()
    zenith = np.array([0.75, 0.77, 0.80]) * (1 - blue) + np.array([0.25, 0.48, 0.85]) * blue
    horizon = 0.3 * zenith + 0.7 * rng.uniform(0.75, 1.0, 3)
    nadir = rng.uniform(0.3, 0.7) * np.ones(3)
    gain = rng.uniform(0.6, 1.1)
    colors = (tuple(np.clip(color * gain, 0, 1).tolist()) for color in (zenith, horizon, nadir))
    heading, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.2)
    direction = (np.cos(heading) * np.cos(up), -np.sin(up), np.sin(heading) * np.cos(up))
    warm = np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.7, 1.0)])
    light = _light(direction, rng.uniform(0.1, 0.8), 0.6 + 0.4 * zenith, warm, rng)
    return SkyGradient(*colors), light


def _light(
    direction: tuple[float, float, float],
    share: float,
    ambient: np.ndarray,
    sun: np.ndarray,
    rng: np.random.Generator,
) -> SceneLight:
    """Sun and ambient light with a given share of sun; together about as bright as white paper."""
    total = rng.uniform(0.8, 1.25)
    sky = total * (0.95 - 0.65 * share) * ambient
    return SceneLight(
        direction=direction,
        sun=tuple((total * (0.15 + 1.25 * share) * sun).tolist()),
        sky=tuple(sky.tolist()),
        bounce=tuple((rng.uniform(0.35, 0.65) * sky).tolist()),
    )
