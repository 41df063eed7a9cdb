"""What a real camera does to a picture: exposure, colour, blur, noise."""

import cv2
import numpy as np


def apply_effects(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random exposure, contrast, white balance, saturation, blur and noise.

    Args:
        image: The picture.
        rng: Source of chance.

    Shapes:
        image: (H, W, 3) uint8.  returns: the same.
    """
    image = cv2.LUT(image, _tone_curves(rng))
    saturation = float(np.clip(rng.normal(1.0, 0.2), 0.3, 1.5))
    if rng.random() < 0.03:
        saturation = 0.0
    grey = cv2.merge([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)] * 3)
    image = cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)
    kind = rng.random()
    if kind < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.3)))
    elif kind < 0.47:
        image = cv2.filter2D(image, -1, _motion_kernel(rng))
    if rng.random() < 0.8:
        image = _add_noise(image, float(min(rng.gamma(2.0, 1.5), 10.0)), rng)
    return image


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """An RGB picture as the bytes of a JPEG file.

    Args:
        image: The picture.
        quality: 0..100.

    Shapes:
        image: (H, W, 3) uint8 RGB.
    """
    _, data = cv2.imencode(
        '.jpg', np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return data.tobytes()


def _tone_curves(rng: np.random.Generator) -> np.ndarray:
    """(1, 256, 3) look-up table."""
    level = np.arange(256)[:, None] / 255
    gain = np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.04, 3))
    gamma, contrast = np.exp(rng.normal(0, 0.15)), np.clip(rng.normal(1, 0.12), 0.7, 1.3)
    curve = (gain * level) ** gamma
    curve = 0.45 + contrast * (curve - 0.45)
    return np.clip(curve * 255 + 0.5, 0, 255).astype(np.uint8)[None]


def _motion_kernel(rng: np.random.Generator) -> np.ndarray:
    """A short straight smear."""
    length = int(rng.integers(3, 8))
    kernel = np.zeros((9, 9), dtype=np.float32)
    angle = rng.uniform(0, np.pi)
    half = 0.5 * (length - 1) * np.array([np.cos(angle), np.sin(angle)])
    start, end = np.round(4 - half).astype(int), np.round(4 + half).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0, 1, cv2.LINE_AA)
    return kernel / kernel.sum()


def _add_noise(image: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Sensor noise: mostly in brightness, and some coarser in colour."""
    height, width = image.shape[:2]
    fine = rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(scale)
    size = ((height + 1) // 2, (width + 1) // 2, 3)
    coarse = rng.standard_normal(size, dtype=np.float32) * np.float32(0.4 * scale)
    noise = fine + cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(image + noise + 0.5, 0, 255).astype(np.uint8)
