"""The file that AGORA's evaluation server takes."""

import io
import pickle
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whmr.fileio import atomic_path

FOLDER = 'predictions'


def write_submission(
    path: Path, people: Sequence[tuple[str, int, Mapping[str, np.ndarray]]], *, height: int = 2160
) -> int:
    """Write predicted people as a zip of one pickle each, `predictions/{image}_personId_{n}.pkl`.

    Each pickle is a dictionary with `pose2rot` (False: rotations are matrices), `joints` (24
    projected joints in a photo of `height` rows) and `params` (`transl`, `betas`,
    `global_orient`, `body_pose`), the "SMPL parameters" form of the server's documentation.

    Args:
        path: The zip file; its folder is created.
        people: Image path, height of that image in px, and the arrays of each person.
        height: Height of the photos that the server counts `joints` in.

    Returns:
        How many people were written.

    Raises:
        ValueError: Two images of different folders have one name, which the server cannot tell
            apart, or a prediction is not finite.

    Shapes: S betas.
        people: `joints` (24, 2) px of the image, `transl` (1, 3) m, `betas` (1, S),
        `global_orient` (1, 1, 3, 3) model -> camera, `body_pose` (1, 23, 3, 3).
    """
    paths: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    with atomic_path(path) as partial, zipfile.ZipFile(partial, 'w', zipfile.ZIP_DEFLATED) as file:
        for image, rows, arrays in people:
            stem = Path(image).stem
            if paths.setdefault(stem, image) != image:
                raise ValueError(
                    f'AGORA submission: {paths[stem]} and {image} have the same name; the server '
                    'tells images by their names alone'
                )
            name = f'{FOLDER}/{stem}_personId_{numbers[stem]}.pkl'
            numbers[stem] += 1
            info = zipfile.ZipInfo(name)  # without the time of day: the same file every time
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, _pickled(name, rows, arrays, height))
    return numbers.total()


def _pickled(name: str, rows: int, arrays: Mapping[str, np.ndarray], height: int) -> bytes:
    for key, value in arrays.items():
        if not np.isfinite(value).all():
            raise ValueError(f'AGORA submission: {key} of {name} is not finite')
    person: dict[str, Any] = {
        'pose2rot': False,
        'joints': np.asarray(arrays['joints'], np.float32) * np.float32(height / rows),
        'params': {
            'transl': _array(arrays, 'transl', (1, 3)),
            'betas': _array(arrays, 'betas', (1, -1))[:, :10],
            'global_orient': _array(arrays, 'global_orient', (1, 1, 3, 3)),
            'body_pose': _array(arrays, 'body_pose', (1, 23, 3, 3)),
        },
    }
    data = io.BytesIO()
    pickle.dump(person, data, protocol=4)
    return data.getvalue()


def _array(arrays: Mapping[str, np.ndarray], key: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(arrays[key], np.float32).reshape(shape))
