"""The training tars of 4D-Humans (HMR 2.0) to this library's annotation format.

    python tools/dataset_converters/hmr2_shards.py TARS/ava-train-midframes-1fps-vitpose data/ava
    python tools/dataset_converters/hmr2_shards.py TARS/insta-train-vitpose-replicate data/insta \\
        --dataset insta
    python tools/dataset_converters/hmr2_shards.py TARS/coco-train-2014-vitpose-replicate-pruned \\
        data/coco --dataset coco --variant vitpose

The folder holds WebDataset tars (`000000.tar`, ...). Files of one name up to the first dot make a
sample: `NAME.jpg`, and `NAME.data.pyd`, a pickle with a list of people (read by the restricted
unpickler): `keypoints_2d` (44 joints of SPIN: x, y, confidence), `keypoints_3d` (44, with
confidence), `center`, `scale` (box / 200 px), `body_pose` (72), `betas` (10), `has_body_pose`,
`has_betas`. Other files, such as `NAME.detection.npz`, are not read. The tars are not unpacked:
`img_path` says where in which tar a photo lies, and training reads it there.

With `--variant` the tars are linked as `images_<variant>`, beside the set's own `images`: use
`data_prefix=dict(img='images_<variant>')`.
"""

import argparse
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whmr.datasets import BadSampleError
from whmr.datasets.catalog import CATALOG
from whmr.datasets.conversion import Converter, Dropped, Row, SourceError, image_size, run_converter
from whmr.datasets.conversion.label_file import catalog_name
from whmr.datasets.conversion.rows import UNREADABLE
from whmr.datasets.conversion.spin_rows import (
    JOINT_SET,
    JOINT_SET_3D,
    smpl_labels,
    spin_keypoints,
    spin_keypoints_3d,
)
from whmr.datasets.transforms import LoadImage
from whmr.fileio import NUMPY, TarMember, loads_pickle
from whmr.keypoints import NUM_OPENPOSE_JOINTS

PHOTOS = ('jpg', 'jpeg', 'png')
LABELS = 'data.pyd'
NUM_JOINTS = 44
Sample = tuple[str, dict[str, tarfile.TarInfo]]


class Hmr2Shards(Converter):
    """Reads the tars of one set.

    Args:
        source_root: Folder of the tars.
        out_dir: `data/<dataset>`.
        dataset: Which set they are of, a name of the catalog.
        variant: Goes into the name of the output and of the folder that leads to the tars.
        pixel_shift: Added to 2D labels.

    Raises:
        SourceError: The folder is missing, or the set is not in the catalog.
    """

    name = 'ava'
    splits = ('train',)
    more_splits = ('validation', 'test')

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        dataset: str | None = None,
        variant: str = '',
        pixel_shift: float = 0.0,
    ) -> None:
        self.name = catalog_name(dataset or self.name)  # of this object, not of the class
        self.variant, self.pixel_shift = variant, float(pixel_shift)
        super().__init__(source_root, out_dir)

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add which set the tars are of."""
        parser.add_argument('--dataset', default=cls.name, choices=sorted(CATALOG))
        parser.add_argument('--variant', default='', help='goes into the name of the output')
        parser.add_argument(
            '--pixel-shift',
            type=float,
            default=0.0,
            help='added to 2D labels; 0.5 where they count from pixel centres (COCO); default: 0',
        )

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'Hmr2Shards':
        """A converter from the parsed command line."""
        return cls(
            args.source_root,
            args.out_dir,
            dataset=args.dataset,
            variant=args.variant,
            pixel_shift=args.pixel_shift,
        )

    def options(self) -> dict[str, Any]:
        """What changes the rows."""
        return dict(variant=self.variant, pixel_shift=self.pixel_shift)

    def meta(self, split: str) -> dict[str, Any]:
        """The joint sets."""
        notes = 'SMPL pseudo labels of HMR 2.0 (Goel et al., ICCV 2023)'
        return dict(joint_set=JOINT_SET, joint_set_3d=JOINT_SET_3D, notes=notes)

    @property
    def images(self) -> Path:
        """The folder that leads to the tars."""
        return self.out_dir / (f'images_{self.variant}' if self.variant else 'images')

    def output(self, split: str) -> Path:
        """The annotation file of a split."""
        middle = f'_{self.variant}' if self.variant else ''
        return self.out_dir / f'{self.name}{middle}_{split}.npz'

    def units(self, split: str) -> Sequence[str]:
        """The tars."""
        tars = sorted(self.source_root.rglob('*.tar'))
        return [path.relative_to(self.source_root).as_posix() for path in tars]

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """People of one tar.

        Raises:
            SourceError: The tar is cut off or no tar.
        """
        path = self.source_root / unit
        try:
            with tarfile.open(path, 'r:') as tar:
                for key, members in samples(tar):
                    yield from self._people(tar, unit, key, members)
                if path.stat().st_size < _end(tar):
                    raise SourceError(f'{path}: is cut off between two files; get it again')
        except (tarfile.TarError, EOFError) as error:
            raise SourceError(f'{path}: is cut off or no tar ({error}); get it again') from error

    def photo_problem(
        self, img_path: str, ori_shape: tuple[int, int], *, decode: bool
    ) -> tuple[str, str] | None:
        """What is wrong with a photo in a tar.

        Args:
            img_path: The photo of a row.
            ori_shape: H, W of its label.
            decode: Open it and compare its size.
        """
        if not decode:
            return None  # it was found in the tar a moment ago
        try:
            path = str(self.images / img_path)
            LoadImage().transform(dict(img_path=path, ori_shape=ori_shape))
        except BadSampleError as error:
            return 'the photo cannot be used', str(error)
        return None

    def _people(
        self, tar: tarfile.TarFile, unit: str, key: str, members: Mapping[str, tarfile.TarInfo]
    ) -> Iterator[Row | Dropped]:
        item = f'{unit}: {key}'
        photo = next((members[ending] for ending in PHOTOS if ending in members), None)
        if LABELS not in members:
            yield Dropped('a sample without labels (data.pyd)', item)
            return
        if photo is None:
            yield Dropped('the photo is missing', item, what='image')
            return
        try:
            data = tar.extractfile(members[LABELS]).read()
            people = loads_pickle(data, item, allowed=NUMPY)
        except ValueError as error:
            yield Dropped('labels that cannot be read', str(error), what='file')
            return
        people = people if isinstance(people, list) else [people]
        try:
            shape = image_size(tar.extractfile(photo))
        except SourceError as error:
            yield Dropped('the photo cannot be used', f'{item}: {error}', what='image')
            yield Dropped('the photo cannot be used', item, count=len(people))
            return
        start = photo.offset_data
        img_path = TarMember(unit, start, start + photo.size, Path(photo.name).name).path
        labels = dict(img_path=img_path, img_id=f'{self.name}/{key}', ori_shape=shape)
        for person in people:
            try:
                yield from self._person(person, labels, item)
            except UNREADABLE as error:
                yield Dropped('labels that cannot be read', f'{item}: {error}')

    def _person(self, person: Any, photo: Mapping[str, Any], item: str) -> Iterator[Row | Dropped]:
        if not isinstance(person, Mapping) or 'keypoints_2d' not in person:
            yield Dropped('a person without keypoints_2d', item)
            return
        keypoints = np.asarray(person['keypoints_2d'], np.float64)
        if keypoints.shape != (NUM_JOINTS, 3):
            yield Dropped('keypoints_2d are not 44 joints', item)
            return
        openpose, part = np.split(keypoints, [NUM_OPENPOSE_JOINTS])
        row: dict[str, Any] = dict(photo)
        row |= spin_keypoints(part, openpose, pixel_shift=self.pixel_shift)
        box = _box(person)
        if box is None:
            yield Dropped('a person without a box (center, scale)', item)
            return
        row['bbox'] = box + self.pixel_shift
        joints = np.asarray(person.get('keypoints_3d', np.zeros((0, 4))), np.float64)
        if joints.shape == (NUM_JOINTS, 4):
            row |= spin_keypoints_3d(joints[NUM_OPENPOSE_JOINTS:])
        if _flag(person, 'has_body_pose') and _flag(person, 'has_betas'):
            row |= smpl_labels(person['body_pose'], person['betas'])
        yield row


def samples(tar: tarfile.TarFile) -> Iterator[Sample]:
    """Samples of a WebDataset tar in its order, without reading what is in their files.

    Args:
        tar: An open, uncompressed tar.

    Yields:
        The name up to the first dot, and the sample's files by the rest of their names.
    """
    key, members = None, {}
    for member in tar:
        folder, _, name = member.name.rpartition('/')
        stem, dot, ending = name.partition('.')
        if not member.isfile() or not dot or not stem:
            continue
        found = f'{folder}/{stem}' if folder else stem
        if found != key:
            if members:
                yield key, members
            key, members = found, {}
        members[ending.lower()] = member
    if members:
        yield key, members


def _end(tar: tarfile.TarFile) -> int:
    """Where a tar with these files ends at least: a block of zeros follows the last of them."""
    members = tar.getmembers()
    last = members[-1].offset_data + members[-1].size if members else 0
    return (-(-last // tarfile.BLOCKSIZE) + 1) * tarfile.BLOCKSIZE


def _box(person: Mapping[str, Any]) -> np.ndarray | None:
    """The box of `center` and `scale`, which are one number for both sides or one for each."""
    if 'center' not in person or 'scale' not in person:
        return None
    center = np.asarray(person['center'], np.float64).ravel()
    size = np.broadcast_to(np.asarray(person['scale'], np.float64).ravel()[:2], (2,))
    if center.shape != (2,):
        return None
    half = 100.0 * size
    return np.concatenate([center - half, center + half])


def _flag(person: Mapping[str, Any], name: str) -> bool:
    return name in person and bool(np.all(person[name]))


if __name__ == '__main__':
    raise SystemExit(run_converter(Hmr2Shards))
