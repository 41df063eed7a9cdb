"""Changes of colour and sharpness."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from whmr.datasets.transforms.randomness import worker_rng
from whmr.registry import TRANSFORMS

_LUMA_BGR = np.array([0.114, 0.587, 0.299])


@TRANSFORMS.register_module()
class PhotometricJitter(BaseTransform):
    """Random channel gains, brightness, contrast, saturation, hue, grey, blur and JPEG coding.

    All ranges lie around "no change" (W-HMR's release darkens strongly by mistake). The colour
    changes are one affine map of the colours; crop and whole photo get the same map.

    Required Keys:

    - crop and/or full

    Modified Keys:

    - crop, full (those of `keys` that are there)

    Args:
        channel_gain: Range of the factor of each channel (release: 0.6 to 1.4), always applied.
        brightness: Brightness factor in 1 +- this.
        contrast: Contrast factor in 1 +- this, about the picture's mean grey.
        saturation: Saturation factor in 1 +- this.
        hue_deg: Hue turned by up to this, degrees.
        color_prob: How often brightness, contrast, saturation and hue are changed.
        gray_prob: How often the colour is taken away.
        blur_prob: How often the crop is blurred.
        blur_sigma: Range of the Gaussian blur, px of the crop.
        jpeg_prob: How often the crop is JPEG-coded.
        jpeg_quality: Range of the quality, 1 to 100.
        keys: Which pictures get the colour change; blur and coding touch only the crop.

    Raises:
        ValueError: A number is out of its range.

    Shapes: `crop` (h, w, 3), `full` (H', W', 3), uint8 BGR.
    """

    def __init__(
        self,
        *,
        channel_gain: tuple[float, float] = (1.0, 1.0),
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        hue_deg: float = 10.0,
        color_prob: float = 0.8,
        gray_prob: float = 0.0,
        blur_prob: float = 0.0,
        blur_sigma: tuple[float, float] = (0.3, 1.5),
        jpeg_prob: float = 0.0,
        jpeg_quality: tuple[int, int] = (30, 95),
        keys: Sequence[str] = ('crop', 'full'),
    ) -> None:
        for name, value in (
            ('brightness', brightness),
            ('contrast', contrast),
            ('saturation', saturation),
            ('color_prob', color_prob),
            ('gray_prob', gray_prob),
            ('blur_prob', blur_prob),
            ('jpeg_prob', jpeg_prob),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must be in [0, 1], got {value}')
        if not 0 <= hue_deg <= 180:
            raise ValueError(f'hue_deg must be in [0, 180], got {hue_deg}')
        for name, low, (a, b), high in (
            ('channel_gain', 0, channel_gain, np.inf),
            ('blur_sigma', 0, blur_sigma, np.inf),
            ('jpeg_quality', 1, jpeg_quality, 100),
        ):
            if not low <= a <= b <= high:
                raise ValueError(f'{name} must be (low, high) in [{low}, {high}], got {(a, b)}')
        self.channel_gain = tuple(channel_gain)
        self.brightness, self.contrast = brightness, contrast
        self.saturation, self.hue_deg = saturation, hue_deg
        self.color_prob, self.gray_prob = color_prob, gray_prob
        self.blur_prob, self.blur_sigma = blur_prob, tuple(blur_sigma)
        self.jpeg_prob, self.jpeg_quality = jpeg_prob, tuple(jpeg_quality)
        self.keys = tuple(keys)

    @cache_randomness
    def _random_color(self) -> tuple[np.ndarray, float]:
        """The 3 x 3 colour map, and the contrast factor (its offset needs the picture's mean)."""
        rng, matrix, contrast = worker_rng(), np.eye(3), 1.0
        if rng.random() < self.color_prob:
            hue = np.deg2rad(rng.uniform(-self.hue_deg, self.hue_deg))
            saturation = 1 + rng.uniform(-self.saturation, self.saturation)
            contrast = 1 + rng.uniform(-self.contrast, self.contrast)
            gain = 1 + rng.uniform(-self.brightness, self.brightness)
            matrix = gain * _saturation(saturation) @ _hue_turn(hue)
        if rng.random() < self.gray_prob:
            matrix = _saturation(0.0) @ matrix
        return matrix * rng.uniform(*self.channel_gain, 3)[:, None], float(contrast)

    @cache_randomness
    def _random_blur(self) -> float | None:
        rng = worker_rng()
        return float(rng.uniform(*self.blur_sigma)) if rng.random() < self.blur_prob else None

    @cache_randomness
    def _random_quality(self) -> int | None:
        rng = worker_rng()
        if rng.random() >= self.jpeg_prob:
            return None
        return int(rng.integers(*self.jpeg_quality, endpoint=True))

    def transform(self, results: dict) -> dict:
        """Change the pictures.

        Args:
            results: The sample.

        Raises:
            KeyError: None of `keys` is there.

        Shapes: as in the class.
        """
        present = [key for key in self.keys if key in results]
        if not present:
            raise KeyError(
                f'none of {self.keys} is there: '
                'put PhotometricJitter after CropPerson or ResizeFull'
            )
        matrix, contrast = self._random_color()
        for key in present:
            results[key] = _apply_color(results[key], matrix, contrast)
        sigma, quality = self._random_blur(), self._random_quality()
        if 'crop' in present:
            if sigma:
                results['crop'] = cv2.GaussianBlur(results['crop'], (0, 0), sigma)
            if quality is not None:
                _, code = cv2.imencode('.jpg', results['crop'], [cv2.IMWRITE_JPEG_QUALITY, quality])
                results['crop'] = cv2.imdecode(code, cv2.IMREAD_COLOR)
        return results


def _apply_color(picture: np.ndarray, matrix: np.ndarray, contrast: float) -> np.ndarray:
    if contrast == 1.0 and np.array_equal(matrix, np.eye(3)):
        return picture
    offset = 0.0
    if contrast != 1.0:
        mean = _LUMA_BGR @ (matrix @ np.array(cv2.mean(picture)[:3]))
        offset = (1 - contrast) * mean
    return cv2.transform(picture, np.column_stack([contrast * matrix, np.full(3, offset)]))


def _saturation(factor: float) -> np.ndarray:
    return factor * np.eye(3) + (1 - factor) * np.tile(_LUMA_BGR, (3, 1))


def _hue_turn(angle: float) -> np.ndarray:
    """A turn of the colours about the grey axis."""
    cosine, sine = np.cos(angle), np.sin(angle)
    cross = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3)
    return cosine * np.eye(3) + sine * cross + (1 - cosine) / 3 * np.ones((3, 3))
