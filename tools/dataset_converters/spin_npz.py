"""Label files of SPIN, PyMAF and W-HMR (`.npz`) to this library's annotation format.

    python tools/dataset_converters/spin_npz.py IMAGES data/coco --dataset coco --labels coco.npz

Arrays, one row per person: `imgname` (below IMAGES), `center`, `scale` (side of the square box =
200 * scale px), `part` (24 annotated joints: x, y, confidence), `openpose` (25 detected ones), `S`
(24 joints, camera axes, m, confidence), `pose` (72 rad, in the camera), `shape` (10), `has_smpl`,
`gender`; where the camera is known also `cam_rotmat` (world to camera) or the pose in the world
(`pose_world` or `global_pose`), and `cam_int`. Only the first three are needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from whmr.datasets.conversion import Dropped, Row, run_converter, world_labels
from whmr.datasets.conversion.label_checks import AXES, rotation_matrices
from whmr.datasets.conversion.label_file import gender_name, square_box, text
from whmr.datasets.conversion.spin_rows import (
    JOINT_SET,
    JOINT_SET_3D,
    smpl_labels,
    spin_keypoints,
    spin_keypoints_3d,
)
from whmr.datasets.conversion.world_label_file import WorldLabelFileConverter

WORLD_POSES = ('pose_world', 'global_pose')


class SpinNpz(WorldLabelFileConverter):
    """Reads an `.npz` of SPIN's kind.

    Args:
        source_root: Folder of the photos.
        out_dir: `data/<dataset>`.
        labels: The file.
        dataset: Which set it labels.
        variant: Goes into the name of the output.
        pixel_shift: Added to 2D labels.
        up_axis: What points up in the world of `cam_rotmat` or the world poses.

    Raises:
        SourceError: A file is missing.
    """

    name = 'h36m'
    required = ('imgname', 'center', 'scale')
    optional = (
        *('part', 'openpose', 'S', 'pose', 'shape', 'has_smpl', 'gender'),
        *('cam_rotmat', 'cam_int', *WORLD_POSES),
    )

    def meta(self, split: str) -> dict[str, Any]:
        """The joint sets."""
        return dict(joint_set=JOINT_SET, joint_set_3d=JOINT_SET_3D)

    def world_orients(self, count: int) -> Sequence[np.ndarray]:
        """Orientations of the first people with a body and a camera."""
        orients = []
        for record in self.records(range(min(self.count(), count))):
            rotmat = camera_rotmat(record) if has_smpl(record) else None
            if rotmat is not None:
                orients.append(rotmat.T @ rotation_matrices(record['pose'][:3]))
        return orients

    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one person."""
        row: dict[str, Any] = dict(
            img_path=text(record['imgname']),
            bbox=square_box(record['center'], record['scale']) + self.pixel_shift,
        )
        row |= spin_keypoints(
            record.get('part'), record.get('openpose'), pixel_shift=self.pixel_shift
        )
        row |= spin_keypoints_3d(record.get('S'))
        if 'gender' in record:
            row['gender'] = gender_name(record['gender'])
        if has_smpl(record):
            row |= smpl_labels(record['pose'], record['shape'])
        rotmat = camera_rotmat(record)
        if rotmat is not None:
            row |= world_labels(rotmat, AXES[self.up_axis], row.get('global_orient'))
        if 'cam_int' in record:
            row['intrinsics'] = record['cam_int']
        yield row


def has_smpl(record: Mapping[str, Any]) -> bool:
    """Whether a person has a body label."""
    return 'pose' in record and 'shape' in record and bool(record.get('has_smpl', True))


def camera_rotmat(record: Mapping[str, Any]) -> np.ndarray | None:
    """Rotation from the file's world to the camera, or None."""
    for name in WORLD_POSES:
        if name in record and has_smpl(record):
            world, camera = rotation_matrices([record[key][:3] for key in (name, 'pose')])
            return camera @ world.T
    if 'cam_rotmat' in record:
        return np.asarray(record['cam_rotmat'], np.float64)
    return None


if __name__ == '__main__':
    raise SystemExit(run_converter(SpinNpz))
