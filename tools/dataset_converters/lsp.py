"""Leeds Sports Pose to the annotation format.

    python tools/dataset_converters/lsp.py DOWNLOADS/lsp_dataset data/lsp

Expected in the source folder: `joints.mat` and `images/im0001.jpg` ... (2000 photos, the first half
for training). Labels: 2D. Needs scipy: `pip install whmr[convert]`.

Every joint is annotated, also those that the photo hides (the third row of `joints` is 1 there).
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
from whmr.keypoints import get_joint_set

JOINTS = get_joint_set('lsp14').joints
MATLAB_TO_PIXELS = -0.5  # the centre of the first pixel is 1 in MATLAB, 0.5 here


class LSPConverter(Converter):
    """People of LSP: 14 joints each, one person per photo."""

    name = 'lsp'
    splits = ('train', 'test')

    @cached_property
    def joints(self) -> np.ndarray:
        """All people.

        Raises:
            SourceError: `joints.mat` is missing, damaged or of another layout.

        Shapes: returns: (M, 14, 2) px, MATLAB's.
        """
        path = self.source_root / 'joints.mat'
        joints = np.asarray(read_mat(path, ['joints'])['joints'], np.float64)
        if joints.ndim != 3 or joints.shape[:2] != (3, len(JOINTS)):
            raise SourceError(
                f"{path}: 'joints' has shape {joints.shape}, must be (3, {len(JOINTS)}, people); "
                'is it the file of another data set?'
            )
        return joints[:2].transpose(2, 1, 0)

    def people(self, split: str) -> range:
        """Index of the people of a split."""
        half = len(self.joints) // 2
        return range(half) if split == 'train' else range(half, len(self.joints))

    def image_source(self) -> Path:
        """Folder of the photos."""
        return self.source_root / 'images'

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set='lsp14')

    def units(self, split: str) -> Sequence[str]:
        """Shards of the people."""
        return shard_names(len(self.people(split)))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The people of a shard."""
        for position in shard_range(unit):
            index = self.people(split)[position]
            name = f'im{index + 1:04d}.jpg'
            points, conf = pick_joints(self.joints[index] + MATLAB_TO_PIXELS, None, JOINTS, 'lsp14')
            box = box_from_points(points, conf)
            if box is None:
                yield Dropped('fewer than two joints are labelled', name)
                continue
            yield dict(img_path=name, bbox=box, keypoints_2d=points, keypoints_2d_conf=conf)


if __name__ == '__main__':
    raise SystemExit(run_converter(LSPConverter))
