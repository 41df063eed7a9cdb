"""MPII Human Pose to the annotation format.

    python tools/dataset_converters/mpii.py DOWNLOADS/mpii data/mpii

Expected somewhere in the source folder: `mpii_human_pose_v1_u12_1.mat`, and the photos in
`images/`. Labels: 2D of the training part (the test part's are not public). Needs scipy:
`pip install whmr[convert]`.

The box is the annotated square: centre `objpos` moved down by 15 `scale`, side 200 `scale` (`scale`
is the person's height over 200 px, and `objpos` lies above the middle of the body).
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    box_from_points,
    pick_joints,
    read_mat,
    run_converter,
    shard_names,
    shard_range,
)

MAT_FILE = 'mpii_human_pose_v1_u12_1.mat'
# By the id of the annotated point. MPII's upper neck and head top are LSP's neck and head top.
JOINTS = (
    'right_ankle', 'right_knee', 'right_hip_lsp', 'left_hip_lsp', 'left_knee', 'left_ankle',
    'pelvis_mpii', 'thorax_mpii', 'neck_lsp', 'head_top_lsp', 'right_wrist', 'right_elbow',
    'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist',
)  # fmt: skip
MATLAB_TO_PIXELS = -0.5  # the centre of the first pixel is 1 in MATLAB, 0.5 here
SCALE_SIDE, CENTRE_SHIFT = 200.0, 15.0


class MPIIConverter(Converter):
    """People of MPII's training part."""

    name = 'mpii'
    splits = ('train',)

    @cached_property
    def photos(self) -> list[Any]:
        """The annotated photos of the training part.

        Raises:
            SourceError: The file is missing, damaged or of another layout.
        """
        found = sorted(self.source_root.rglob(MAT_FILE))
        if not found:
            raise SourceError(f'{self.source_root}: holds no {MAT_FILE}; unpack the download there')
        release = np.atleast_1d(read_mat(found[0], ['RELEASE'])['RELEASE']).reshape(-1)[0]
        if not (hasattr(release, 'annolist') and hasattr(release, 'img_train')):
            raise SourceError(f"{found[0]}: its 'RELEASE' has no 'annolist' and 'img_train'")
        photos = np.ravel(release.annolist)
        train = np.ravel(release.img_train).astype(bool)
        if len(photos) != len(train):
            raise SourceError(f'{found[0]}: {len(photos)} photos but {len(train)} img_train flags')
        return [photo for photo, is_train in zip(photos, train) if is_train]

    def image_source(self) -> Path:
        """Folder of the photos."""
        return self.source_root / 'images'

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set='spin24')

    def units(self, split: str) -> Sequence[str]:
        """Shards of the photos."""
        return shard_names(len(self.photos))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The people of a shard of photos."""
        for index in shard_range(unit):
            photo = self.photos[index]
            name = _text(_field(_field(photo, 'image'), 'name'))
            if not name:
                yield Dropped('the photo has no file name', f'photo {index}', what='image')
                continue
            for number, person in enumerate(np.ravel(getattr(photo, 'annorect', ()))):
                yield _person(name, f'{name} person {number}', person)


def _person(name: str, item: str, person: Any) -> Row | Dropped:
    marks = np.ravel(getattr(_field(person, 'annopoints'), 'point', ()))
    points = np.full((len(JOINTS), 2), np.nan)
    for mark in marks:
        joint = _number(mark, 'id')
        if joint is not None and 0 <= joint < len(JOINTS):
            x, y = _number(mark, 'x'), _number(mark, 'y')
            if x is not None and y is not None:
                points[int(joint)] = x, y
    points, conf = pick_joints(points + MATLAB_TO_PIXELS, None, JOINTS, 'spin24')
    if not conf.any():
        return Dropped('no joint is labelled', item)
    box = _box(person)
    if box is None:
        box = box_from_points(points, conf)
    if box is None:
        return Dropped('neither a position nor two labelled joints', item)
    return dict(img_path=name, bbox=box, keypoints_2d=points, keypoints_2d_conf=conf)


def _box(person: Any) -> np.ndarray | None:
    """The annotated square, (4,) xyxy px; None where position or scale is missing."""
    scale, position = _number(person, 'scale'), _field(person, 'objpos')
    x, y = _number(position, 'x'), _number(position, 'y')
    if scale is None or x is None or y is None or scale <= 0:
        return None
    centre = np.array([x, y + CENTRE_SHIFT * scale]) + MATLAB_TO_PIXELS
    return np.concatenate([centre - SCALE_SIDE * scale / 2, centre + SCALE_SIDE * scale / 2])


def _field(struct: Any, name: str) -> Any:
    """A field of a MATLAB struct, which lies in arrays of one element; None where it is empty."""
    values = np.ravel(getattr(struct, name, ()))
    return values[0] if len(values) else None


def _number(struct: Any, name: str) -> float | None:
    """A number of a MATLAB struct; None where it is missing or not finite."""
    try:
        value = float(_field(struct, name))
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None


def _text(value: Any) -> str:
    return '' if value is None else str(value)


if __name__ == '__main__':
    raise SystemExit(run_converter(MPIIConverter))
