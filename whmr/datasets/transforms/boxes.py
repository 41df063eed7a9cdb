"""The square box around a person, and its random scale and shift."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from whmr.datasets.transforms.randomness import worker_rng
from whmr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class GetBox(BaseTransform):
    """Make the square box of a tight person box: the same centre, side = longer side * padding.

    Required Keys:

    - bbox
    - ori_shape

    Added Keys:

    - bbox_center
    - bbox_size

    Args:
        padding: How much larger the square is than the tight box.

    Raises:
        ValueError: `padding` is not positive.

    Shapes: `bbox` (4,) xyxy, `bbox_center` (2,) float64, `bbox_size` (); full px.
    """

    def __init__(self, padding: float = 1.2) -> None:
        if not padding > 0:
            raise ValueError(f'padding must be positive, got {padding}')
        self.padding = padding

    def transform(self, results: dict) -> dict:
        """Add the square box.

        Args:
            results: The sample.

        Raises:
            ValueError: The tight box has no area, is not finite, or lies outside the photo.

        Shapes: as in the class.
        """
        box = np.asarray(results['bbox'], np.float64)
        where = f'{results.get("img_path", "sample")}: bbox {box.tolist()}'
        if box.shape != (4,) or not np.isfinite(box).all():
            raise ValueError(f'{where} must be four finite numbers x1, y1, x2, y2')
        size = box[2:] - box[:2]
        if not (size > 0).all():
            raise ValueError(
                f'{where} has no area; it must be x1, y1, x2, y2 with x2 > x1, y2 > y1'
            )
        height, width = results['ori_shape']
        if box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height:
            raise ValueError(f'{where} lies outside the photo of {height} x {width} px (H x W)')
        results['bbox_center'] = (box[:2] + box[2:]) / 2
        results['bbox_size'] = float(size.max() * self.padding)
        return results


@TRANSFORMS.register_module()
class RandomBoxScale(BaseTransform):
    """Scale the square box; touches nothing but the crop.

    The factor is normal around 1 and clipped, as in W-HMR's release (sigma 0.25, 0.75 to 1.25).

    Required Keys:

    - bbox_size

    Modified Keys:

    - bbox_size

    Args:
        sigma: Standard deviation of the factor.
        limits: Smallest and largest factor.
        prob: How often.

    Raises:
        ValueError: A number is out of its range.

    Shapes: `bbox_size` () full px.
    """

    def __init__(
        self, sigma: float = 0.25, limits: tuple[float, float] = (0.75, 1.25), *, prob: float = 1.0
    ) -> None:
        if sigma < 0 or not 0 < limits[0] <= limits[1] or not 0 <= prob <= 1:
            raise ValueError(
                'need sigma >= 0, 0 < limits[0] <= limits[1] and prob in [0, 1], '
                f'got {sigma}, {limits} and {prob}'
            )
        self.sigma, self.limits, self.prob = sigma, tuple(limits), prob

    @cache_randomness
    def _random_factor(self) -> float:
        rng = worker_rng()
        if rng.random() >= self.prob:
            return 1.0
        return float(np.clip(rng.normal(1.0, self.sigma), *self.limits))

    def transform(self, results: dict) -> dict:
        """Scale the box.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        results['bbox_size'] = results['bbox_size'] * self._random_factor()
        return results


@TRANSFORMS.register_module()
class RandomBoxShift(BaseTransform):
    """Shift the square box; touches nothing but the crop.

    W-HMR's paper lists this augmentation; its release draws the numbers and never uses them.

    Required Keys:

    - bbox_center
    - bbox_size

    Modified Keys:

    - bbox_center

    Args:
        max_shift: Largest shift along x and y, as a share of the box's side; uniform.
        prob: How often.

    Raises:
        ValueError: A number is out of its range.

    Shapes: `bbox_center` (2,) full px.
    """

    def __init__(self, max_shift: float = 0.1, *, prob: float = 1.0) -> None:
        if not 0 <= max_shift < 1 or not 0 <= prob <= 1:
            raise ValueError(
                f'need max_shift in [0, 1) and prob in [0, 1], got {max_shift} and {prob}'
            )
        self.max_shift, self.prob = max_shift, prob

    @cache_randomness
    def _random_shift(self) -> np.ndarray:
        rng = worker_rng()
        if rng.random() >= self.prob:
            return np.zeros(2)
        return rng.uniform(-self.max_shift, self.max_shift, 2)

    def transform(self, results: dict) -> dict:
        """Shift the box.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        shift = self._random_shift() * results['bbox_size']
        results['bbox_center'] = results['bbox_center'] + shift
        return results
