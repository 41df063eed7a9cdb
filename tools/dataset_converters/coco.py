"""COCO person keypoints to the annotation format.

    python tools/dataset_converters/coco.py DOWNLOADS/coco data/coco              # 2014
    python tools/dataset_converters/coco.py DOWNLOADS/coco data/coco --year 2017

Expected in the source folder: `annotations/person_keypoints_{train,val}<year>.json` and the photos
in `train<year>/`, `val<year>/`. Labels: 2D. Take 2014 for EFT's and CLIFF's pseudo labels.
"""

import argparse
import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from xtcocotools.coco import COCO

from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    number_array,
    pick_joints,
    run_converter,
    shard_names,
    shard_range,
)
from whmr.keypoints import get_joint_set

YEARS = (2014, 2017)
FOLDERS = {'train': 'train', 'validation': 'val'}
JOINTS = get_joint_set('coco17').joints
PIXEL_CENTRE = 0.5  # COCO's keypoints are pixel indices; its boxes are continuous


class COCOConverter(Converter):
    """People of COCO with labelled keypoints; crowds are left out.

    Args:
        source_root: The data set's folder.
        out_dir: `data/coco`.
        year: Of the release.

    Raises:
        SourceError: The folder is missing.
    """

    name = 'coco'
    splits = ('train',)
    more_splits = ('validation',)

    def __init__(
        self, source_root: str | os.PathLike, out_dir: str | os.PathLike, *, year: int = YEARS[0]
    ) -> None:
        super().__init__(source_root, out_dir)
        self.year = year

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """The release."""
        parser.add_argument('--year', type=int, choices=YEARS, default=YEARS[0])

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'COCOConverter':
        """A converter from the parsed command line."""
        return cls(args.source_root, args.out_dir, year=args.year)

    def options(self) -> dict[str, Any]:
        """The release."""
        return dict(year=self.year)

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set='coco17')

    def units(self, split: str) -> Sequence[str]:
        """Shards of the photos, in the order of the file."""
        return shard_names(len(self.load(split).imgs))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The people of a shard of photos."""
        coco = self.load(split)
        image_ids = list(coco.imgs)
        for image_id in (image_ids[i] for i in shard_range(unit)):
            photo = coco.imgs[image_id]
            if not isinstance(photo.get('file_name'), str):
                yield Dropped('the photo has no file name', f'photo {image_id}', what='image')
                continue
            name = f'{FOLDERS[split]}{self.year}/{photo["file_name"]}'
            for annotation in coco.imgToAnns.get(image_id, ()):
                yield _person(name, photo, annotation)

    @lru_cache(maxsize=1)  # noqa: B019 - a converter lives as long as its process
    def load(self, split: str) -> COCO:
        """The annotations of a split, read once.

        Raises:
            SourceError: The file is missing or damaged.
        """
        name = f'person_keypoints_{FOLDERS[split]}{self.year}.json'
        path = self.source_root / 'annotations' / name
        if not path.is_file():
            raise SourceError(f'{path}: no such file; get the annotations of COCO {self.year}')
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints how long it took
                return COCO(str(path))
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise SourceError(
                f'{path}: no COCO annotations ({type(error).__name__}: {error}); get it again'
            ) from error


def _person(path: str, photo: dict, annotation: dict) -> Row | Dropped:
    item = f'annotation {annotation["id"]}'
    if annotation.get('iscrowd'):
        return Dropped('a crowd, not a person', item)
    keypoints = number_array(annotation.get('keypoints'), 3 * len(JOINTS))
    box = number_array(annotation.get('bbox'), 4)
    if keypoints is None or box is None:
        return Dropped('no keypoints or no box', item)
    keypoints = keypoints.reshape(-1, 3)
    points, conf = pick_joints(
        keypoints[:, :2] + PIXEL_CENTRE, keypoints[:, 2] > 0, JOINTS, 'coco17'
    )
    return dict(
        img_path=path,
        img_id=str(photo['id']),
        ori_shape=(photo['height'], photo['width']) if {'height', 'width'} <= set(photo) else None,
        bbox=np.concatenate([box[:2], box[:2] + box[2:]]),
        keypoints_2d=points,
        keypoints_2d_conf=conf,
    )


if __name__ == '__main__':
    raise SystemExit(run_converter(COCOConverter))
