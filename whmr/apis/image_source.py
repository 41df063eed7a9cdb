"""Pictures one after another, from files, folders, videos, cameras and memory."""

import glob
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from PIL import Image

from whmr.apis.frame_reader import FrameReader, video_name
from whmr.datasets import BadSampleError
from whmr.datasets.transforms import LoadImage
from whmr.datasets.transforms.photo import header_shape

IMAGE_SUFFIXES = frozenset({'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'})
VIDEO_SUFFIXES = frozenset({'.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm'})
# How a picture with this EXIF orientation becomes upright.
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda image: image[::-1, ::-1],
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
RESERVED_STEM = 'results'  # results.npz is the table of all

ImageInput = str | Path | int | np.ndarray


@dataclass(frozen=True)
class SourceImage:
    """One picture of the input, or why it could not be had.

    Args:
        name: For messages and look-ups: file name with folder, `video.mp4#12`, `array#0`.
        stem: Of the files that are written; unique within one run.
        image: The picture; None if it could not be read.
        error: Why it could not be read.
        path: The file of a photo; None for a frame or an array.
        mark: Tells this state of the file from another one; None where there is no file.
        video: The video that it is a frame of; None for a photo.
        fps: Frames per second that are taken of the video.

    Shapes: image: (H, W, 3) uint8 BGR, upright as a viewer shows it.
    """

    name: str
    stem: str
    image: np.ndarray | None = None
    error: str | None = None
    path: Path | None = None
    mark: str | None = None
    video: str | None = None
    fps: float | None = None


class ImageSource:
    """Reads pictures when they are asked for, so a long video needs no memory.

    Args:
        inputs: A picture or video file, a folder of them (its own files, by name), a pattern such
            as `photos/**/*.jpg`, the number of a camera of this machine, a (H, W, 3) uint8 BGR
            array, or a sequence of these.
        every: Of a video or camera, take frames 0, every, 2 * every, ...
        max_frames: Of a video or camera, take so many frames at most; None = all.
        share: (rank, processes): take pictures rank, rank + processes, ... only. The others are not
            decoded.

    Raises:
        FileNotFoundError: If a folder holds no picture and no video, nothing has a pattern's name,
            or there is no input at all.
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        inputs: ImageInput | Sequence[ImageInput],
        *,
        every: int = 1,
        max_frames: int | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        for name, value in (('every', every), ('max_frames', max_frames)):
            if value is not None and value < 1:
                raise ValueError(f'{name}={value}: must be 1 or more')
        if not 0 <= share[0] < share[1]:
            raise ValueError(f'share={share}: expected (rank, number of processes)')
        self.every, self.max_frames, self.share = every, max_frames, share
        single = isinstance(inputs, (str, Path, int, np.ndarray))
        self._items = [
            item for entry in ([inputs] if single else inputs) for item in _expand(entry)
        ]
        if not self._items:
            raise FileNotFoundError('no input: give a picture, a video, a folder or an array')

    def __iter__(self) -> Iterator[SourceImage]:
        """Pictures in order; one that cannot be read is yielded with its error."""
        return self.read()

    def read(
        self, *, finished: Callable[[SourceImage], bool] | None = None
    ) -> Iterator[SourceImage]:
        """As iterating, without the pictures that are finished.

        Args:
            finished: Asked of each picture of a file before it is decoded; True leaves it out.
        """
        used = {RESERVED_STEM: 1}
        rank, processes = self.share
        number = 0
        for index, item in enumerate(self._items):
            for found, load in self._pictures(item, index):
                found = replace(found, stem=_unique(found.stem, used))
                mine = number % processes == rank
                number += 1
                if mine and not (finished is not None and found.mark and finished(found)):
                    yield _loaded(found, load)

    @property
    def names(self) -> list[str]:
        """Photos, videos and arrays as they are called in messages, those of others included."""
        return [_name(item, index) for index, item in enumerate(self._items)]

    def __len__(self) -> int:
        """How many pictures there will be, as far as the headers of videos can be trusted.

        A camera without `max_frames` counts as none.
        """
        rank, processes = self.share
        return len(range(rank, sum(map(self._count, self._items)), processes))

    def _count(self, item: Path | int | np.ndarray) -> int:
        return len(self._reader(item)) if _moves(item) else 1

    def _reader(self, item: Path | int) -> FrameReader:
        return FrameReader(item, every=self.every, max_frames=self.max_frames)

    def _pictures(
        self, item: Path | int | np.ndarray, index: int
    ) -> Iterator[tuple[SourceImage, Callable[[], np.ndarray]]]:
        """Each picture of an item without its pixels, and what decodes them."""
        if isinstance(item, np.ndarray):
            found = SourceImage(_name(item, index), f'array_{index:06d}')
            yield found, partial(_checked, item)
        elif _moves(item):
            yield from self._frames(self._reader(item))
        else:
            found = SourceImage(_name(item, index), item.stem, path=item, mark=_mark(item))
            yield found, partial(_read_photo, item)

    def _frames(
        self, reader: FrameReader
    ) -> Iterator[tuple[SourceImage, Callable[[], np.ndarray]]]:
        mark = _mark(reader.source) if isinstance(reader.source, Path) else None
        fps, end = reader.fps, 0
        try:
            for number in reader:
                name, stem = f'{reader.name}#{number}', f'{reader.stem}_{number:06d}'
                found = SourceImage(name, stem, mark=mark, video=reader.name, fps=fps)
                yield found, reader.decode
                end = number + 1
        finally:
            reader.close()
        if reader.problem is not None:
            name = f'{reader.name}#{end}' if end else reader.name
            yield SourceImage(name, f'{reader.stem}_{end:06d}'), partial(_fail, reader.problem)


def _expand(entry: ImageInput) -> list[Path | int | np.ndarray]:
    """The files of a folder or of a pattern; anything else as it is."""
    if isinstance(entry, (int, np.ndarray)):
        return [entry]
    path = Path(entry).expanduser()
    if path.is_dir():
        return _inside(path)
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
    files = [file for file in found if not file.is_dir()]
    if not files:
        raise FileNotFoundError(f'{path}: no file has a name of this pattern')
    return list(files)


def _inside(folder: Path) -> list[Path | int | np.ndarray]:
    files = sorted(file for file in folder.iterdir() if not file.is_dir())  # dead links, too
    known = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES or _moves(file)]
    if not known:
        raise FileNotFoundError(
            f'the folder {folder} holds no picture ({", ".join(sorted(IMAGE_SUFFIXES))}) and no '
            'video'
        )
    if len(known) < len(files):
        print_log(
            f'{folder}: {len(files) - len(known)} files are no pictures by their names, ignored'
        )
    return list(known)


def _name(item: Path | int | np.ndarray, index: int) -> str:
    if isinstance(item, np.ndarray):
        return f'array#{index}'
    return video_name(item) if isinstance(item, int) else str(item)


def _moves(item: Path | int | np.ndarray) -> bool:
    """Whether it has frames."""
    if isinstance(item, Path):
        return item.suffix.lower() in VIDEO_SUFFIXES
    return isinstance(item, int)


def _mark(path: Path) -> str | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return f'{state.st_size} {state.st_mtime_ns}'


def _loaded(found: SourceImage, load: Callable[[], np.ndarray]) -> SourceImage:
    try:
        return replace(found, image=load())
    except BadSampleError as error:
        return replace(found, error=str(error).removeprefix(f'{found.name}: '))


def _checked(array: np.ndarray) -> np.ndarray:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise BadSampleError(
            f'expected a (H, W, 3) uint8 BGR array, got {array.dtype} {array.shape}'
        )
    return array


def _read_photo(path: Path) -> np.ndarray:
    if not path.is_file():
        raise BadSampleError('no such file')
    tag = _check_header(path)
    turn = _TURNS.get(tag) if path.suffix.lower() == '.webp' else None  # OpenCV does the others
    image = LoadImage(ignore_orientation=turn is not None)({'img_path': str(path)})['img']
    return image if turn is None else np.ascontiguousarray(turn(image))


def _check_header(path: Path) -> int:
    """The orientation tag of a picture whose pixels do not fill the memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            return header_shape(path)[2]
    except Image.DecompressionBombError:
        limit = 2 * Image.MAX_IMAGE_PIXELS // 10**6
        raise BadSampleError(
            f'the photo has more than {limit} million pixels: make it smaller first'
        ) from None
    except (OSError, ValueError, SyntaxError):
        return 1  # the decoder says what is wrong


def _fail(reason: str) -> np.ndarray:
    raise BadSampleError(reason)


def _unique(stem: str, used: dict[str, int]) -> str:
    """`stem` the first time, then `stem_2`, `stem_3`: a.jpg and a.png must not overwrite."""
    candidate = stem
    while candidate in used:
        used[stem] = used.get(stem, 1) + 1
        candidate = f'{stem}_{used[stem]}'
    used[candidate] = 1
    return candidate
