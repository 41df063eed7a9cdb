"""A synthetic world on disk: for each image a JPEG and a small `.npz` with its labels.

A label file is written after its image and holds the image's size and checksum, so an entry is
whole only if both files are. Files appear under their names only when they are complete.
"""

import io
import os
import time
import uuid
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from whmr.datasets.synthetic.generator import SyntheticImage
from whmr.datasets.synthetic.settings import SyntheticWorldSettings

FILES_PER_FOLDER = 1000
STALE_SECONDS = 3600
BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class SyntheticWorldCache:
    """The folder of one synthetic world; other settings have another folder.

    Args:
        root: Where the folders of all synthetic worlds lie.
        settings: What the world is made with.
    """

    def __init__(self, root: str | os.PathLike, settings: SyntheticWorldSettings) -> None:
        self.settings = settings
        self.folder = Path(root) / settings.folder_name()

    def image_name(self, index: int) -> str:
        """Path of an image, relative to the folder."""
        return f'images/{index // FILES_PER_FOLDER:04d}/{index:07d}.jpg'

    def image_path(self, index: int) -> Path:
        """Path of an image."""
        return self.folder / self.image_name(index)

    def label_path(self, index: int) -> Path:
        """Path of the labels of an image."""
        return self.folder / f'labels/{index // FILES_PER_FOLDER:04d}/{index:07d}.npz'

    def write(self, index: int, image: SyntheticImage) -> None:
        """Store an image and its labels.

        Raises:
            OSError: The disk is full or not writable; no half file is left.

        Shapes: none.
        """
        write_atomically(self.image_path(index), image.jpeg)
        check = dict(
            image_bytes=np.int64(len(image.jpeg)), image_crc32=np.int64(zlib.crc32(image.jpeg))
        )
        write_atomically(self.label_path(index), pack_arrays({**image.columns, **check}))

    def read(self, index: int) -> dict[str, np.ndarray] | None:
        """The labels of an image, with `image_bytes` and `image_crc32`; None if not readable.

        Shapes: as in `label_people`.
        """
        return unpack_arrays(self.label_path(index))

    def is_whole(self, index: int) -> bool:
        """Whether the labels can be read and the image is the one that they were made for."""
        labels = self.read(index)
        if labels is None or 'image_crc32' not in labels:
            return False
        return self.has_image(index, int(labels['image_bytes']), int(labels['image_crc32']))

    def has_image(self, index: int, size: int, crc32: int | None = None) -> bool:
        """Whether the image is there and has this size, and this checksum if one is given."""
        path = self.image_path(index)
        try:
            if path.stat().st_size != size:
                return False
            return crc32 is None or zlib.crc32(path.read_bytes()) == crc32
        except OSError:
            return False

    def write_settings(self) -> None:
        """Write `settings.json`, for people who look into the folder."""
        path = self.folder / 'settings.json'
        if not path.is_file():
            write_atomically(path, self.settings.to_json().encode())

    def remove_stale_files(self) -> None:
        """Remove what writers that were killed long ago have left."""
        for path in self.folder.rglob('.*.tmp'):
            try:
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
            except OSError:
                continue  # another process was faster


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or not there.

    Args:
        path: The file; missing folders are made.
        content: What it is to hold.

    Raises:
        OSError: The disk is full or not writable.

    Shapes: none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex}.tmp')
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f'{path}: cannot be written ({error.strerror}); free some space or choose another '
            'data_root, then start again: what is there is kept',
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of an `.npz` file; the same arrays give the same bytes.

    Shapes: none.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def unpack_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an `.npz` file; None if it is missing or broken.

    Shapes: none.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except BROKEN:
        return None
