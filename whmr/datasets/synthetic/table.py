"""The annotation table of a synthetic world, put together from the labels of its images."""

import zlib
from pathlib import Path

import numpy as np

from whmr.datasets.annotations import save_annotations
from whmr.datasets.synthetic.cache import (
    SyntheticWorldCache,
    pack_arrays,
    unpack_arrays,
)
from whmr.datasets.synthetic.settings import GENERATOR_VERSION
from whmr.fileio import write_bytes

CHECKS = ('image_bytes', 'image_crc32')
NOT_ANNOTATIONS = ('visibility',)


class SyntheticWorldTable:
    """The annotation file of the first images of a synthetic world, and an index beside it.

    The index holds the size and checksum of every image, which lets a whole world be checked
    without reading its label files, and what the annotation format has no column for.

    Args:
        cache: The images and labels.
        num_images: How many images.
    """

    def __init__(self, cache: SyntheticWorldCache, num_images: int) -> None:
        self.cache = cache
        self.num_images = num_images

    @property
    def annotation_path(self) -> Path:
        """The annotation file."""
        return self.cache.folder / f'annotations_{self.num_images}.npz'

    @property
    def index_path(self) -> Path:
        """The index."""
        return self.cache.folder / f'index_{self.num_images}.npz'

    def read_index(self) -> dict[str, np.ndarray] | None:
        """The index; None if it or the annotation file is missing or broken.

        Shapes: N images, M people.
            `image_bytes`, `image_crc32` (N,).  `visibility` (M, 49) bool.
        """
        index = unpack_arrays(self.index_path)
        if index is None or 'annotation_crc32' not in index:
            return None
        try:
            content = self.annotation_path.read_bytes()
        except OSError:
            return None
        return index if zlib.crc32(content) == int(index['annotation_crc32']) else None

    def broken_images(self, index: dict[str, np.ndarray], *, content: bool) -> list[int]:
        """Images that are missing or not as they were made.

        Args:
            index: What `read_index` gave.
            content: Compare checksums (reads every file), not only sizes.

        Shapes: as in `read_index`.
        """
        checks = zip(index['image_bytes'].tolist(), index['image_crc32'].tolist(), strict=True)
        return [
            number
            for number, (size, crc32) in enumerate(checks)
            if not self.cache.has_image(number, size, crc32 if content else None)
        ]

    def write(self) -> dict[str, np.ndarray]:
        """Put the table together and write both files; every image must be there.

        Returns:
            The index.

        Raises:
            FileNotFoundError: The labels of an image are missing.
            OSError: The disk is full or not writable.

        Shapes: as in `read_index`.
        """
        settings = self.cache.settings
        parts, names, ids = [], [], []
        for number in range(self.num_images):
            part = self.cache.read(number)
            if part is None:
                raise FileNotFoundError(
                    f'{self.cache.label_path(number)}: missing or broken; make the images first '
                    '(tools/misc/build_synthetic_world.py)'
                )
            people = len(part['bbox'])
            names += [self.cache.image_name(number)] * people
            ids += [f'{settings.split}/{number:07d}'] * people
            parts.append(part)
        labels = [name for name in parts[0] if name not in CHECKS]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in labels}
        index = {name: np.array([part[name] for part in parts]) for name in CHECKS}
        index |= {name: columns.pop(name) for name in NOT_ANNOTATIONS}
        columns |= dict(
            img_path=np.array(names),
            img_id=np.array(ids),
            ori_shape=np.tile(np.int32(settings.image_shape), (len(names), 1)),
        )
        meta = dict(
            dataset='synthetic_world',
            topology='free_body',
            joint_set='spin49',
            split=settings.split,
            licence='CC0-1.0',
            notes=f'generator version {GENERATOR_VERSION}, seed {settings.seed}',
        )
        save_annotations(self.annotation_path, columns, meta)
        index['annotation_crc32'] = np.int64(zlib.crc32(self.annotation_path.read_bytes()))
        write_bytes(self.index_path, pack_arrays(index))
        return index
