"""What the converters of Leeds Sports Pose and its extension share."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from whmr.datasets.conversion.converter import Converter
from whmr.datasets.conversion.labels import box_from_points, pick_joints
from whmr.datasets.conversion.rows import Dropped, Row
from whmr.datasets.conversion.shards import shard_names, shard_range
from whmr.datasets.conversion.source_files import read_mat
from whmr.datasets.errors import SourceError
from whmr.keypoints import get_joint_set

JOINT_SET = 'lsp14'
JOINTS = get_joint_set(JOINT_SET).joints
NUMBERS = 3  # x, y, and a mark
MATLAB_TO_PIXELS = -0.5  # the centre of the first pixel is 1 in MATLAB, 0.5 here


class LeedsSportsConverter(Converter):
    """Photos `images/im0001.jpg` ... of one person each, with the joints in `joints.mat`."""

    joint_axis: ClassVar[int]  # of `joints`; the numbers are the other one of 0 and 1
    digits: ClassVar[int]  # in the name of a photo
    marks_labelled: ClassVar[bool]  # whether a joint with mark 0 is not annotated

    @cached_property
    def joints(self) -> np.ndarray:
        """All people: x, y, mark.

        Raises:
            SourceError: `joints.mat` is missing, damaged or of another layout.

        Shapes: returns: (M, 14, 3) px, MATLAB's.
        """
        path = self.source_root / 'joints.mat'
        joints = np.asarray(read_mat(path, ['joints'])['joints'], np.float64)
        shape = (NUMBERS, len(JOINTS)) if self.joint_axis else (len(JOINTS), NUMBERS)
        if joints.ndim != 3 or joints.shape[:2] != shape:
            raise SourceError(
                f"{path}: 'joints' has shape {joints.shape}, must be ({shape[0]}, {shape[1]}, "
                'people); is it the file of another data set?'
            )
        return joints.transpose(2, self.joint_axis, 1 - self.joint_axis)

    def people(self, split: str) -> range:
        """Index of the people of a split."""
        return range(len(self.joints))

    def image_source(self) -> Path:
        """Folder of the photos."""
        return self.source_root / 'images'

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set=JOINT_SET)

    def units(self, split: str) -> Sequence[str]:
        """Shards of the people."""
        return shard_names(len(self.people(split)))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The people of a shard."""
        for position in shard_range(unit):
            index = self.people(split)[position]
            name, person = f'im{index + 1:0{self.digits}d}.jpg', self.joints[index]
            marks = person[:, 2] > 0 if self.marks_labelled else None
            points, conf = pick_joints(person[:, :2] + MATLAB_TO_PIXELS, marks, JOINTS, JOINT_SET)
            box = box_from_points(points, conf)
            if box is None:
                yield Dropped('fewer than two joints are labelled', name)
                continue
            yield dict(img_path=name, bbox=box, keypoints_2d=points, keypoints_2d_conf=conf)
