"""`.npz` files of other projects, whose arrays may hold pickled objects."""

import io
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from whmr.fileio.restricted_pickle import NUMPY, Allowed, loads_pickle

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_npz(
    path: str | Path, *, names: Collection[str] | None = None, allowed: Allowed = NUMPY
) -> dict[str, np.ndarray]:
    """Read an `.npz` file without running anything that it names.

    Plain arrays are read as numpy does. An array of Python objects, which `np.load` refuses without
    `allow_pickle`, goes through the restricted unpickler; one that holds a single object, such as a
    dict, comes back with shape () (take it with `.item()`).

    Args:
        path: The file.
        names: Arrays to read, those of them that are there; None: all.
        allowed: What pickled objects may name, as in `load_pickle`.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: A pickled object names something else; nothing was run.
        ValueError: The file is damaged or no `.npz`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing')
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                name = member.removesuffix('.npy')
                if member != name and (names is None or name in names):
                    arrays[name] = _read(archive.read(member), f'{path}: {name!r}', allowed)
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError, OSError) as error:
        raise ValueError(f'{path} is no whole .npz file ({error}); copy it again') from error
    return arrays


def _read(data: bytes, source: str, allowed: Allowed) -> np.ndarray:
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = _HEADERS[version](file)
        if not dtype.hasobject:
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, KeyError) as error:
        raise ValueError(f'{source} is no array that can be read ({error})') from error
    content = loads_pickle(file.read(), source, allowed=allowed)
    if not isinstance(content, np.ndarray) or content.shape != shape:
        raise ValueError(f'{source} does not hold the array that its header announces')
    return content
