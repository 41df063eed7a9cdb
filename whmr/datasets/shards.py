"""WebDataset shards: tars in which each photo lies beside its labels.

`pack_shards` makes, of an annotation file and its photos,

- `<name>-000000.tar`, ...: `<number>.jpg` (the photo as it was) and `<number>.json` (its people,
  one dict of columns each, and its `row` in that file), as WebDataset's readers expect it. A tar
  begins with the member `__meta__`, which they pass over: what the tar holds and of which file;
- `<name>.npz`: the annotation file of the packed set, whose `img_path` says where in which tar a
  photo lies (`whmr.fileio.tar_member`). It is the table of offsets: `HMRDataset` reads any photo
  with one seek, so that shuffling, mixtures and resuming are those of single files.

`index_shards` makes the annotation file again from the tars alone.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from whmr.datasets.annotations import (
    COLUMNS,
    DTYPES,
    FORMAT_VERSION,
    load_annotations,
    save_annotations,
)
from whmr.datasets.errors import BadSampleError, SourceError
from whmr.datasets.transforms import LoadImage
from whmr.fileio import TarMember, atomic_path

META_MEMBER = '__meta__'


@dataclass
class ShardSummary:
    """What became of a data set that was packed."""

    shards: int = 0
    kept: int = 0  # shards that an earlier run had finished
    photos: int = 0
    people: int = 0
    dropped: list[str] = field(default_factory=list)  # one line for each photo that is left out


def pack_shards(
    ann_file: str | os.PathLike,
    photos: str | os.PathLike,
    out_ann_file: str | os.PathLike,
    *,
    tar_folder: str = 'images',
    photos_per_shard: int = 1000,
) -> Iterator[ShardSummary]:
    """Pack a data set; interrupted and called again, it goes on and gives the same files.

    Args:
        ann_file: The annotation file.
        photos: The folder that its `img_path` is relative to.
        out_ann_file: The annotation file to write.
        tar_folder: Folder of the tars, beside `out_ann_file`: the data set's `data_prefix`.
        photos_per_shard: How many photos go into one tar.

    Yields:
        The summary so far, after each shard; the last one when everything is written.

    Raises:
        FileNotFoundError: There is no annotation file.
        SourceError: No photo can be read.
        ValueError: The annotation file is wrong, it would be replaced, or a number is not positive.
        OSError: The disk is full or not writable.

    Shapes: none.
    """
    ann_file, photos, out = Path(ann_file), os.fspath(photos), Path(out_ann_file)
    if photos_per_shard < 1:
        raise ValueError(f'photos_per_shard must be positive, got {photos_per_shard}')
    if out.resolve() == ann_file.resolve():
        raise ValueError(f'{out}: is the file that is packed; choose another folder')
    columns, meta = load_annotations(ann_file)
    digest = hashlib.sha256(ann_file.read_bytes()).hexdigest()
    _, first, number = np.unique(columns['img_path'], return_index=True, return_inverse=True)
    order = np.argsort(first)  # photos in the order in which they come first
    rows_of = np.split(np.argsort(number, kind='stable'), np.cumsum(np.bincount(number))[:-1])
    starts = range(0, len(order), photos_per_shard)
    summary = ShardSummary(shards=len(starts))
    rows, img_paths = [np.zeros(0, int)], []
    for index, start in enumerate(starts):
        part = order[start : start + photos_per_shard]
        path = out.parent / tar_folder / f'{out.stem}-{index:06d}.tar'
        head = dict(format_version=FORMAT_VERSION, meta=meta, source=digest)
        head['photos'] = [start, start + len(part)]
        names = [f'{start + i:08d}' for i in range(len(part))]
        if _is_finished(path, head):
            summary.kept += 1
        else:
            people = [(rows_of[n], {k: columns[k][rows_of[n]] for k in columns}) for n in part]
            summary.dropped += _write_shard(
                path, head, os.fspath(photos), dict(zip(names, people, strict=True))
            )
        for number, member in _photos(path):
            found = rows_of[order[number]]
            rows.append(found)
            img_paths += [member] * len(found)
            summary.photos += 1
        summary.people = len(img_paths)
        yield summary
    if not img_paths:
        raise SourceError(f'{ann_file}: no photo can be read; {summary.dropped[0]}')
    rows = np.concatenate(rows)
    as_before = np.argsort(rows)  # every index keeps its person
    packed = {name: column[rows[as_before]] for name, column in columns.items()}
    packed.setdefault('img_id', packed['img_path'])
    packed['img_path'] = np.array(img_paths)[as_before]
    save_annotations(out, packed, meta)
    yield summary


def index_shards(
    shards: Sequence[str | os.PathLike], *, relative_to: str | os.PathLike
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The columns and the meta of a packed set, from its tars.

    Args:
        shards: The tars, in order.
        relative_to: The folder that `img_path` shall be relative to.

    Raises:
        SourceError: A tar is cut off, was not made by `pack_shards`, belongs to another set, or
            none holds a person.

    Shapes: as in `whmr.datasets.annotations`.
    """
    parts: list[dict[str, np.ndarray]] = []
    rows: list[int] = []
    common: dict[str, Any] | None = None
    for shard in map(Path, shards):
        name = Path(os.path.relpath(shard, relative_to)).as_posix()
        try:
            with tarfile.open(shard, 'r:') as tar:
                head = _head(tar, shard)
                people = list(_people(tar, name))
        except (tarfile.TarError, OSError, EOFError) as error:
            raise SourceError(f'{shard}: is missing, cut off or no tar ({error})') from error
        head = {key: head[key] for key in ('format_version', 'meta', 'source')}
        if common is not None and head != common:
            raise SourceError(f'{shard}: is of another data set than the tars before it')
        common = head
        if people:
            rows += [person.pop('row') for person in people]
            parts.append({k: _column(k, [person[k] for person in people]) for k in people[0]})
    if common is None or not parts:
        raise SourceError('the shards hold no person; check their folder')
    order = np.argsort(rows)
    columns = {k: np.concatenate([part[k] for part in parts])[order] for k in parts[0]}
    return columns, common['meta']


def _photos(path: Path) -> Iterator[tuple[int, str]]:
    """Number of each photo of a tar, and the path that says where it lies."""
    with tarfile.open(path, 'r:') as tar:
        for member in tar:
            if member.name != META_MEMBER and not member.name.endswith('.json'):
                yield int(Path(member.name).stem), _member_path(member, path.name)


def _people(tar: tarfile.TarFile, name: str) -> Iterator[dict[str, Any]]:
    """The people of a tar; each `.json` follows its photo."""
    photo: tarfile.TarInfo | None = None
    for member in tar:
        if member.name.endswith('.json') and photo is not None:
            for person in json.load(tar.extractfile(member))['people']:
                path = _member_path(photo, name)
                yield {'img_id': person['img_path'], **person, 'img_path': path}
        photo = member


def _member_path(photo: tarfile.TarInfo, tar: str) -> str:
    start = photo.offset_data
    return TarMember(tar, start, start + photo.size, photo.name).path


def _column(name: str, values: list[Any]) -> np.ndarray:
    kind = COLUMNS[name].kind
    return np.array(values, None if kind == 'text' else DTYPES[kind])


def _head(tar: tarfile.TarFile, path: Path) -> dict[str, Any]:
    """What the first member says of a tar."""
    first = tar.next()
    try:
        if first is not None and first.name == META_MEMBER:
            return json.load(tar.extractfile(first))
    except ValueError:
        pass  # the line below says it
    raise SourceError(
        f'{path}: does not begin with {META_MEMBER}: not made by make_shards.py '
        '(the tars of 4D-Humans: tools/dataset_converters/hmr2_shards.py)'
    )


def _is_finished(path: Path, head: Mapping[str, Any]) -> bool:
    """Whether a tar is there, whole, of this run, and lacks no photo."""
    try:
        with tarfile.open(path, 'r:') as tar:
            found = _head(tar, path)
            tar.getmembers()  # raises where the tar is cut inside of a file
    except (tarfile.TarError, OSError, EOFError, SourceError):
        return False
    return found == {**head, 'dropped': []} and path.stat().st_size % tarfile.RECORDSIZE == 0


def _write_shard(
    path: Path, head: Mapping[str, Any], photos: str, people: Mapping[str, Any]
) -> list[str]:
    """Write one tar, the same bytes whenever it is done; returns what was left out."""
    load, members, dropped = LoadImage(lazy_decode=True), [], []
    for name, (numbers, columns) in people.items():
        source = str(columns['img_path'][0])
        try:
            content = load.read_content(os.path.join(photos, source))
        except BadSampleError as error:
            dropped.append(str(error).replace(photos, '').lstrip('/'))
            continue
        rows = [
            {'row': int(number)} | {k: column[i].tolist() for k, column in columns.items()}
            for i, number in enumerate(numbers)
        ]
        members.append((f'{name}{Path(source).suffix.lower()}', content))
        members.append((f'{name}.json', json.dumps(dict(people=rows)).encode()))
    members.insert(0, (META_MEMBER, json.dumps({**head, 'dropped': dropped}).encode()))
    with atomic_path(path) as partial, tarfile.open(partial, 'w', format=tarfile.USTAR_FORMAT) as t:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            t.addfile(info, io.BytesIO(content))
    return dropped
