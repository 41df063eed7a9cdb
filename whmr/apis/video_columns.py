"""Columns that grow on disk and end in one `.npz` file."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from whmr.fileio import atomic_path

CHUNK = 1 << 16  # bytes


class ColumnFiles:
    """Arrays that get longer and longer, each in a file of its own, so that none is in memory.

    Args:
        folder: For the files of the columns; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
        self._lengths: dict[str, int] = {}

    def append(self, columns: Mapping[str, np.ndarray]) -> None:
        """Add rows to columns; their type and the size of a row stay as they were at first.

        Args:
            columns: Name -> rows.

        Raises:
            OSError: If the disk is full.
            ValueError: If rows are of another type or size than those before.
        """
        for name, rows in columns.items():
            kind = (rows.dtype, rows.shape[1:])
            if self._kinds.setdefault(name, kind) != kind:
                raise ValueError(f'{name}: rows of {kind} after those of {self._kinds[name]}')
            with open(self._folder / name, 'ab') as file:
                file.write(np.ascontiguousarray(rows).tobytes())
            self._lengths[name] = self._lengths.get(name, 0) + len(rows)

    def write_npz(self, path: Path, constants: Mapping[str, np.ndarray]) -> None:
        """Put all columns into one compressed file, whole or not at all, as `np.load` reads it.

        Args:
            path: The file.
            constants: Arrays that are no columns.

        Raises:
            OSError: If the file cannot be written.
        """
        with atomic_path(path) as partial, ZipFile(partial, 'w', ZIP_DEFLATED) as archive:
            for name, value in constants.items():
                with archive.open(f'{name}.npy', 'w', force_zip64=True) as entry:
                    np.lib.format.write_array(entry, value, allow_pickle=False)
            for name, (dtype, row_shape) in self._kinds.items():
                header = {
                    'descr': np.lib.format.dtype_to_descr(dtype),
                    'fortran_order': False,
                    'shape': (self._lengths[name], *row_shape),
                }
                with (
                    open(self._folder / name, 'rb') as file,
                    archive.open(f'{name}.npy', 'w', force_zip64=True) as entry,
                ):
                    np.lib.format.write_array_header_1_0(entry, header)
                    shutil.copyfileobj(file, entry, CHUNK)
