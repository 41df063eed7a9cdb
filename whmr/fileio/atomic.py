"""Files that are there whole or not at all."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_MARK = '.partial'


@contextmanager
def atomic_path(path: str | os.PathLike, *, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`; when the block ends well, what it wrote takes that name.

    Args:
        path: The file to make or replace; missing folders are made.
        durable: Wait until the disk has it, so that a power failure cannot leave an empty file.
            Not needed for what is checked when it is read and can be made again.

    Yields:
        A path in the same folder, with the same ending, for the block to write.

    Raises:
        OSError: The disk is full or the folder cannot be written. The old file, if there was one,
            is unchanged, and no temporary file is left.
    """
    path = Path(path)
    partial = _partial(path)
    try:
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            if durable:
                _sync(partial)
            os.replace(partial, path)
    finally:
        _discard(partial)


def write_bytes(path: str | os.PathLike, data: bytes | memoryview, *, durable: bool = True) -> None:
    """Write `data` to `path` so that a crash leaves the old file or the new one, never a half.

    Args:
        path: The file; missing folders are made.
        data: Its whole content.
        durable: See `atomic_path`.

    Raises:
        OSError: See `atomic_path`.
    """
    with atomic_path(path, durable=durable) as partial:
        partial.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """`write_bytes` for a text in UTF-8."""
    write_bytes(path, text.encode('utf-8'))


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write several files; none gets its name before all of them are whole.

    Args:
        contents: Path to what is written there; missing folders are made.

    Raises:
        OSError: One cannot be written; no file is changed and no temporary file is left.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            staged.append((_partial(path), path))
            with _told(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                staged[-1][0].write_bytes(content)
                _sync(staged[-1][0])
        for partial, path in staged:
            with _told(path):
                os.replace(partial, path)
    finally:
        for partial, _ in staged:
            _discard(partial)


def remove_partial_files(folder: str | os.PathLike, *, older_than: float = 0.0) -> None:
    """Remove what killed writers have left half-written in `folder` and below.

    Args:
        folder: Where to look.
        older_than: Seconds since the last change of a file; younger ones may belong to a writer
            that is alive.
    """
    for partial in Path(folder).rglob(f'.*{_MARK}*'):
        try:
            if time.time() - partial.stat().st_mtime >= older_than:
                partial.unlink()
        except OSError:
            continue  # another process was faster


def _partial(path: Path) -> Path:
    return path.with_name(f'.{path.stem}.{uuid.uuid4().hex[:12]}{_MARK}{path.suffix}')


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the disk say which file was to be written and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno,
            f'could not write {path}: {reason}; free some space or choose another folder, then '
            'start again: files written before it are untouched',
        ) from error


def _sync(path: Path) -> None:
    with open(path, 'rb') as file:
        os.fsync(file.fileno())


def _discard(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:
        return  # for instance a parent of it is a file: nothing was written
