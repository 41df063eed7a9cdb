"""Things that hide parts of a person."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from whmr.datasets.transforms.randomness import worker_rng
from whmr.registry import TRANSFORMS

SHAPES = ('rectangle', 'ellipse', 'polygon')
FILLS = ('color', 'noise', 'photo')


@TRANSFORMS.register_module()
class RandomOcclusion(BaseTransform):
    """Paste random shapes over the crop, filled with a colour, noise, or another part of the photo.

    Stands in for the pasted objects of W-HMR's release, which come from a data set of their own
    and are pasted on every sample; here some samples stay free.

    Required Keys:

    - crop
    - img or encoded (for the fill `photo`)

    Modified Keys:

    - crop

    Args:
        prob: How often, below 1.
        num: Fewest and most shapes.
        size: Range of a shape's width and height, as a share of the crop's longer side.
        shapes: Kinds of shapes: `rectangle`, `ellipse`, `polygon`.
        fills: Kinds of fills: `color`, `noise`, `photo`.

    Raises:
        ValueError: A number is out of its range, or a kind is unknown.

    Shapes: `crop` (h, w, 3) uint8 BGR.
    """

    def __init__(
        self,
        prob: float = 0.5,
        num: tuple[int, int] = (1, 3),
        *,
        size: tuple[float, float] = (0.08, 0.35),
        shapes: Sequence[str] = SHAPES,
        fills: Sequence[str] = FILLS,
    ) -> None:
        if not 0 <= prob < 1:
            raise ValueError(f'prob must be in [0, 1) so that some samples stay free, got {prob}')
        if not 1 <= num[0] <= num[1]:
            raise ValueError(f'num must be (fewest, most) with 1 <= fewest <= most, got {num}')
        if not 0 < size[0] <= size[1] <= 1:
            raise ValueError(f'size must be (low, high) in (0, 1], got {size}')
        for name, given, known in (('shapes', shapes, SHAPES), ('fills', fills, FILLS)):
            if not given or not set(given) <= set(known):
                raise ValueError(f'{name} must be some of {known}, got {tuple(given)}')
        self.prob, self.num, self.size = prob, tuple(num), tuple(size)
        self.shapes, self.fills = tuple(shapes), tuple(fills)

    @cache_randomness
    def _random_number(self) -> int:
        rng = worker_rng()
        if rng.random() >= self.prob:
            return 0
        return int(rng.integers(*self.num, endpoint=True))

    def transform(self, results: dict) -> dict:
        """Hide parts of the crop, or none.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        number = self._random_number()
        if number:
            rng, crop = worker_rng(), results['crop'].copy()
            for _ in range(number):
                self._paste(crop, _any_picture(results), rng)
            results['crop'] = crop
        return results

    def _paste(self, crop: np.ndarray, photo: np.ndarray, rng: np.random.Generator) -> None:
        height, width = crop.shape[:2]
        w, h = np.maximum(2, rng.uniform(*self.size, 2) * max(height, width)).astype(int)
        left = int(rng.integers(-w // 2, width - w // 2))
        top = int(rng.integers(-h // 2, height - h // 2))
        mask, fill = self._mask(h, w, rng), self._fill(h, w, photo, rng)
        y, x = slice(max(top, 0), min(top + h, height)), slice(max(left, 0), min(left + w, width))
        inner = (slice(y.start - top, y.stop - top), slice(x.start - left, x.stop - left))
        crop[y, x][mask[inner]] = fill[inner][mask[inner]]

    def _mask(self, h: int, w: int, rng: np.random.Generator) -> np.ndarray:
        shape = rng.choice(self.shapes)
        if shape == 'rectangle':
            return np.ones((h, w), bool)
        mask = np.zeros((h, w), np.uint8)
        if shape == 'ellipse':
            cv2.ellipse(mask, (w // 2, h // 2), (max(w // 2, 1), max(h // 2, 1)), 0, 0, 360, 1, -1)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 9)))
            radius = rng.uniform(0.4, 1.0, len(angles))
            ring = np.column_stack([np.cos(angles), np.sin(angles)]) * radius[:, None]
            cv2.fillPoly(mask, [np.round((ring + 1) / 2 * (w - 1, h - 1)).astype(np.int32)], 1)
        return mask.astype(bool)

    def _fill(self, h: int, w: int, photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        fill = rng.choice(self.fills)
        if fill == 'noise':
            return rng.integers(0, 256, (h, w, 3), np.uint8)
        if fill == 'color':
            return np.full((h, w, 3), rng.integers(0, 256, 3, np.uint8), np.uint8)
        share = rng.uniform(0.05, 0.4)
        rows, cols = (max(2, int(n * share)) for n in photo.shape[:2])
        top = int(rng.integers(0, max(photo.shape[0] - rows, 0) + 1))
        left = int(rng.integers(0, max(photo.shape[1] - cols, 0) + 1))
        patch = photo[top : top + rows, left : left + cols]
        return cv2.resize(patch, (int(w), int(h)), interpolation=cv2.INTER_LINEAR)


def _any_picture(results: dict) -> np.ndarray:
    if 'encoded' in results:
        return results['encoded'].any_pixels
    return results['img'] if 'img' in results else results['crop']
