"""Files that appear whole or not at all."""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

ATOMIC_BACKEND = 'whmr_atomic'
_SUFFIX = '.partial'


def write_bytes(path: str | Path, data: bytes | memoryview) -> None:
    """Write `data` to `path` so that a crash leaves the old file or the new one, never a half.

    Args:
        path: The file; its folder is created.
        data: Its whole content.

    Raises:
        OSError: The disk is full or the folder cannot be written; nothing was changed.
    """
    path = Path(path)
    partial = path.with_name(f'.{path.name}.{os.getpid()}{_SUFFIX}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f'could not write {path} ({len(data) / 2**20:.1f} MiB): '
            f'{os.strerror(error.errno) if error.errno else error}; files written before it are '
            'untouched',
        ) from error


def write_text(path: str | Path, text: str) -> None:
    """`write_bytes` for a text in UTF-8."""
    write_bytes(path, text.encode('utf-8'))


def remove_partial_files(folder: str | Path) -> None:
    """Remove what a killed process left half-written in `folder`."""
    for partial in Path(folder).glob(f'.*{_SUFFIX}'):
        partial.unlink(missing_ok=True)


@register_backend(ATOMIC_BACKEND, force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local file backend with atomic writes (`backend_args=dict(backend=...)`)."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes atomically."""
        write_bytes(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text atomically."""
        write_bytes(filepath, obj.encode(encoding))
