"""Leeds Sports Pose Extended to the annotation format.

    python tools/dataset_converters/lspet.py DOWNLOADS/lspet_dataset data/lspet

Expected in the source folder: `joints.mat` and `images/im00001.jpg` ... (10000 photos, all for
training). Labels: 2D. Needs scipy: `pip install whmr[convert]`.

Other than in LSP, joints that the photo hides are not annotated: the third column of `joints` is 1
where a joint is.
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


class LSPExtendedConverter(Converter):
    """People of LSP-extended: up to 14 joints each, one person per photo."""

    name = 'lspet'
    splits = ('train',)

    @cached_property
    def joints(self) -> np.ndarray:
        """All people: x, y, annotated or not.

        Raises:
            SourceError: `joints.mat` is missing, damaged or of another layout.

        Shapes: returns: (M, 14, 3) px, MATLAB's.
        """
        path = self.source_root / 'joints.mat'
        joints = np.asarray(read_mat(path, ['joints'])['joints'], np.float64)
        if joints.ndim != 3 or joints.shape[:2] != (len(JOINTS), 3):
            raise SourceError(
                f"{path}: 'joints' has shape {joints.shape}, must be ({len(JOINTS)}, 3, people); "
                'is it the file of another data set?'
            )
        return joints.transpose(2, 0, 1)

    def image_source(self) -> Path:
        """Folder of the photos."""
        return self.source_root / 'images'

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set='lsp14')

    def units(self, split: str) -> Sequence[str]:
        """Shards of the people."""
        return shard_names(len(self.joints))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The people of a shard."""
        for index in shard_range(unit):
            name = f'im{index + 1:05d}.jpg'
            person = self.joints[index]
            points, conf = pick_joints(
                person[:, :2] + MATLAB_TO_PIXELS, person[:, 2] > 0, JOINTS, 'lsp14'
            )
            box = box_from_points(points, conf)
            if box is None:
                yield Dropped('fewer than two joints are labelled', name)
                continue
            yield dict(img_path=name, bbox=box, keypoints_2d=points, keypoints_2d_conf=conf)


if __name__ == '__main__':
    raise SystemExit(run_converter(LSPExtendedConverter))
