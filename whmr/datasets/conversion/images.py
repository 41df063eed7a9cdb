"""Photos of a data set: sizes from their headers, frames of videos, and which can be used."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from whmr.datasets.errors import BadSampleError, SourceError
from whmr.datasets.transforms import LoadImage
from whmr.datasets.transforms.jpeg_window import restart_interval
from whmr.datasets.transforms.photo import header_shape
from whmr.fileio import atomic_path

JPEG_QUALITY = 95
MISSING, UNUSABLE = 'the photo is missing', 'the photo cannot be used'


def image_size(path: str | os.PathLike | IO[bytes]) -> tuple[int, int]:
    """Height and width of a photo as it is seen, from its header only.

    The orientation tag is honoured, as `LoadImage` does.

    Args:
        path: The photo, or an open file of it.

    Raises:
        SourceError: There is no such file or it is no picture.

    Shapes: returns: H, W in px.
    """
    try:
        return header_shape(path)[:2]
    except FileNotFoundError as error:
        raise SourceError(f'{path}: no such photo') from error
    except (OSError, ValueError, SyntaxError) as error:
        raise SourceError(f'{path}: no readable picture ({error})') from error


def link_images(images: Path, source: Path) -> None:
    """Let `images`, where the library looks for photos, lead to where the source keeps them.

    A folder that is there already and is not a link is used as it is (the user put photos there).

    Args:
        images: `data/<name>/images`.
        source: The source's folder of photos.

    Raises:
        SourceError: There is no such source folder, `images` leads elsewhere, or links are not
            possible here.
    """
    if images.is_symlink() and images.resolve() != source.resolve():
        raise SourceError(
            f'{images} leads to {images.resolve()}, not to {source}; remove that link'
        )
    if images.exists():
        return
    if not source.is_dir():
        raise SourceError(f'{source}: the folder of the photos is missing')
    images.parent.mkdir(parents=True, exist_ok=True)
    try:
        images.symlink_to(source.resolve(), target_is_directory=True)
    except OSError as error:
        raise SourceError(
            f'could not link {images} to {source} ({error.strerror}); copy or move the photos there'
        ) from error


def extract_frames(video: str | os.PathLike, frames: Mapping[int, Path]) -> list[int]:
    """Write some frames of a video as JPEG files; those that are there already are kept.

    Args:
        video: The video.
        frames: Number of each frame, from 0, and its file.

    Returns:
        The frames that the video does not have.

    Raises:
        SourceError: The video is missing or cannot be opened.
    """
    wanted = {number: path for number, path in frames.items() if not path.is_file()}
    if not wanted:
        return []
    if not Path(video).is_file():
        raise SourceError(f'{video}: no such video')
    capture = cv2.VideoCapture(str(video))
    if not capture.isOpened():
        raise SourceError(f'{video}: cannot be opened as a video')
    try:
        for number in range(max(wanted) + 1):
            if not capture.grab():
                break
            if number in wanted:
                readable, frame = capture.retrieve()
                if readable:
                    _write_jpeg(wanted.pop(number), frame)
    finally:
        capture.release()
    return sorted(wanted)


def photo_problem(
    path: Path, ori_shape: tuple[int, int], *, decode: bool
) -> tuple[str, str] | None:
    """What is wrong with a photo: reason and details; None if nothing.

    Args:
        path: The photo.
        ori_shape: H, W of its label.
        decode: Read it as training does and compare its size; otherwise only look for the file.
    """
    if not path.is_file():
        return MISSING, str(path)
    if decode:
        try:
            LoadImage().transform(dict(img_path=str(path), ori_shape=ori_shape))
        except BadSampleError as error:
            return UNUSABLE, str(error)
    return None


def _write_jpeg(path: Path, frame: np.ndarray) -> None:
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    # So that training decodes the person only (`transforms.jpeg_window`); 1 or 2 % larger.
    settings += [cv2.IMWRITE_JPEG_RST_INTERVAL, restart_interval(frame.shape[1])]
    done, data = cv2.imencode('.jpg', frame, settings)
    if not done:
        raise SourceError(f'{path}: the frame cannot be written as JPEG')
    with atomic_path(path, durable=False) as partial:
        partial.write_bytes(data.tobytes())
