"""The two pictures that a network sees: the person's crop and the whole photo."""

import numpy as np
from mmcv.transforms import BaseTransform

from whmr.datasets.transforms.photo import photo_part, photo_shape
from whmr.datasets.transforms.warp import needed_window, shrinkage, warp_photo
from whmr.geometry import compose_affine, crop_affine, invert_affine
from whmr.registry import TRANSFORMS


def photo_affine(results: dict) -> np.ndarray:
    """The affine from the augmented photo back to the stored one.

    Args:
        results: The sample; without `full2aug` the photo is as it was.

    Shapes: returns: (2, 3) float64, full px -> photo px.
    """
    return invert_affine(np.asarray(results.get('full2aug', np.eye(3)), np.float64)[:2])


@TRANSFORMS.register_module()
class CropPerson(BaseTransform):
    """Warp the square box of the stored photo into the crop, augmentation included, in one step.

    The square of side max(h, w) around the crop's centre covers the box; a narrower crop shows the
    middle of it.

    Required Keys:

    - img or encoded
    - bbox_center
    - bbox_size
    - full2aug (optional)

    Added Keys:

    - crop
    - crop_shape
    - crop2full

    Args:
        crop_shape: Height and width of the network input.
        antialias: Average before shrinking strongly.

    Raises:
        ValueError: The shape is not two positive whole numbers.

    Shapes: `crop` (h, w, 3) uint8 BGR, `crop2full` (2, 3) float64, crop px -> full px.
    """

    def __init__(self, crop_shape: tuple[int, int], *, antialias: bool = True) -> None:
        if len(crop_shape) != 2 or not all(int(n) == n and n > 0 for n in crop_shape):
            raise ValueError(f'crop_shape must be (height, width) in whole px, got {crop_shape}')
        self.crop_shape = (int(crop_shape[0]), int(crop_shape[1]))
        self.antialias = antialias

    def transform(self, results: dict) -> dict:
        """Add the crop.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        crop2full = crop_affine(results['bbox_center'], results['bbox_size'], self.crop_shape)
        crop2photo = compose_affine(photo_affine(results), crop2full)
        window = needed_window(crop2photo, self.crop_shape, antialias=self.antialias)
        part = photo_part(results, shrinkage(crop2photo), window)
        results['crop'] = warp_photo(
            part.pixels, part.affine(crop2photo), self.crop_shape, antialias=self.antialias
        )
        results['crop_shape'] = self.crop_shape
        results['crop2full'] = crop2full
        return results


@TRANSFORMS.register_module()
class ResizeFull(BaseTransform):
    """Make the whole (augmented) photo for the camera calibrator, at a size of its own.

    Full pixels, the unit of all labels, stay those of the stored photo: only this picture is
    resized. It shows the photo from border to border, so angles and fields of view hold.

    Required Keys:

    - img or encoded
    - full2aug (optional)

    Added Keys:

    - full

    Args:
        short_side: Shorter side of the picture, px (SPEC's CamCalib: 600).
        max_long_side: The longer side is held to this, px; None = no limit.
        antialias: Average before shrinking strongly.

    Raises:
        ValueError: A side is not positive.

    Shapes: `full` (H', W', 3) uint8 BGR.
    """

    def __init__(
        self,
        short_side: int = 600,
        max_long_side: int | None = None,
        *,
        antialias: bool = True,
    ) -> None:
        if short_side <= 0 or (max_long_side is not None and max_long_side < 1):
            raise ValueError(f'sides must be positive, got {short_side} and {max_long_side}')
        self.short_side, self.max_long_side = short_side, max_long_side
        self.antialias = antialias

    def transform(self, results: dict) -> dict:
        """Add the picture.

        Args:
            results: The sample.

        Shapes: as in the class.
        """
        height, width = photo_shape(results)
        scale = self.short_side / min(height, width)
        if self.max_long_side is not None:
            scale = min(scale, self.max_long_side / max(height, width))
        shape = (max(1, round(height * scale)), max(1, round(width * scale)))
        resize = np.array([[width / shape[1], 0.0, 0.0], [0.0, height / shape[0], 0.0]])
        out2photo = compose_affine(photo_affine(results), resize)
        part = photo_part(results, shrinkage(out2photo))
        if shape == (height, width) and 'full2aug' not in results:
            results['full'] = part.pixels.copy()
        else:
            results['full'] = warp_photo(
                part.pixels, part.affine(out2photo), shape, antialias=self.antialias
            )
        return results
