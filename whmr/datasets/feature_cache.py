"""A folder of numbers computed once per sample, in whole parts that are memory-mapped."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from whmr.fileio import write_bytes, write_text

MANIFEST = 'manifest.json'
FORMAT = 1
PART_SIZE = 256  # samples


class FeatureCacheError(ValueError):
    """A cache that cannot be used; the message says why and what to do."""


class FeatureCache:
    """Rows of float32 numbers, one per sample and augmented version, under named fields.

    A part is one `.npy` file of up to `PART_SIZE` rows, written whole or not at all, so that an
    interrupted computation goes on where it stopped. The manifest says what the rows were made
    from (`key`): a cache of another key is refused.

    Args:
        folder: Where the cache lies, or is to be made.

    Shapes: N samples, K versions; a row is the concatenation of its fields, flattened.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._manifest: dict[str, Any] | None = None
        self._parts: dict[tuple[int, int], np.ndarray] = {}

    @property
    def exists(self) -> bool:
        """Whether the folder holds a cache, whole or in part."""
        return (self.folder / MANIFEST).is_file()

    @property
    def manifest(self) -> dict[str, Any]:
        """`format`, `key`, `num_samples`, `num_versions`, `part_size` and `fields`.

        Raises:
            FileNotFoundError: There is no cache.
            FeatureCacheError: The manifest is damaged or of another format.
        """
        if self._manifest is None:
            path = self.folder / MANIFEST
            if not path.is_file():
                raise FileNotFoundError(f'there is no feature cache in {self.folder}')
            try:
                manifest = json.loads(path.read_text(encoding='utf-8'))
            except ValueError:
                manifest = None
            if not isinstance(manifest, dict) or manifest.get('format') != FORMAT:
                raise FeatureCacheError(
                    f'{path} is damaged or of another version of this library: delete the folder'
                )
            self._manifest = manifest
        return self._manifest

    def create(
        self,
        key: Mapping[str, Any],
        num_samples: int,
        *,
        num_versions: int,
        fields: Mapping[str, tuple[int, ...]],
        part_size: int = PART_SIZE,
    ) -> None:
        """Begin a cache; its parts are still to be written.

        Args:
            key: What the rows are made from: plain data, compared entry by entry.
            num_samples: Samples of the data set.
            num_versions: Augmented versions of each.
            fields: Name to shape, in the order of a row.
            part_size: Samples in a part.
        """
        manifest = {
            'format': FORMAT,
            'key': key,
            'num_samples': num_samples,
            'num_versions': num_versions,
            'part_size': part_size,
            'fields': {name: list(shape) for name, shape in fields.items()},
        }
        write_text(self.folder / MANIFEST, json.dumps(manifest, indent=1) + '\n')
        self._manifest = None

    def check(self, key: Mapping[str, Any], num_versions: int | None = None) -> None:
        """Refuse a cache that was made from something else.

        Args:
            key: What the rows should be made from.
            num_versions: How many versions there should be; None takes what is there.

        Raises:
            FileNotFoundError: There is no cache.
            FeatureCacheError: It differs; the message names the first entries that do.
        """
        found = differences(self.manifest['key'], json.loads(json.dumps(key)))
        if num_versions is not None and num_versions != self.manifest['num_versions']:
            found.append(f'versions: {self.manifest["num_versions"]} there, {num_versions} now')
        if found:
            raise FeatureCacheError(
                f'the feature cache {self.folder} was made for something else: '
                f'{"; ".join(found[:4])}. Give another folder, or delete this one'
            )

    def missing_parts(self) -> list[tuple[int, int]]:
        """(version, part) of every part that is not written yet."""
        count = math.ceil(self.manifest['num_samples'] / self.manifest['part_size'])
        every = [(v, p) for v in range(self.manifest['num_versions']) for p in range(count)]
        return [(v, p) for v, p in every if not self._path(v, p).is_file()]

    def rows_of(self, part: int) -> range:
        """The samples of a part."""
        size = self.manifest['part_size']
        return range(part * size, min((part + 1) * size, self.manifest['num_samples']))

    def write_part(self, version: int, part: int, fields: Mapping[str, np.ndarray]) -> None:
        """Write one part, whole or not at all.

        Raises:
            FeatureCacheError: The fields are not those of the manifest.
            OSError: The disk is full or not writable.

        Shapes: n rows of the part.
            fields: name -> (n, *shape).
        """
        shapes = {name: list(value.shape[1:]) for name, value in fields.items()}
        if shapes != self.manifest['fields']:
            raise FeatureCacheError(
                f'a part of {self.folder} has the fields {shapes}, the manifest says '
                f'{self.manifest["fields"]}'
            )
        count = len(self.rows_of(part))
        flat = [np.asarray(value, np.float32).reshape(count, -1) for value in fields.values()]
        buffer = io.BytesIO()
        np.save(buffer, np.concatenate(flat, axis=1), allow_pickle=False)
        write_bytes(self._path(version, part), buffer.getbuffer())

    def read(self, version: int, index: int) -> dict[str, np.ndarray]:
        """The fields of one sample.

        Raises:
            FileNotFoundError: Its part is not written.
            FeatureCacheError: Its part is damaged.

        Shapes: returns: name -> (*shape), float32.
        """
        part, offset = divmod(index, self.manifest['part_size'])
        row = np.array(self._part(version, part)[offset])
        fields, start = {}, 0
        for name, shape in self.manifest['fields'].items():
            size = math.prod(shape)
            fields[name] = row[start : start + size].reshape(shape)
            start += size
        return fields

    def _part(self, version: int, part: int) -> np.ndarray:
        if (version, part) not in self._parts:
            path = self._path(version, part)
            if not path.is_file():
                raise FileNotFoundError(f'{path} is missing: the feature cache is not complete')
            width = sum(math.prod(shape) for shape in self.manifest['fields'].values())
            expected = (len(self.rows_of(part)), width)
            try:
                rows = np.load(path, mmap_mode='r', allow_pickle=False)
            except (ValueError, OSError, EOFError):
                rows = None
            if rows is None or rows.shape != expected or rows.dtype != np.float32:
                raise FeatureCacheError(f'{path} is damaged: delete it, it is then made again')
            self._parts[version, part] = rows
        return self._parts[version, part]

    def _path(self, version: int, part: int) -> Path:
        return self.folder / f'version_{version:03d}' / f'part_{part:05d}.npy'


def differences(there: Any, wanted: Any, where: str = '') -> list[str]:
    """One line for each entry of two nested containers that differs."""
    if isinstance(there, dict) and isinstance(wanted, dict):
        names = sorted(set(there) | set(wanted))
        pairs = [(name, there.get(name), wanted.get(name)) for name in names]
    elif isinstance(there, list) and isinstance(wanted, list) and len(there) == len(wanted):
        pairs = [(str(index), a, b) for index, (a, b) in enumerate(zip(there, wanted))]
    else:
        return [] if there == wanted else [f'{where}: {_short(there)} there, {_short(wanted)} now']
    return [
        line
        for name, a, b in pairs
        for line in differences(a, b, f'{where}.{name}' if where else name)
    ]


def _short(value: Any) -> str:
    text = 'nothing' if value is None else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + '...'
