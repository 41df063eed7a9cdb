"""Pictures one after another, from files, folders, videos and memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mmengine.logging import print_log

from whmr.datasets.errors import BadSampleError
from whmr.datasets.transforms import LoadImage

IMAGE_SUFFIXES = frozenset({'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'})
VIDEO_SUFFIXES = frozenset({'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm'})
FRAME_COUNT_SLACK = 2  # the count in a video's header may be off by so many frames

ImageInput = str | Path | np.ndarray


@dataclass(frozen=True)
class SourceImage:
    """One picture of the input, or why it could not be had.

    Shapes: image: (H, W, 3) uint8 BGR; None if it could not be read, and then `error` says why.
    """

    name: str  # for messages and look-ups: file name with folder, `video.mp4#12`, `array#0`
    stem: str  # of the files that are written; unique within one run
    image: np.ndarray | None = None
    error: str | None = None


class ImageSource:
    """Reads pictures when they are asked for, so a long video needs no memory.

    Args:
        inputs: A picture or video file, a folder of them (its own files, by name), a (H, W, 3)
            uint8 BGR array, or a sequence of these.
        every: Of a video, take frames 0, every, 2 * every, ...

    Raises:
        FileNotFoundError: If a folder holds no picture and no video, or there is no input at all.
        ValueError: If `every` is less than 1.
    """

    def __init__(self, inputs: ImageInput | Sequence[ImageInput], *, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f'every={every}: must be 1 or more')
        self.every = every
        single = isinstance(inputs, (str, Path, np.ndarray))
        self._items = [
            item for entry in ([inputs] if single else inputs) for item in _expand(entry)
        ]
        if not self._items:
            raise FileNotFoundError('no input: give a picture, a video, a folder or an array')

    def __iter__(self) -> Iterator[SourceImage]:
        """Pictures in order; one that cannot be read is yielded with its error."""
        used: dict[str, int] = {}
        for index, item in enumerate(self._items):
            for found in self._read(item, index):
                yield SourceImage(found.name, _unique(found.stem, used), found.image, found.error)

    def __len__(self) -> int:
        """How many pictures there will be, as far as the headers of videos can be trusted."""
        return sum(self._count(item) for item in self._items)

    def _count(self, item: Path | np.ndarray) -> int:
        if isinstance(item, np.ndarray) or not _is_video(item):
            return 1
        capture = cv2.VideoCapture(str(item))
        frames = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        capture.release()
        return -(-frames // self.every)

    def _read(self, item: Path | np.ndarray, index: int) -> Iterator[SourceImage]:
        if isinstance(item, np.ndarray):
            yield _from_array(item, index)
        elif _is_video(item):
            yield from self._frames(item)
        else:
            yield _from_file(item)

    def _frames(self, path: Path) -> Iterator[SourceImage]:
        capture = cv2.VideoCapture(str(path)) if path.is_file() else None
        if capture is None or not capture.isOpened():
            reason = 'cannot be opened as a video' if path.is_file() else 'no such file'
            yield SourceImage(str(path), path.stem, error=reason)
            return
        expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        number = 0
        try:
            while capture.grab():
                if number % self.every == 0:
                    yield _from_frame(capture, path, number)
                number += 1
        finally:
            capture.release()
        if number + FRAME_COUNT_SLACK < expected or number == 0:
            reason = f'the video breaks off: {number} of {expected} frames could be read'
            yield SourceImage(f'{path}#{number}', f'{path.stem}_{number:06d}', error=reason)


def _expand(entry: ImageInput) -> list[Path | np.ndarray]:
    """The files of a folder; anything else as it is."""
    if isinstance(entry, np.ndarray):
        return [entry]
    path = Path(entry).expanduser()
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if not file.is_dir())  # dead links, too
    known = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES or _is_video(file)]
    if not known:
        raise FileNotFoundError(
            f'the folder {path} holds no picture ({", ".join(sorted(IMAGE_SUFFIXES))}) and no video'
        )
    if len(known) < len(files):
        print_log(
            f'{path}: {len(files) - len(known)} files are no pictures by their names, ignored'
        )
    return list(known)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _from_array(array: np.ndarray, index: int) -> SourceImage:
    name, stem = f'array#{index}', f'array_{index:06d}'
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        reason = f'expected a (H, W, 3) uint8 BGR array, got {array.dtype} {array.shape}'
        return SourceImage(name, stem, error=reason)
    return SourceImage(name, stem, array)


def _from_file(path: Path) -> SourceImage:
    if not path.is_file():
        return SourceImage(str(path), path.stem, error='no such file')
    try:
        image = LoadImage()({'img_path': str(path)})['img']
    except BadSampleError as error:
        return SourceImage(str(path), path.stem, error=str(error).removeprefix(f'{path}: '))
    return SourceImage(str(path), path.stem, image)


def _from_frame(capture: cv2.VideoCapture, path: Path, number: int) -> SourceImage:
    name, stem = f'{path}#{number}', f'{path.stem}_{number:06d}'
    done, frame = capture.retrieve()
    if not done or frame is None:
        return SourceImage(name, stem, error='the frame cannot be decoded')
    return SourceImage(name, stem, frame)


def _unique(stem: str, used: dict[str, int]) -> str:
    """`stem` the first time, then `stem_2`, `stem_3`: a.jpg and a.png must not overwrite."""
    candidate = stem
    while candidate in used:
        used[stem] += 1
        candidate = f'{stem}_{used[stem]}'
    used[candidate] = 1
    return candidate
