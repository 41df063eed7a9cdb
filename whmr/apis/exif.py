"""The focal length that a camera wrote into its photo."""

import os

import numpy as np
from PIL import Image

from whmr.apis.known_camera import focal_from_35mm

_EXIF_IFD = 0x8769
_FOCAL_LENGTH, _FOCAL_LENGTH_35MM = 0x920A, 0xA405  # mm
_WIDTH, _HEIGHT = 0xA002, 0xA003  # px, as the camera took it
_PLANE_RESOLUTION, _PLANE_UNIT = 0xA20E, 0xA210  # px per unit of the sensor
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0}
_SHAPE_TOLERANCE = 0.01  # of the ratio of the sides: rounding when a photo is made smaller


def read_exif_focal(path: str | os.PathLike, image_shape: tuple[int, int]) -> float | None:
    """The focal length of a photo, in px, from its EXIF data; None where they do not say.

    `FocalLengthIn35mmFilm` by the diagonal (`focal_from_35mm`), else `FocalLength` with
    `FocalPlaneXResolution`. A photo whose sides have another ratio than EXIF's `PixelXDimension`
    and `PixelYDimension` was cropped, so that EXIF's focal length is not its own: None.

    Args:
        path: The photo.
        image_shape: H, W of the photo as it is seen, px.

    Shapes: returns: full px.
    """
    try:
        with Image.open(path) as image:
            tags = image.getexif().get_ifd(_EXIF_IFD)
    except (OSError, ValueError, SyntaxError):
        return None
    taken = [_number(tags.get(tag)) for tag in (_WIDTH, _HEIGHT)]
    if all(taken):
        ratio = (max(taken) / min(taken)) / (max(image_shape) / min(image_shape))
        if abs(ratio - 1) > _SHAPE_TOLERANCE:
            return None
    film = _number(tags.get(_FOCAL_LENGTH_35MM))
    if film:
        return focal_from_35mm(film, image_shape)
    focal, resolution = (_number(tags.get(tag)) for tag in (_FOCAL_LENGTH, _PLANE_RESOLUTION))
    unit = _UNIT_MM.get(tags.get(_PLANE_UNIT, 2))
    if not (focal and resolution and unit and all(taken)):
        return None
    return focal * resolution / unit * max(image_shape) / max(taken)


def _number(value: object) -> float:
    """0 where a tag is missing, not a number, or not positive."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if np.isfinite(number) and number > 0 else 0.0
