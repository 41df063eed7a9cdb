"""A synthetic world on disk: for each image a JPEG and a small `.npz` with its labels.

A label file is written after its image and holds the image's size and checksum, so an entry is
whole only if both files are. Files appear under their names only when they are complete.
"""

import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from whmr.datasets.synthetic.generator import SyntheticImage
from whmr.datasets.synthetic.settings import SyntheticWorldSettings
from whmr.fileio import remove_partial_files, write_bytes, write_text

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
        write_bytes(self.image_path(index), image.jpeg, durable=False)
        check = dict(
            image_bytes=np.int64(len(image.jpeg)), image_crc32=np.int64(zlib.crc32(image.jpeg))
        )
        labels = pack_arrays({**image.columns, **check})
        write_bytes(self.label_path(index), labels, durable=False)

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
            write_text(path, self.settings.to_json())

    def remove_stale_files(self) -> None:
        """Remove what writers that were killed long ago have left."""
        remove_partial_files(self.folder, older_than=STALE_SECONDS)


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
