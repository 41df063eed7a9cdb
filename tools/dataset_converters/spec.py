"""Label files of SPEC-SYN and SPEC-MTP (`.npz`) to this library's annotation format.

    python tools/dataset_converters/spec.py SPEC-SYN data/spec_syn --labels spec-syn_train.npz
    python tools/dataset_converters/spec.py SPEC-MTP data/spec_mtp --dataset spec_mtp \\
        --labels spec-mtp_test.npz --splits test

Arrays, one row per person: `imgname` (below the first folder), `center`, `scale`, `pose` (72, **in
the world**), `shape`, `cam_rotmat` (world to camera), `cam_int` (or `focal_length` and
`cam_center`), `part` (24 joints: x, y, confidence), `S` (24 joints in 3D), `openpose`, `gender`.
Nothing public says in which order and frame `part` and `S` are: the converter tries SPIN's and
SMPL's order and the camera's and the world's frame, and leaves out what agrees with none.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from whmr.datasets.conversion import (
    Dropped,
    Row,
    intrinsics,
    run_converter,
    smpl_in_camera,
    world_labels,
)
from whmr.datasets.conversion.label_checks import (
    AXES,
    hip_angle,
    reprojection_residual,
    rotation_matrices,
)
from whmr.datasets.conversion.label_file import gender_name, square_box, text
from whmr.datasets.conversion.spin_rows import smpl_labels
from whmr.datasets.conversion.world_label_file import WorldLabelFileConverter
from whmr.keypoints import JOINT_SETS

NUM_CHECKED = 200
HIPS = {'spin24': ('left_hip_lsp', 'right_hip_lsp'), 'smpl24': ('left_hip', 'right_hip')}
MAX_HIP_ANGLE = 30.0  # degrees
MAX_RESIDUAL = 0.02  # of the box's side


class Layout(NamedTuple):
    """What `part` and `S` are: a joint set, and the frame of `S` (None: `S` is not used)."""

    joint_set: str
    frame: str | None


class Spec(WorldLabelFileConverter):
    """Reads a label file of SPEC's.

    Args:
        source_root: Folder of the photos.
        out_dir: `data/spec_syn` or `data/spec_mtp`.
        labels: The file.
        dataset: `spec_syn` or `spec_mtp`.
        variant: Goes into the name of the output.
        pixel_shift: Added to 2D labels.
        up_axis: What points up in the world of `pose`.

    Raises:
        SourceError: A file is missing.
    """

    name = 'spec_syn'
    required = ('imgname', 'center', 'scale', 'pose', 'shape', 'cam_rotmat')
    optional = ('part', 'S', 'cam_int', 'focal_length', 'cam_center', 'gender')

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set that the file turns out to use."""
        return dict(joint_set=self.layout.joint_set)

    def world_orients(self, count: int) -> Sequence[np.ndarray]:
        """Orientations of the first people."""
        return list(rotation_matrices(self.columns['pose'][:count, :3]))

    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one person."""
        rotmat = np.asarray(record['cam_rotmat'], np.float64)
        row: dict[str, Any] = dict(
            img_path=text(record['imgname']),
            bbox=square_box(record['center'], record['scale']) + self.pixel_shift,
        )
        row |= smpl_labels(record['pose'], record['shape'])
        row |= smpl_in_camera(row['global_orient'], rotmat)
        row |= world_labels(rotmat, AXES[self.up_axis], row['global_orient'])
        camera = camera_matrix(record)
        if camera is not None:
            row['intrinsics'] = camera
        if 'gender' in record:
            row['gender'] = gender_name(record['gender'])
        yield row | self._keypoints(record, rotmat)

    def _keypoints(self, record: Mapping[str, Any], rotmat: np.ndarray) -> dict[str, np.ndarray]:
        labels = {}
        if 'part' in record:
            points, conf = _split(record['part'])
            labels['keypoints_2d'] = np.where(conf[:, None] > 0, points + self.pixel_shift, 0)
            labels['keypoints_2d_conf'] = conf
        if self.layout.frame is not None:
            points, conf = _joints(record, self.layout.frame, rotmat)
            hips = [JOINT_SETS[self.layout.joint_set].index(n) for n in HIPS[self.layout.joint_set]]
            if (conf[hips] > 0).all():
                root = points[hips].mean(0)
                labels['keypoints_3d'] = np.where(conf[:, None] > 0, points - root, 0)
                labels['keypoints_3d_conf'] = conf
        return labels

    @cached_property
    def layout(self) -> Layout:
        """Order and frame of the joints, told by what agrees with the bodies and the camera."""
        if 'part' not in self.columns or 'S' not in self.columns:
            return Layout('spin24', None)
        angles: dict[tuple[str, str], list[float]] = {}
        residuals: dict[str, list[float]] = {}
        for record in self.records(range(min(self.count(), NUM_CHECKED))):
            rotmat, camera = np.asarray(record['cam_rotmat'], np.float64), camera_matrix(record)
            orient = smpl_in_camera(record['pose'][:3], rotmat)['global_orient']
            for frame in ('camera', 'world'):
                joints, conf = _joints(record, frame, rotmat)
                for name, (left, right) in HIPS.items():
                    pair = [JOINT_SETS[name].index(joint) for joint in (left, right)]
                    angle = hip_angle(orient, *joints[pair])
                    angles.setdefault((frame, name), []).append(angle)
                if camera is not None:
                    points, seen = _split(record['part'])
                    off = reprojection_residual(joints, points, seen * conf, camera)
                    side = 200.0 * float(record['scale'])
                    residuals.setdefault(frame, []).append(off / side)
        medians = {key: float(np.median(values)) for key, values in angles.items()}
        frame, name = min(medians, key=lambda key: medians[key])
        if medians[frame, name] > MAX_HIP_ANGLE:
            return Layout('spin24', None)
        fits = [value for value in residuals.get(frame, ()) if not np.isnan(value)]
        agrees = bool(fits) and float(np.median(fits)) < MAX_RESIDUAL
        return Layout(name, frame if agrees else None)


def camera_matrix(record: Mapping[str, Any]) -> np.ndarray | None:
    """Intrinsics of a record, or None."""
    if 'cam_int' in record:
        return np.asarray(record['cam_int'], np.float64)
    if 'focal_length' in record and 'cam_center' in record:
        return intrinsics(float(np.ravel(record['focal_length'])[0]), record['cam_center'])
    return None


def _joints(
    record: Mapping[str, Any], frame: str, rotmat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`S` and its confidences in the camera, if it is in `frame`."""
    joints = np.asarray(record['S'], np.float64)
    points, conf = _split(joints if joints.shape[1] == 4 else np.insert(joints, 3, 1.0, axis=1))
    return (points if frame == 'camera' else points @ rotmat.T), conf


def _split(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates and confidences; what is not finite counts as unlabelled."""
    joints = np.asarray(joints, np.float64)
    conf = np.where(np.isfinite(joints).all(1), np.maximum(joints[:, -1], 0), 0)
    return np.where(conf[:, None] > 0, joints[:, :-1], 0), conf


if __name__ == '__main__':
    raise SystemExit(run_converter(Spec))
