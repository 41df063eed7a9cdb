"""Label files of BEDLAM's kind (`.npz`, SMPL version) to this library's annotation format.

    python tools/dataset_converters/bedlam.py IMAGES data/bedlam --labels SCENE_6fps.npz

Arrays (data_processing/ReadMe.md of the release), one row per person: `imgname` (below IMAGES),
`center`, `scale`, `pose_cam` and `pose_world` (72), `shape` (10), `trans_cam`, `cam_ext` (4 x 4),
`cam_int`, `gtkps` (2D joints, SMPL's 24 first), `gender`. Files of the SMPL-X version are refused.
A person stands at `trans_cam` plus the translation of `cam_ext`. Photos of close-up scenes are
stored turned by 90 degrees: turn them before training, or their people are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from whmr.datasets.conversion import (
    Dropped,
    Row,
    SourceError,
    project_points,
    run_converter,
    world_labels,
)
from whmr.datasets.conversion.label_checks import AXES, rotation_matrices
from whmr.datasets.conversion.label_file import gender_name, square_box, text
from whmr.datasets.conversion.spin_rows import smpl_labels
from whmr.datasets.conversion.world_label_file import WorldLabelFileConverter

JOINT_SET, NUM_JOINTS = 'smpl24', 24
# SMPL's pelvis in its own axes, roughly, and how far a body's may be from it.
MEAN_PELVIS, TOLERANCE = np.array([0.0, -0.22, 0.03]), 0.25


class Bedlam(WorldLabelFileConverter):
    """Reads an `.npz` of BEDLAM's kind.

    Args:
        source_root: Folder of the photos.
        out_dir: `data/bedlam`.
        labels: The file.
        dataset: Which set it labels.
        variant: Goes into the name of the output: the scene, if several are converted.
        pixel_shift: Added to 2D labels.
        up_axis: What points up in the world of `pose_world`.

    Raises:
        SourceError: A file is missing.
    """

    name = 'bedlam'
    required = ('imgname', 'center', 'scale', 'pose_cam', 'shape', 'gtkps', 'cam_int')
    optional = ('pose_world', 'trans_cam', 'cam_ext', 'gender')

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set=JOINT_SET)

    def units(self, split: str) -> Sequence[str]:
        """Pieces of the file's rows, once its bodies are known to be SMPL's."""
        size = self.columns['pose_cam'].shape[1:]
        if size != (72,):
            raise SourceError(
                f'{self.labels}: pose_cam has {size} numbers per person, SMPL has 72: take the '
                'SMPL version of these labels'
            )
        return super().units(split)

    def world_orients(self, count: int) -> Sequence[np.ndarray]:
        """Orientations of the first people."""
        poses = self.columns.get('pose_world', np.zeros((0, 3)))
        return list(rotation_matrices(poses[:count, :3]))

    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one person, with a translation if it fits, if the photo stands upright."""
        keypoints = np.asarray(record['gtkps'], np.float64)[:NUM_JOINTS]
        if len(keypoints) < NUM_JOINTS:
            raise SourceError(f'{self.labels}: gtkps has {len(keypoints)} joints, SMPL has 24')
        there = np.isfinite(keypoints).all(1) & (keypoints[:, 2:] > 0).all(1)
        row: dict[str, Any] = dict(
            img_path=text(record['imgname']),
            bbox=square_box(record['center'], record['scale']) + self.pixel_shift,
            keypoints_2d=np.where(there[:, None], keypoints[:, :2] + self.pixel_shift, 0),
            keypoints_2d_conf=there.astype(np.float64),
            intrinsics=np.asarray(record['cam_int'], np.float64),
        )
        row |= smpl_labels(record['pose_cam'], record['shape'])
        if 'gender' in record:
            row['gender'] = gender_name(record['gender'])
        if 'pose_world' in record:
            poses = [record[name][:3] for name in ('pose_cam', 'pose_world')]
            camera, world = rotation_matrices(poses)
            row |= world_labels(camera @ world.T, AXES[self.up_axis], row['global_orient'])
        if self._is_turned(row):
            yield Dropped('the photo is stored turned by 90 degrees; turn it', row['img_path'])
            return
        if 'trans_cam' in record and 'cam_ext' in record:
            place = np.asarray(record['trans_cam'], np.float64) + record['cam_ext'][:3, 3]
            if self._lands_on_pelvis(place, row):
                row['cam_t'] = place
            else:
                reason = 'the translation does not bring the pelvis onto its 2D joint'
                yield Dropped(reason, row['img_path'], what='label')
        yield row

    def _is_turned(self, row: Mapping[str, Any]) -> bool:
        """Whether the photo's sides are swapped with respect to the principal point."""
        height, width = self.size_of(row['img_path']) or (1, 1)
        center = row['intrinsics'][:2, 2]
        swapped = np.abs(center - (height / 2, width / 2)).max()
        return height != width and bool(swapped < np.abs(center - (width / 2, height / 2)).max())

    def _lands_on_pelvis(self, place: np.ndarray, row: Mapping[str, Any]) -> bool:
        pelvis = place + MEAN_PELVIS
        if not pelvis[2] > 0:
            return False
        if not row['keypoints_2d_conf'][0]:
            return True
        away = project_points(pelvis, row['intrinsics']) - row['keypoints_2d'][0]
        return bool(np.linalg.norm(away) * pelvis[2] / row['intrinsics'][0, 0] < TOLERANCE)


if __name__ == '__main__':
    raise SystemExit(run_converter(Bedlam))
