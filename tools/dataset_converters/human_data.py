"""mmhuman3d's HumanData files (`.npz`) to this library's annotation format.

    python tools/dataset_converters/human_data.py IMAGES data/3dpw --dataset 3dpw \\
        --labels pw3d_train.npz --variant mmhuman3d

Keys (docs/human_data.md of the project): `image_path` (below IMAGES), `bbox_xywh` (x, y, w, h,
score), `keypoints2d` and `keypoints3d` with their masks (190 joints, of which files may keep only
those of the mask), `smpl` (a pickled dict of `body_pose`, `global_orient`, `betas`), `meta` (a
pickled dict, `gender`). Files name their keypoints also `keypoints2d_smpl` and the like. The first
144 joints are SMPL-X's; SMPL's among them are taken (its hands have no counterpart), the others
are not. 3D joints are kept where they agree with the body's orientation.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from whmr.datasets.conversion import Dropped, Row, SourceError, pick_joints, run_converter
from whmr.datasets.conversion.label_checks import hip_angle
from whmr.datasets.conversion.label_file import (
    LabelFileConverter,
    gender_name,
    same_length,
    text,
)
from whmr.datasets.conversion.spin_rows import smpl_labels
from whmr.fileio import load_npz
from whmr.keypoints import JOINT_SETS

JOINT_SET, NUM_JOINTS = 'smpl45', 190
_SMPL = JOINT_SETS[JOINT_SET].joints
# SMPL-X's joints: SMPL's 24 without the hands, jaw, eyes and 30 finger joints, then the landmarks.
NAMES: tuple[str | None, ...] = (
    *_SMPL[:22],
    *[None] * 33,
    *_SMPL[24:],
    *[None] * (NUM_JOINTS - 76),
)
PELVIS, LEFT_HIP, RIGHT_HIP = (_SMPL.index(name) for name in ('pelvis', 'left_hip', 'right_hip'))
MAX_HIP_ANGLE = 30.0  # degrees


class HumanData(LabelFileConverter):
    """Reads a HumanData file.

    The arguments are those of every label file.
    """

    name = '3dpw'
    required = ('image_path', 'bbox_xywh')
    optional = (
        *('smpl', 'meta'),
        *('keypoints2d', 'keypoints2d_mask', 'keypoints2d_smpl', 'keypoints2d_smpl_mask'),
        *('keypoints3d', 'keypoints3d_mask', 'keypoints3d_smpl', 'keypoints3d_smpl_mask'),
    )

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set=JOINT_SET)

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """The file's arrays, those of its dicts included, with all 190 joints.

        Raises:
            SourceError: The file is broken, lacks an array, or its arrays differ in length.
        """
        try:
            arrays = load_npz(self.labels, names=(*self.required, *self.optional))
        except ValueError as error:
            raise SourceError(str(error)) from error
        columns = {name: arrays[name] for name in self.required if name in arrays}
        for key in ('keypoints2d', 'keypoints3d'):
            name = next((n for n in (key, f'{key}_smpl') if n in arrays), None)
            if name is not None:
                columns[key] = self._uncompressed(name, arrays)
        smpl = self._dict(arrays, 'smpl')
        columns |= {
            k: np.asarray(smpl[k]) for k in ('global_orient', 'body_pose', 'betas') if k in smpl
        }
        if 'gender' in self._dict(arrays, 'meta'):
            columns['gender'] = np.asarray(self._dict(arrays, 'meta')['gender'])
        return same_length(self.labels, columns, self.required)

    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one person."""
        box = np.asarray(record['bbox_xywh'], np.float64)
        row: dict[str, Any] = dict(
            img_path=text(record['image_path']),
            bbox=np.concatenate([box[:2], box[:2] + box[2:4]]) + self.pixel_shift,
        )
        if len(box) > 4:
            row['bbox_score'] = box[4]
        if 'keypoints2d' in record:
            points, conf = _joints(record['keypoints2d'])
            row['keypoints_2d'] = np.where(conf[:, None] > 0, points + self.pixel_shift, 0)
            row['keypoints_2d_conf'] = conf
        if 'global_orient' in record:
            pose = np.concatenate(
                [np.ravel(record['global_orient']), np.ravel(record['body_pose'])]
            )
            row |= smpl_labels(pose, record['betas'])
        if 'gender' in record:
            row['gender'] = gender_name(record['gender'])
        if 'keypoints3d' in record:
            points, conf = _joints(record['keypoints3d'])
            if self._in_camera(points, conf, row):
                row['keypoints_3d'] = np.where(conf[:, None] > 0, points - points[PELVIS], 0)
                row['keypoints_3d_conf'] = conf
        yield row

    def _in_camera(self, points: np.ndarray, conf: np.ndarray, row: Mapping[str, Any]) -> bool:
        """Whether 3D joints have a pelvis and hips that the body's orientation agrees with."""
        if not (conf[[PELVIS, LEFT_HIP, RIGHT_HIP]] > 0).all() or 'global_orient' not in row:
            return False
        angle = hip_angle(row['global_orient'], points[LEFT_HIP], points[RIGHT_HIP])
        return angle < MAX_HIP_ANGLE

    def _dict(self, arrays: Mapping[str, np.ndarray], name: str) -> Mapping[str, Any]:
        """A pickled dict of the file; {} without it."""
        value = arrays[name].item() if name in arrays and arrays[name].shape == () else {}
        if not isinstance(value, Mapping):
            raise SourceError(f'{self.labels}: {name!r} is no dict; it is no file of HumanData')
        return value

    def _uncompressed(self, name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Keypoints with all 190 joints; those that the mask excludes have confidence 0."""
        points = arrays[name]
        mask = np.asarray(arrays.get(f'{name}_mask', np.ones(NUM_JOINTS))) > 0
        if points.ndim != 3 or mask.shape != (NUM_JOINTS,):
            raise SourceError(f'{self.labels}: {name!r} has shape {points.shape}, no keypoints')
        if points.shape[1] not in (NUM_JOINTS, mask.sum()):
            raise SourceError(
                f'{self.labels}: {name!r} has {points.shape[1]} joints, its mask {mask.sum()}'
            )
        full = np.zeros((len(points), NUM_JOINTS, points.shape[2]), np.float32)
        full[:, mask] = points[:, mask] if points.shape[1] == NUM_JOINTS else points
        return full


def _joints(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SMPL's joints among the 190, without their confidences, and these."""
    return pick_joints(points[:, :-1], points[:, -1], NAMES, JOINT_SET)


if __name__ == '__main__':
    raise SystemExit(run_converter(HumanData))
