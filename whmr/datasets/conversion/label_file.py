"""Converters of label files that other projects made: rows in a file, photos in a folder."""

import argparse
import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from whmr.datasets.catalog import CATALOG
from whmr.datasets.conversion.converter import Converter
from whmr.datasets.conversion.rows import UNREADABLE, Dropped, Row
from whmr.datasets.conversion.shards import shard_names, shard_range
from whmr.datasets.errors import SourceError
from whmr.fileio import load_npz


class LabelFileConverter(Converter):
    """Reads one label file; `source_root` is the folder of the photos that it names.

    A subclass reads other kinds of files by overriding `count` and `records`.

    Args:
        source_root: Folder that the names of the photos start from.
        out_dir: Where the annotation file goes, `data/<dataset>`.
        labels: The label file; it may be given relative to `source_root`.
        dataset: Which set it labels, a name of the catalog.
        variant: Goes into the name of the output, `<dataset>_<variant>_<split>.npz`.
        pixel_shift: Added to the file's 2D keypoints and boxes: 0.5 where they count from pixel
            centres, as COCO's do.

    Raises:
        SourceError: The folder or the label file is missing, or the set is not in the catalog.
    """

    splits = ('train',)
    more_splits = ('validation', 'test')
    variant: ClassVar[str] = ''
    required: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        labels: str | os.PathLike,
        dataset: str | None = None,
        variant: str | None = None,
        pixel_shift: float = 0.0,
    ) -> None:
        self.name = catalog_name(dataset or self.name)  # of this object, not of the class
        if variant is not None:
            self.variant = variant
        self.labels, self.pixel_shift = Path(labels), float(pixel_shift)
        super().__init__(source_root, out_dir)
        if not self.labels.is_file():
            self.labels = self.source_root / labels
        if not self.labels.is_file():
            raise SourceError(f'{self.labels}: no such label file')

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of all label files."""
        parser.add_argument('--labels', required=True, type=Path, help='the label file')
        parser.add_argument(
            '--dataset', default=cls.name, choices=sorted(CATALOG), help=f'default: {cls.name}'
        )
        parser.add_argument(
            '--variant',
            default=cls.variant,
            help=f'goes into the name of the output; default: {cls.variant or "none"}',
        )
        parser.add_argument(
            '--pixel-shift',
            type=float,
            default=0.0,
            help='added to 2D labels; 0.5 where they count from pixel centres (COCO); default: 0',
        )

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'LabelFileConverter':
        """A converter from the parsed command line: every option is a constructor argument.

        Raises:
            SourceError: More than one split is asked for.
        """
        if len(args.splits or ()) > 1:
            raise SourceError(f'{args.labels}: a label file is of one split, got {args.splits}')
        common = ('source_root', 'out_dir', 'splits', 'check', 'overwrite', 'limit', 'quiet')
        own = {name: value for name, value in vars(args).items() if name not in common}
        return cls(args.source_root, args.out_dir, **own)

    def options(self) -> dict[str, Any]:
        """The label file's name; another file makes other rows."""
        return dict(labels=self.labels.name, pixel_shift=self.pixel_shift)

    def output(self, split: str) -> Path:
        """The annotation file of a split."""
        middle = f'_{self.variant}' if self.variant else ''
        return self.out_dir / f'{self.name}{middle}_{split}.npz'

    def units(self, split: str) -> Sequence[str]:
        """Pieces of the file's rows."""
        return shard_names(self.count())

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """People of one piece."""
        for record in self.records(shard_range(unit)):
            try:
                yield from self.people(record)
            except UNREADABLE as error:
                yield Dropped('labels that cannot be read', str(error))

    @abstractmethod
    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one record of the file, and the labels that it had to lose.

        Args:
            record: One row of every array of the file.

        Raises:
            SourceError: A label cannot be read: the person is dropped.
        """

    def size_of(self, img_path: str) -> tuple[int, int] | None:
        """H, W of a photo; None if it cannot be used (its people are left out later)."""
        try:
            return self.photo_shape(img_path)
        except SourceError:
            return None

    def count(self) -> int:
        """The number of records in the file."""
        return len(self.columns[self.required[0]])

    def records(self, which: range) -> Iterator[Mapping[str, Any]]:
        """Some of the file's records, in order."""
        for index in which:
            yield {name: array[index] for name, array in self.columns.items()}

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """The arrays of an `.npz` label file.

        Raises:
            SourceError: The file is broken, lacks an array, or its arrays differ in length.
        """
        try:
            arrays = load_npz(self.labels, names=(*self.required, *self.optional))
        except ValueError as error:
            raise SourceError(str(error)) from error
        return same_length(self.labels, arrays, self.required)


def catalog_name(name: str) -> str:
    """The name, if it is one of the catalog.

    Raises:
        SourceError: It is not.
    """
    if name not in CATALOG:
        raise SourceError(f'no set {name!r} in the catalog; it has {sorted(CATALOG)}')
    return name


def same_length(
    path: Path, arrays: dict[str, np.ndarray], required: Sequence[str]
) -> dict[str, np.ndarray]:
    """The arrays, if the required ones are there and all have a row per person.

    Raises:
        SourceError: They are not, or there is no row.

    Shapes: arrays: (N, ...).
    """
    missing = [name for name in required if name not in arrays]
    if missing:
        raise SourceError(
            f'{path}: has no array {missing[0]!r}; a file of this kind has {list(required)}'
        )
    sizes = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    expected = sizes[required[0]]
    for name, size in sizes.items():
        if size != expected:
            raise SourceError(
                f'{path}: array {name!r} has {size} row(s) but {required[0]!r} has {expected}; '
                'the file is damaged or of another kind'
            )
    if not expected:
        raise SourceError(f'{path}: holds no person')
    return arrays


def text(value: Any) -> str:
    """A name in a label file, which may be text or bytes."""
    return value.decode('utf-8') if isinstance(value, bytes) else str(value)


def square_box(center: Sequence[float], scale: float, *, padding: float = 1.2) -> np.ndarray:
    """The tight box of the convention `center`, `scale` (square side = 200 * scale px).

    Args:
        center: Middle of the box.
        scale: Side / 200.
        padding: How much larger the side is than the person; `GetBox` puts it back.

    Shapes: center: (2,) px.  returns: (4,) xyxy px.
    """
    half = 100.0 * float(scale) / padding
    center = np.asarray(center, np.float64)
    return np.concatenate([center - half, center + half])


GENDERS = {'m': 'male', 'f': 'female', 'n': 'neutral'}


def gender_name(value: Any) -> str:
    """Our name of a gender that a file abbreviates.

    Raises:
        SourceError: It is none of male, female, neutral or their first letters.
    """
    name = text(value).lower()
    name = GENDERS.get(name, name)
    if name not in GENDERS.values():
        raise SourceError(f'unknown gender {text(value)!r}; expected male, female or neutral')
    return name
