"""The files that are written for one photo."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from whmr.apis.hmr_result import HMRResult
from whmr.fileio import write_files
from whmr.visualization import draw_pictures, encode_obj, encode_png

DEFAULT_PICTURES = ('overlay', 'side', 'world')


def write_result(
    folder: Path,
    stem: str,
    result: HMRResult,
    image: np.ndarray,
    *,
    pictures: bool | Sequence[str] = True,
    meshes: bool = True,
    on_ground: bool = False,
) -> list[Path]:
    """Write all files of one photo, or none of them.

    `{stem}.npz` always (see `HMRResult`); with people also `{stem}_person{i}_camera.obj`,
    `{stem}_overlay.png`, `{stem}_side.png`, and with a known world `{stem}_person{i}_world.obj`,
    `{stem}_world.png`. Meshes are placed with one focal length for the photo (`PosedPeople`).

    Args:
        folder: Where to; it must exist.
        stem: How the files are called.
        result: What is written.
        image: The photo.
        pictures: Whether to draw, or which of `whmr.visualization.PICTURES`, each into
            `{stem}_{picture}.png`.
        meshes: Whether to write meshes.
        on_ground: Drop each person to the floor of the world picture.

    Shapes: image: (H, W, 3) uint8 BGR.

    Raises:
        OSError: If a file cannot be written.
        ImportError: If pictures are asked for and numba is not installed.
    """
    contents = {folder / f'{stem}.npz': result.to_bytes()}
    if meshes and len(result):
        contents |= _meshes(folder, stem, result)
    if pictures:
        wanted = DEFAULT_PICTURES if pictures is True else pictures
        views = draw_views(result, image, pictures=wanted, on_ground=on_ground)
        contents |= {folder / f'{stem}_{view}.png': encode_png(rgb) for view, rgb in views.items()}
    write_files(contents)
    return list(contents)


def _meshes(folder: Path, stem: str, result: HMRResult) -> dict[Path, bytes]:
    people = result.people()
    frames = {'camera': people.camera_meshes()}
    if people.has_world:
        frames['world'] = people.world_meshes()
    return {
        folder / f'{stem}_person{index}_{frame}.obj': encode_obj(vertices, result.faces)
        for frame, placed in frames.items()
        for index, vertices in enumerate(placed)
    }


def draw_views(
    result: HMRResult,
    image: np.ndarray,
    *,
    pictures: Sequence[str] = DEFAULT_PICTURES,
    on_ground: bool = False,
) -> dict[str, np.ndarray]:
    """The pictures of one photo by name; those of the world only where it is known.

    Args:
        result: The people; without any there is no picture.
        image: The photo.
        pictures: Some of `whmr.visualization.PICTURES`.
        on_ground: Drop each person to the floor of the world picture.

    Shapes: image: (H, W, 3) uint8 BGR.  returns: (h, w, 3) uint8 RGB each.

    Raises:
        ImportError: If numba is not installed.
        ValueError: If there is no such picture.
    """
    if not len(result):
        return {}
    rgb = np.ascontiguousarray(image[..., ::-1])
    return draw_pictures(rgb, result.people(), pictures, on_ground=on_ground)
