"""Random camera motions: roll and flip."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from whmr.datasets.transforms.camera_motion import apply_flip, apply_roll
from whmr.datasets.transforms.randomness import worker_rng
from whmr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomFlip(BaseTransform):
    """Mirror the photo and every label (`camera_motion.apply_flip`).

    Required Keys:

    - ori_shape
    - bbox_center

    Modified Keys:

    - every label that is there, bbox_center, bbox

    Added Keys:

    - full2aug
    - flipped

    Args:
        prob: How often.

    Raises:
        ValueError: `prob` is not in [0, 1].

    Shapes: as in `HMRDataset`; `full2aug` (3, 3).
    """

    def __init__(self, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], got {prob}')
        self.prob = prob

    @cache_randomness
    def _random_choice(self) -> bool:
        return bool(worker_rng().random() < self.prob)

    def transform(self, results: dict) -> dict:
        """Mirror the sample, or not.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        return apply_flip(results) if self._random_choice() else results


@TRANSFORMS.register_module()
class RandomRoll(BaseTransform):
    """Roll the camera about the principal point (`camera_motion.apply_roll`).

    Required Keys:

    - ori_shape
    - bbox_center

    Modified Keys:

    - every label that is there, bbox_center, bbox

    Added Keys:

    - full2aug

    Args:
        prob: How often (W-HMR's release: 0.4).
        sigma_deg: Standard deviation of the angle, degrees.
        max_deg: Largest angle, degrees.

    Raises:
        ValueError: A number is out of its range.

    Shapes: as in `HMRDataset`; `full2aug` (3, 3).
    """

    def __init__(
        self, prob: float = 0.4, sigma_deg: float = 30.0, *, max_deg: float = 60.0
    ) -> None:
        if not 0 <= prob <= 1 or sigma_deg < 0 or not 0 <= max_deg <= 180:
            raise ValueError(
                'need prob in [0, 1], sigma_deg >= 0, max_deg in [0, 180]; '
                f'got {prob}, {sigma_deg}, {max_deg}'
            )
        self.prob, self.sigma_deg, self.max_deg = prob, sigma_deg, max_deg

    @cache_randomness
    def _random_angle(self) -> float | None:
        rng = worker_rng()
        if rng.random() >= self.prob:
            return None
        degrees = np.clip(rng.normal(0.0, self.sigma_deg), -self.max_deg, self.max_deg)
        return float(np.deg2rad(degrees))

    def transform(self, results: dict) -> dict:
        """Roll the sample's camera, or not.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        angle = self._random_angle()
        return results if angle is None else apply_roll(results, angle)
