"""What a converter is, and how it runs."""

import argparse
import errno
import json
import logging
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mmengine.logging import print_log
from mmengine.utils import ProgressBar

from whmr.datasets.annotations import load_annotations
from whmr.datasets.catalog import CATALOG
from whmr.datasets.conversion.images import (
    MISSING,
    UNUSABLE,
    image_size,
    link_images,
    photo_problem,
)
from whmr.datasets.conversion.rows import Dropped, Row
from whmr.datasets.conversion.summary import ConversionSummary
from whmr.datasets.conversion.writer import AnnotationWriter, parts_folder, summary_file
from whmr.datasets.errors import SourceError

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no fault of the source: these end the run


class Converter(ABC):
    """Reads one data set as its authors deliver it. Derive from it, one class per source.

    A split is cut into units (a sequence, a video, a shard of an annotation file); a unit is what
    an interrupted run repeats. `rows` must give the same each time it is called.

    Args:
        source_root: The data set's folder, as it was downloaded.
        out_dir: Where the annotation files go, `data/<name>`.

    Raises:
        SourceError: The source's folder is missing.
    """

    name: ClassVar[str]  # in the catalog
    splits: ClassVar[tuple[str, ...]]  # those that are converted if none is named
    more_splits: ClassVar[tuple[str, ...]] = ()

    def __init__(self, source_root: str | os.PathLike, out_dir: str | os.PathLike) -> None:
        self.source_root, self.out_dir = Path(source_root), Path(out_dir)
        if not self.source_root.is_dir():
            info = CATALOG[self.name]
            raise SourceError(
                f'{self.source_root}: no such folder; give the folder of {info.title} as it was '
                f'downloaded from {info.home}'
            )

    @classmethod  # noqa: B027 - a source need not have options
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the source's own command line options; each is an argument of the constructor."""

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'Converter':
        """A converter from the parsed command line."""
        return cls(args.source_root, args.out_dir)

    @abstractmethod
    def meta(self, split: str) -> dict[str, Any]:
        """What is special in the file's meta: `joint_set` and, if wanted, `notes`, ..."""

    @abstractmethod
    def units(self, split: str) -> Sequence[str]:
        """Name of each unit of a split, in the order of the rows.

        Raises:
            SourceError: The source has no such split, or nothing of it is there.
        """

    @abstractmethod
    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """People of one unit, and what had to be left out.

        A row is a dict of columns of the annotation format, without the `has_` flags: a label that
        a person does not have is not in the row. Without `ori_shape` the photo's header is read.

        Raises:
            SourceError: A file of the unit is missing or broken: the unit is counted as dropped.
        """

    def options(self) -> dict[str, Any]:
        """Settings that change the rows: kept in the file's meta."""
        return {}

    def image_source(self) -> Path | None:
        """The source's folder of photos, which is linked as `images`.

        None: the converter writes photos there itself.
        """
        return self.source_root

    def photo_shape(self, img_path: str) -> tuple[int, int]:
        """H, W of a photo whose row does not say its `ori_shape`.

        Raises:
            SourceError: The photo is missing or unreadable.
        """
        return image_size(self.images / img_path)

    def photo_problem(
        self, img_path: str, ori_shape: tuple[int, int], *, decode: bool
    ) -> tuple[str, str] | None:
        """What is wrong with a photo: reason and details; None if nothing.

        Override it where photos are not files in `images`.

        Args:
            img_path: The photo of a row.
            ori_shape: H, W of its label.
            decode: Open it and compare its size, not only look whether it is there.
        """
        return photo_problem(self.images / img_path, ori_shape, decode=decode)

    @property
    def images(self) -> Path:
        """The folder that `img_path` starts from."""
        return self.out_dir / CATALOG[self.name].images

    def output(self, split: str) -> Path:
        """The annotation file of a split."""
        return self.out_dir / f'{self.name}_{split}.npz'

    def full_meta(self, split: str) -> dict[str, Any]:
        """The meta of the annotation file of a split."""
        info = CATALOG[self.name]
        meta = dict(dataset=self.name, topology='smpl', licence=info.licence, source=info.home)
        meta |= dict(split=split, converter=type(self).__name__, converter_args=self.options())
        return meta | self.meta(split)


@dataclass(frozen=True)
class _Photo:
    """What is known of a photo: its H, W, and why it cannot be used."""

    shape: tuple[int, int] | None = None
    problem: tuple[str, str] | None = None


def convert_split(
    converter: Converter,
    split: str,
    *,
    check: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    progress: bool = False,
) -> ConversionSummary:
    """Make the annotation file of one split, or go on where an interrupted run stopped.

    Args:
        converter: The source.
        split: The split.
        check: Open every photo and drop people whose photo is unreadable or of another size.
        overwrite: Replace a file that is there, and forget the parts of an earlier run. To go on
            with an interrupted run, also with one that overwrites, leave it out.
        limit: Stop after so many people.
        progress: Show a progress bar.

    Returns:
        The summary of the file. A file that is there already is left alone.

    Raises:
        SourceError: Nobody is left, or the source lacks something without which nothing works.
        ValueError: The file or its parts were made with other settings.
    """
    path, meta = converter.output(split), converter.full_meta(split)
    run = dict(check=True) if check else {}
    meta['converter_args'] |= run | ({} if limit is None else dict(limit=limit))
    meta = json.loads(json.dumps(meta))  # as it will be read from the file
    whole = path.is_file() and summary_file(path).is_file() and not parts_folder(path).exists()
    if whole and not overwrite:
        return _read_finished(path, meta)
    units = tuple(converter.units(split))
    if not units:
        raise SourceError(f'{converter.source_root}: holds nothing of the split {split!r}')
    source = converter.image_source()
    if source is not None:
        link_images(converter.images, source)
    writer = AnnotationWriter(path, meta, units=units, overwrite=overwrite)
    finished = writer.finished
    if finished:
        line = f'{path}: {len(finished)} of {len(units)} units are done, going on'
        print_log(line, 'current', logging.INFO)
    bar = ProgressBar(len(units), file=sys.stderr) if progress else None
    people = 0
    for unit in units:
        if unit not in finished:
            people += writer.write_part(unit, _entries(converter, split, unit, decode=check))
        elif limit is not None:
            people += writer.count(unit)
        if bar is not None:
            bar.update()
        if limit is not None and people >= limit:
            break
    if bar is not None:
        bar.file.write('\n')
    return writer.finish(limit=limit)


def _entries(
    converter: Converter, split: str, unit: str, *, decode: bool
) -> Iterator[Row | Dropped]:
    """What a unit yields, without people whose photo cannot be used."""
    photos: dict[str, _Photo] = {}
    entries = _rows(converter, split, unit)
    while True:
        try:
            entry = next(entries, None)
        except (SourceError, OSError) as error:
            if getattr(error, 'errno', None) in FULL_DISK:
                raise
            yield Dropped('cannot be read', f'{unit}: {error}', what='file')
            return
        if entry is None:
            return
        if isinstance(entry, Dropped):
            yield entry
            continue
        img_path = entry['img_path']
        new = img_path not in photos
        if new:
            photos[img_path] = _look_at(converter, img_path, entry.get('ori_shape'), decode)
        photo = photos[img_path]
        if photo.problem is None:
            yield {**entry, 'ori_shape': photo.shape}
            continue
        reason, details = photo.problem
        if new:
            yield Dropped(reason, details, what='image')
        yield Dropped(reason, details)


def _look_at(
    converter: Converter, img_path: str, ori_shape: Sequence[int] | None, decode: bool
) -> _Photo:
    """The size of a photo (from its header, if no label says it) or why it cannot be used."""
    if ori_shape is None:
        try:
            ori_shape = converter.photo_shape(img_path)
        except SourceError as error:
            if not (converter.images / img_path).is_file():
                return _Photo(problem=(MISSING, img_path))
            return _Photo(problem=(UNUSABLE, str(error)))
    shape = (int(ori_shape[0]), int(ori_shape[1]))
    problem = converter.photo_problem(img_path, shape, decode=decode)
    if problem is not None and problem[0] == MISSING:
        problem = (MISSING, img_path)
    return _Photo(shape, problem)


def _rows(converter: Converter, split: str, unit: str) -> Iterator[Row | Dropped]:
    """The rows of a unit; errors come when the first one is asked for, whatever `rows` returns."""
    yield from converter.rows(split, unit)


def _read_finished(path: Path, meta: dict[str, Any]) -> ConversionSummary:
    """The summary of a file that an earlier run has finished."""
    _, found = load_annotations(path)
    if found != meta:
        raise ValueError(
            f'{path}: is there already, made with other settings '
            f'({found.get("converter")}, {found.get("converter_args")}); replace it with '
            '--overwrite or choose another output folder'
        )
    print_log(f'{path}: is there already; --overwrite makes it anew', 'current', logging.INFO)
    return ConversionSummary.from_json(summary_file(path).read_text(encoding='utf-8'))
