"""The bundled motion clips and panoramas (`assets/README.md` names their sources and licences)."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from whmr.body_models.free_body import ASSETS as BODY_ASSETS

ASSETS = Path(__file__).parent / 'assets'


@dataclass(frozen=True)
class PanoramaLight:
    """The light that a panorama sheds.

    Args:
        direction: Unit vector toward the strongest light in the panorama's own axes (x right,
            y down, z toward the middle column).
        share: Share of all light that comes from there, in [0, 1].
        ambient: RGB colour of the rest, largest channel 1.
    """

    direction: tuple[float, float, float]
    share: float
    ambient: tuple[float, float, float]


def assets_checksum() -> int:
    """Checksum of all bundled files that a synthetic world is made from, the body's included.

    Shapes: none.
    """
    checksum = 0
    files = [*ASSETS.rglob('*.npz'), *ASSETS.rglob('*.jpg'), *ASSETS.rglob('*.json')]
    for path in [*sorted(files), *sorted(BODY_ASSETS.glob('free_body*.npz'))]:
        checksum = zlib.crc32(path.read_bytes(), checksum)
    return checksum


def load_motion_clips(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Motion clips by name.

    Args:
        names: Which clips.

    Raises:
        KeyError: There is no clip of that name.

    Shapes: T frames.
        returns: (T, 41) float32: 40 rotation numbers (see `motion.retarget_frame`), then the
        height of the figure above the ground, m.
    """
    with np.load(ASSETS / 'motions.npz', allow_pickle=False) as data:
        unknown = sorted(set(names) - set(data.files))
        if unknown:
            raise KeyError(f'no motion clip(s) {unknown}; the bundled ones are {data.files}')
        return {name: data[name].astype(np.float32) for name in names}


def load_panorama(name: str) -> np.ndarray:
    """A panorama by name.

    Args:
        name: A name of `load_panorama_lights`.

    Raises:
        FileNotFoundError: There is no panorama of that name.

    Shapes:
        returns: (h, w, 3) uint8 RGB, equirectangular, the middle row is the horizon.
    """
    path = ASSETS / 'panoramas' / f'{name}.jpg'
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(f'{path}: no bundled panorama of that name')
    return np.ascontiguousarray(image[..., ::-1])


def load_panorama_lights() -> dict[str, PanoramaLight]:
    """The light of every bundled panorama, by name.

    Shapes: none.
    """
    table = json.loads((ASSETS / 'panoramas.json').read_text(encoding='utf-8'))
    return {
        name: PanoramaLight(
            tuple(light['light_direction']), light['light_share'], tuple(light['ambient_rgb'])
        )
        for name, light in table.items()
    }
