"""What the user knows of a photo's camera."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from whmr.datasets import BadSampleError
from whmr.geometry import (
    gravity_to_pitch_roll,
    is_rotation,
    pitch_roll_to_rotmat,
    rotmat_to_pitch_roll,
    vfov_to_focal,
)

LENS_KEYS = ('focal_length', 'focal_length_35mm', 'vfov', 'intrinsics')
ROTATION_KEYS = ('world2cam_rotmat', 'pitch', 'roll', 'gravity')
EVERY_OTHER = '*'  # in a mapping photo -> entry: photos that it does not name
CENTER_TOLERANCE = 0.02  # of the photo's diagonal
FILM_DIAGONAL = float(np.hypot(36, 24))  # mm of the 35 mm film, 36 x 24


@dataclass(frozen=True)
class KnownCamera:
    """A camera that is used instead of a prediction; what is None is predicted.

    The principal point is taken to be the photo's middle (W-HMR Eq. 4).

    Args:
        focal_source: Where `focal_length` comes from: 'given' or 'exif'.

    Shapes: focal_length: full px.  world2cam_rotmat: (3, 3), x_cam = R x_world.
    """

    focal_length: float | None = None
    world2cam_rotmat: np.ndarray | None = None
    focal_source: str = 'given'

    @classmethod
    def build(cls, fields: Mapping[str, Any], image_shape: tuple[int, int]) -> 'KnownCamera':
        """From what a user writes down.

        Args:
            fields: At most one of `focal_length` (px of the full photo), `focal_length_35mm` (mm,
                see `focal_from_35mm`), `vfov` (vertical, rad) and `intrinsics` (3 x 3); and one of
                `world2cam_rotmat` (3 x 3, from any world whose +y is gravity; its yaw is removed),
                `gravity` (its direction in camera axes, x right, y down, z forward; any length),
                or `pitch` and `roll` (rad, pitch > 0 looks down).
            image_shape: H, W of the photo.

        Raises:
            BadSampleError: If the principal point is not in the middle of this photo.
            ValueError: On an unknown field, one too many, one missing, or an impossible value.
        """
        if not isinstance(fields, Mapping):
            raise ValueError(f'camera: expected fields such as focal_length, got {fields!r}')
        unknown = sorted(set(fields) - {*LENS_KEYS, *ROTATION_KEYS})
        if unknown:
            raise ValueError(
                f'camera: unknown fields {unknown}; known: {LENS_KEYS + ROTATION_KEYS}'
            )
        lens = [key for key in LENS_KEYS if key in fields]
        if len(lens) > 1:
            raise ValueError(f'camera: give one of {lens}, not all of them')
        return cls(
            _focal_length(lens[0], fields[lens[0]], image_shape) if lens else None,
            _rotation(fields),
        )


def focal_from_35mm(focal_length_35mm: float, image_shape: tuple[int, int]) -> float:
    """The focal length in px of one that is given as on 35 mm film.

    Equal are the **diagonal** angles of view, as cameras and phones write it into EXIF (CIPA
    DCG-001): f_px = f_35mm / 43.27 mm * sqrt(H^2 + W^2).

    Args:
        focal_length_35mm: The equivalent focal length, mm.
        image_shape: H, W of the photo, px; not cropped.
    """
    return focal_length_35mm / FILM_DIAGONAL * float(np.hypot(*image_shape))


def find_camera(
    camera: Mapping[str, Any] | None, name: str, image_shape: tuple[int, int]
) -> KnownCamera:
    """The camera of one photo.

    Args:
        camera: Fields of one camera for all photos, or photo -> fields. A photo is named by its
            path as it was given, its file name, or its file name without the suffix; a frame of a
            video by `video.mp4#12` or as its video; `*` is every photo that is not named.
        name: The photo.
        image_shape: H, W of the photo.

    Raises:
        BadSampleError: If the entry of this one photo is wrong.
        ValueError: If what is said of all photos is wrong, see `KnownCamera.build`.
    """
    found = find_entry(camera, name)
    if not is_per_photo(camera):
        return KnownCamera.build({} if found is None else found, image_shape)
    try:
        return KnownCamera.build({} if found is None else found, image_shape)
    except ValueError as error:
        raise BadSampleError(str(error)) from error


def find_entry(value: Any, name: str) -> Any:
    """One photo's entry of a mapping photo -> entry; any other value is the entry of every photo.

    Args:
        value: The mapping, or the entry.
        name: The photo.
    """
    if not is_per_photo(value):
        return value
    return next((value[key] for key in (*_names(name), EVERY_OTHER) if key in value), None)


def unmatched_entries(value: Any, names: Iterable[str]) -> list[str]:
    """Keys of a mapping photo -> entry that name none of the photos; for any other value, none.

    Args:
        value: What `find_entry` looks into.
        names: All photos and videos; a key may name a frame of a video.
    """
    if not is_per_photo(value):
        return []
    known = {EVERY_OTHER, *(key for name in names for key in _names(name))}
    return sorted(str(key) for key in value if not {key, str(key).rpartition('#')[0]} & known)


def is_per_photo(value: Any) -> bool:
    """Whether `value` is a mapping photo -> entry, as opposed to one entry for all photos.

    Args:
        value: What is known of boxes or cameras.
    """
    return isinstance(value, Mapping) and not set(value) & {*LENS_KEYS, *ROTATION_KEYS}


def _names(name: str) -> list[str]:
    """What a photo may be called in a mapping, the most exact name first."""
    whole = [name, name.rpartition('#')[0]] if '#' in name else [name]
    return [called for each in whole for called in (each, Path(each).name, Path(each).stem)]


def _focal_length(key: str, value: Any, image_shape: tuple[int, int]) -> float:
    if key == 'intrinsics':
        matrix = _numbers(key, value, (3, 3))
        height, width = image_shape
        offset = float(np.hypot(matrix[0, 2] - width / 2, matrix[1, 2] - height / 2))
        if not np.isfinite(matrix).all() or min(matrix[0, 0], matrix[1, 1]) <= 0:
            raise ValueError('camera: intrinsics must be finite, with positive focal lengths')
        if offset > CENTER_TOLERANCE * float(np.hypot(height, width)):
            raise BadSampleError(
                f'camera: the principal point is {offset:.0f} px off the middle of the photo, and '
                'the model takes it to be there: crop or pad the photo around it first'
            )
        value = (matrix[0, 0] + matrix[1, 1]) / 2
    value = _number(key, value)
    if key == 'vfov':
        if not 0 < value < np.pi:
            raise ValueError(f'camera: vfov={value} must lie between 0 and pi rad')
        value = float(vfov_to_focal(torch.tensor(value), torch.tensor(float(image_shape[0]))))
    if key == 'focal_length_35mm':
        value = focal_from_35mm(value, image_shape)
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f'camera: the focal length {value} px must be positive')
    return value


def _rotation(fields: Mapping[str, Any]) -> np.ndarray | None:
    ways = [key for key in ('world2cam_rotmat', 'gravity', 'pitch') if key in fields]
    if 'roll' in fields and 'pitch' not in fields:
        ways.append('roll')
    if len(ways) > 1:
        raise ValueError(
            f'camera: {" and ".join(ways)} say the same: give world2cam_rotmat, or gravity, or '
            'pitch and roll'
        )
    if not ways:
        return None
    if ways[0] == 'world2cam_rotmat':
        matrix = torch.as_tensor(_numbers('world2cam_rotmat', fields['world2cam_rotmat'], (3, 3)))
        if not bool(is_rotation(matrix, atol=1e-3)):
            raise ValueError('camera: world2cam_rotmat is no 3 x 3 rotation matrix')
        return pitch_roll_to_rotmat(*rotmat_to_pitch_roll(matrix)).float().numpy()
    if ways[0] == 'gravity':
        direction = torch.as_tensor(_numbers('gravity', fields['gravity'], (3,)))
        length = float(direction.norm())
        if not (np.isfinite(length) and length > 0):
            raise ValueError(f'camera: gravity={direction.tolist()} is no direction')
        return pitch_roll_to_rotmat(*gravity_to_pitch_roll(direction / length)).float().numpy()
    if not {'pitch', 'roll'} <= set(fields):
        raise ValueError('camera: pitch and roll belong together, one is missing')
    pitch, roll = (torch.tensor(_number(key, fields[key])) for key in ('pitch', 'roll'))
    if not bool(torch.isfinite(pitch + roll)):
        raise ValueError(f'camera: pitch={pitch} and roll={roll} must be finite numbers, in rad')
    return pitch_roll_to_rotmat(pitch, roll).numpy()


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f'camera: {key} must be a number, got {value!r}') from None


def _numbers(key: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    wanted = ' x '.join(map(str, shape))
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f'camera: {key} must be {wanted} numbers, got {value!r}') from None
    if numbers.shape != shape:
        raise ValueError(f'camera: {key} must be {wanted}, got the shape {numbers.shape}')
    return numbers
