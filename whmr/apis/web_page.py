"""Results as one self-contained web page, with the photos they are of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whmr.apis.image_source import ImageInput, ImageSource
from whmr.apis.results_source import ResultsSource
from whmr.fileio import write_text
from whmr.visualization import PosedPeople, draw_overlay
from whmr.visualization.export import exact_meshes, person_motions
from whmr.visualization.web import PagePicture, encode_page

DEFAULT_FPS = 30.0
MAX_PICTURES = 48
PICTURE_SIDE = 1280  # px


@dataclass(frozen=True)
class PageReport:
    """What a page holds. `num_pictures` counts the photos that were found, out of `num_wanted`."""

    path: Path
    num_bytes: int
    num_frames: int
    num_people: int
    num_pictures: int
    num_wanted: int


def write_page(
    source: ResultsSource,
    path: str | Path,
    *,
    title: str,
    photos: ImageInput | Sequence[ImageInput] | None = None,
    max_pictures: int = MAX_PICTURES,
) -> PageReport:
    """Write the people of one shot as a page that opens in any browser, without a network.

    Args:
        source: The results.
        path: The `.html` file.
        title: What the page is called.
        photos: Where the photos or videos are, see `ImageSource`; None takes those that the
            results name, if they are still there. Photos are told by their names.
        max_pictures: Of a long shot so many frames, evenly spread, bring their photo.

    Raises:
        FileNotFoundError: If there is nothing at a place of `photos`.
        OSError: If the file cannot be written.
        ValueError: If the results have no frame, or `max_pictures` is negative.
    """
    if max_pictures < 0:
        raise ValueError(f'max_pictures={max_pictures}: must be 0 or more')
    table = source.table
    numbers = np.zeros(len(table.frame), dtype=np.int64)
    motions = person_motions(table, source.body_model, space='camera')
    for number, motion in enumerate(motions):
        numbers[motion.rows] = number
    spread = np.linspace(0, table.num_frames - 1, min(table.num_frames, max_pictures))
    wanted = {str(table.frame_names[frame]): frame for frame in spread.round().astype(int).tolist()}
    pictures = [
        PagePicture(frame, photo, _overlay(source, frame, photo, numbers))
        for frame, photo in _find_photos(wanted, photos)
    ]
    page = encode_page(
        table,
        source.body_model,
        title=title,
        pictures=sorted(pictures, key=lambda picture: picture.frame),
        fps=float(table.fps) if np.isfinite(table.fps) else DEFAULT_FPS,
    )
    write_text(path, page)
    return PageReport(
        path=Path(path),
        num_bytes=len(page.encode('utf-8')),
        num_frames=table.num_frames,
        num_people=len(motions),
        num_pictures=len(pictures),
        num_wanted=len(wanted),
    )


def _find_photos(
    wanted: dict[str, int], inputs: ImageInput | Sequence[ImageInput] | None
) -> Iterator[tuple[int, np.ndarray]]:
    """The frames of names, with their photos (RGB); those that are not there are left out."""
    if inputs is None:
        files = dict.fromkeys(name.rpartition('#')[0] or name for name in wanted)
        inputs = [file for file in files if Path(file).is_file()]
    if not wanted or (isinstance(inputs, Sequence) and not inputs):
        return
    left = dict(wanted)
    by_file_name = {Path(name).name: name for name in wanted}

    def asked(name: str) -> str | None:
        found = name if name in wanted else by_file_name.get(Path(name).name)
        return found if found in left else None

    for item in ImageSource(inputs).read(finished=lambda item: asked(item.name) is None):
        name = asked(item.name)
        if name is not None and item.image is not None:
            yield left.pop(name), np.ascontiguousarray(item.image[..., ::-1])
        if not left:
            return


def _overlay(
    source: ResultsSource, frame: int, photo: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """The photo with the people of its frame drawn over it."""
    table = source.table
    rows = np.flatnonzero(table.frame == frame)
    meshes = exact_meshes(
        table,
        source.body_model,
        rows,
        space='camera',
        vertices=source.frame_vertices(frame, 'camera'),
    )
    people = PosedPeople(
        vertices=meshes,
        faces=table.faces,
        cam_t=np.zeros((len(rows), 3)),
        focal_length=np.full(len(rows), table.focal_length[frame]),
        numbers=numbers[rows],
    )
    return draw_overlay(photo, people, max_side=PICTURE_SIDE)
