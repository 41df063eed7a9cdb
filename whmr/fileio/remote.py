"""Files on this machine or behind a URL that fsspec knows (`s3://`, `gs://`, `memory://`, ...)."""

import os
import re
from pathlib import Path
from typing import Any

from whmr.fileio.atomic import atomic_path

_URL = re.compile(r'^[A-Za-z][A-Za-z0-9+.\-]+://')


def is_url(path: str | os.PathLike) -> bool:
    """Whether a path names a place behind a protocol, not a file of this machine."""
    return _URL.match(os.fspath(path)) is not None


def read_file(path: str | os.PathLike, start: int = 0, end: int | None = None) -> bytes:
    """The bytes of a file, or a part of them; only that part is moved.

    Args:
        path: A path or a URL.
        start: First byte.
        end: The byte after the last; None = to the end of the file.

    Raises:
        OSError: There is no such file or it cannot be read.
        ImportError: The URL's protocol needs a package that is not installed.
    """
    if is_url(path):
        system, name = _filesystem(os.fspath(path))
        return system.cat_file(name, start=start or None, end=end)
    with open(path, 'rb') as file:
        file.seek(start)
        return file.read() if end is None else file.read(end - start)


def file_exists(path: str | os.PathLike) -> bool:
    """Whether there is such a file.

    Args:
        path: A path or a URL.

    Raises:
        ImportError: The URL's protocol needs a package that is not installed.
    """
    if is_url(path):
        system, name = _filesystem(os.fspath(path))
        return bool(system.isfile(name))
    return Path(path).is_file()


def local_copy(path: str | os.PathLike) -> Path:
    """A file of this machine with the content of a path; what is behind a URL is fetched once.

    Copies lie in `user_cache_folder() / 'fetched'`, under the file's own name and what its host
    says of its version.

    Args:
        path: A path, which is its own copy, or a URL.

    Raises:
        OSError: There is no such file or it cannot be read or written.
        ImportError: The URL's protocol needs a package that is not installed.
    """
    if not is_url(path):
        return Path(path)
    system, name = _filesystem(os.fspath(path))
    version = str(system.ukey(name))
    copy = user_cache_folder() / 'fetched' / version / name.rsplit('/', 1)[-1]
    if not copy.is_file():
        with atomic_path(copy) as partial:
            system.get_file(name, str(partial))
    return copy


def user_cache_folder() -> Path:
    """Where copies that can be made again are kept: `$XDG_CACHE_HOME/whmr` or `~/.cache/whmr`."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'whmr'


def _filesystem(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(url)
    except ImportError as error:
        protocol = url.split('://')[0]
        raise ImportError(
            f'{url}: {protocol}:// needs fsspec and its package for {protocol} ({error}); '
            'install them, or copy the files to this machine'
        ) from error
    except ValueError as error:
        raise OSError(f'{url}: {error}; use a path or a URL that fsspec knows') from error
