"""Reading the files of data sets: every failure is a `SourceError` that names file and field."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from mmengine.utils import import_modules_from_strings

from whmr.datasets.errors import SourceError
from whmr.fileio import NUMPY, load_pickle

AGAIN = 'it may be damaged or half downloaded; get it again'


def read_pickle(
    path: str | os.PathLike, fields: Sequence[str] = (), *, allowed: Mapping[Any, Any] = NUMPY
) -> Any:
    """A pickle, read without running anything in it.

    Args:
        path: The file.
        fields: Keys that must be in it, if it is a dict.
        allowed: See `whmr.fileio.load_pickle`.

    Raises:
        SourceError: It is missing, damaged, lacks a field, or names what may not be read.
    """
    with _told(path):
        content = load_pickle(path, allowed=allowed)
    require_fields(content, fields, path)
    return content


def read_json(path: str | os.PathLike) -> Any:
    """A JSON file.

    Raises:
        SourceError: It is missing or damaged.
    """
    with _told(path):
        return json.loads(Path(path).read_text(encoding='utf-8'))


def read_mat(path: str | os.PathLike, fields: Sequence[str]) -> dict[str, Any]:
    """Variables of a MATLAB file up to version 7; structs are objects with attributes.

    Args:
        path: The file.
        fields: The variables to read.

    Raises:
        SourceError: It is missing, damaged, lacks a variable, or is of version 7.3.
        ImportError: scipy is not installed.
    """
    scipy_io = _optional('scipy.io')
    with _told(path):
        content = scipy_io.loadmat(
            os.fspath(path), squeeze_me=False, struct_as_record=False, variable_names=list(fields)
        )
    require_fields(content, fields, path)
    return {name: content[name] for name in fields}


def read_hdf5(path: str | os.PathLike, fields: Sequence[str]) -> dict[str, np.ndarray]:
    """Numeric arrays of an HDF5 file, such as MATLAB's from version 7.3 on (axes as stored there).

    Raises:
        SourceError: It is missing, damaged, or lacks an array.
        ImportError: h5py is not installed.
    """
    h5py = _optional('h5py')
    with _told(path), h5py.File(os.fspath(path), 'r') as file:
        require_fields(file, fields, path)
        return {name: np.asarray(file[name]) for name in fields}


def read_cdf(path: str | os.PathLike, variable: str) -> np.ndarray:
    """One variable of a NASA CDF file.

    Raises:
        SourceError: It is missing, damaged, or lacks the variable.
        ImportError: cdflib is not installed.
    """
    cdflib = _optional('cdflib')
    with _told(path):
        file = cdflib.CDF(os.fspath(path))
        info = file.cdf_info()
        names = [*info.zVariables, *info.rVariables]
        if variable not in names:
            raise SourceError(f'{path}: has no variable {variable!r}, only {names}')
        return np.asarray(file.varget(variable))


def require_fields(content: Any, fields: Sequence[str], path: str | os.PathLike) -> None:
    """Refuse a file that lacks a field.

    Raises:
        SourceError: The content is no mapping, or lacks one of the fields.
    """
    if not fields:
        return
    if not hasattr(content, 'keys'):
        raise SourceError(f'{path}: must hold named fields, holds a {type(content).__name__}')
    missing = [name for name in fields if name not in content]
    if missing:
        there = ', '.join(sorted(map(str, content)))
        raise SourceError(f'{path}: has no {missing[0]!r}, only {there}; is it another version?')


@contextlib.contextmanager
def _told(path: str | os.PathLike) -> Iterator[None]:
    """Whatever a parser of a foreign format raises becomes one line that names the file."""
    if not Path(path).is_file():
        raise SourceError(f'{path}: no such file')
    try:
        yield
    except (SourceError, ImportError):
        raise
    except Exception as error:  # parsers of foreign formats fail in any way
        text = f'{type(error).__name__}: {" ".join(str(error).split())}'
        raise SourceError(f'{path}: cannot be read ({text}); {AGAIN}') from error


def _optional(name: str) -> ModuleType:
    """A library of the extra `convert`."""
    try:
        return import_modules_from_strings(name)
    except ImportError as error:
        library = name.split('.')[0]
        raise ImportError(
            f'reading this data set needs {library}: pip install "whmr[convert]"'
        ) from error
