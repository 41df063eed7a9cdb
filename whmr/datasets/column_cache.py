"""Columns of labels on disk, mapped into memory: all workers and processes share one copy."""

import errno
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from whmr.fileio import user_cache_folder
from whmr.version import __version__

_LAYOUT = 1  # of the cache's files
_INDEX = 'columns.json'
_DAY = 24 * 3600.0


class MappedColumns(Mapping[str, np.ndarray]):
    """Columns that lie in a folder of `.npy` files, read-only.

    The operating system keeps one copy of the pages that are used, for all processes together. In
    a pickle there is only the folder's name, so that a worker that is started afresh maps the same
    files instead of getting a copy.

    Args:
        folder: The folder.
        rows: The first row, and the row after the last; None = to the end.

    Raises:
        OSError, ValueError: It holds no whole columns.

    Shapes: as they were written.
    """

    def __init__(self, folder: str | os.PathLike, rows: tuple[int, int | None] = (0, None)) -> None:
        self._folder, self._rows = os.fspath(folder), rows
        index = json.loads((Path(folder) / _INDEX).read_text(encoding='utf-8'))
        self.meta: dict[str, Any] = index['meta']
        self._columns = {}
        for name in index['columns']:
            column = np.load(Path(folder) / f'{name}.npy', mmap_mode='r', allow_pickle=False)
            self._columns[name] = np.asarray(column)[slice(*rows)]

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __reduce__(self) -> tuple:
        return type(self), (self._folder, self._rows)

    def subset(self, rows: slice) -> 'MappedColumns':
        """The same files, fewer rows.

        Args:
            rows: Neighbouring rows.

        Shapes: none.
        """
        num_rows = len(next(iter(self._columns.values())))
        start, stop, _ = rows.indices(num_rows)
        first = self._rows[0]
        return MappedColumns(self._folder, (first + start, first + max(start, stop)))


class ColumnCache:
    """The columns that were made of one annotation file, beside it.

    They lie in `.<file>.columns/<key>/`; the key changes with the file's size and time of change,
    and with the settings. Where the file's folder cannot be written, they lie in the user's cache
    folder. A cache that is not whole counts as none; an old one is removed when a new one is made.

    Args:
        path: The annotation file.
        settings: What else the columns depend on.

    Raises:
        OSError: There is no such file.

    Shapes: none.
    """

    def __init__(self, path: str | os.PathLike, settings: Mapping[str, Any]) -> None:
        path = Path(path).resolve()
        stat = path.stat()
        state = [_LAYOUT, __version__, stat.st_size, stat.st_mtime_ns]
        self._state = _digest(json.dumps(state))
        self.key = f'{self._state}-{_digest(json.dumps(sorted(settings.items())))}'
        place = f'{path.name}-{_digest(os.fspath(path))}'
        self.folders = (
            path.with_name(f'.{path.name}.columns'),
            user_cache_folder() / 'columns' / place,
        )

    def read(self) -> MappedColumns | None:
        """The columns, if they were made before.

        Shapes: as they were written.
        """
        for folder in self.folders:
            try:
                return MappedColumns(folder / self.key)
            except (OSError, ValueError, KeyError):
                continue  # not there, or cut short by a full disk
        return None

    def write(self, columns: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bool:
        """Keep columns; where no folder can be written the log says so and nothing is lost.

        Args:
            columns: The columns.
            meta: Their meta: what JSON can hold.

        Returns:
            Whether they were written.

        Shapes: (M, ...) each.
        """
        reason = ''
        for folder in self.folders:
            try:
                self._write(folder, columns, meta)
            except OSError as error:
                reason = f'{folder}: {error.strerror or error}'
            else:
                return True
        print_log(
            f'labels stay in the memory of each process, they could not be unpacked ({reason})',
            'current',
            logging.WARNING,
        )
        return False

    def _write(
        self, folder: Path, columns: Mapping[str, np.ndarray], meta: Mapping[str, Any]
    ) -> None:
        partial = folder / f'{self.key}.{uuid.uuid4().hex[:12]}.partial'
        try:
            partial.mkdir(parents=True)
            for name, column in columns.items():
                np.save(partial / f'{name}.npy', column, allow_pickle=False)
            index = json.dumps(dict(columns=list(columns), meta=meta))
            (partial / _INDEX).write_text(index, encoding='utf-8')
            _take_name(partial, folder / self.key)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._remove_old(folder)

    def _remove_old(self, folder: Path) -> None:
        for other in folder.iterdir():
            try:
                old = time.time() - other.stat().st_mtime > _DAY
            except OSError:
                continue  # another process was faster
            current = other.name.startswith(self._state)
            if old if other.name.endswith('.partial') else not current:
                shutil.rmtree(other, ignore_errors=True)


def _take_name(partial: Path, target: Path) -> None:
    """Move a whole folder into place; another process may have done the same."""
    for _ in range(2):
        try:
            os.rename(partial, target)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES):
                raise
            try:
                MappedColumns(target)
                return
            except (OSError, ValueError, KeyError):
                shutil.rmtree(target, ignore_errors=True)  # broken: ours takes its place


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
