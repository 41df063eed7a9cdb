"""3DPW to the annotation format.

    python tools/dataset_converters/3dpw.py DOWNLOADS/3DPW data/3dpw

Expected in the source folder: `sequenceFiles/{train,validation,test}/*.pkl` and
`imageFiles/<sequence>/image_00000.jpg` ... Labels: gendered SMPL, 2D and 3D of its 24 joints,
intrinsics, world. No SMPL file is needed. The pickles are read without running anything in them.

A person counts in frames whose camera pose is valid (`campose_valid`) and that have 2D detections
(`poses2d`): the frames that the field evaluates on. The box is that of the detections.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    box_from_points,
    intrinsics,
    project_points,
    read_pickle,
    run_converter,
    smpl_in_camera,
    world_labels,
)
from whmr.datasets.conversion.label_checks import MIN_UPRIGHT, rotation_matrices, uprightness

FIELDS = (
    'sequence', 'poses2d', 'poses', 'betas', 'trans', 'cam_intrinsics', 'cam_poses',
    'campose_valid', 'genders', 'jointPositions',
)  # fmt: skip
GENDERS = {'m': 'male', 'f': 'female'}
UP_AXIS = (0.0, 1.0, 0.0)
NUM_JOINTS = 24
NUM_BETAS = 10
PIXEL_CENTRE = 0.5  # its camera and detections count from pixel centres, as OpenCV does
MAX_PELVIS_SPREAD = 0.005  # m; joints and SMPL parameters of one person must agree


class Person(NamedTuple):
    """One actor of a sequence.

    Shapes: N frames.
        poses: (N, 72) rad.  betas: (10,).  trans: (N, 3) m.  joints: (N, 24, 3) m, world.
        detections: (N, 18, 3) px and confidence.  valid: (N,) bool.  pelvis: (3,) m or None.
    """

    poses: np.ndarray
    betas: np.ndarray
    trans: np.ndarray
    joints: np.ndarray
    detections: np.ndarray
    valid: np.ndarray
    gender: str
    pelvis: np.ndarray | None


class ThreeDPWConverter(Converter):
    """Actors of 3DPW, frame by frame; a unit is a sequence."""

    name = '3dpw'
    splits = ('train', 'validation', 'test')

    def image_source(self) -> Path:
        """Folder of the photos."""
        return self.source_root / 'imageFiles'

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        notes = 'keypoints: the 24 SMPL joints of the labels, projected; boxes of the 2D detections'
        return dict(joint_set='smpl24', notes=notes)

    def units(self, split: str) -> Sequence[str]:
        """Names of the sequences."""
        folder = self.source_root / 'sequenceFiles' / split
        names = sorted(path.stem for path in folder.glob('*.pkl'))
        if not names:
            raise SourceError(f'{folder}: holds no .pkl file; unpack sequenceFiles.zip there')
        return names

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The actors of a sequence, one after another."""
        path = self.source_root / 'sequenceFiles' / split / f'{unit}.pkl'
        sequence = read_pickle(path, FIELDS)
        try:
            cam_poses = np.asarray(sequence['cam_poses'], np.float64).reshape(-1, 4, 4)
            camera = np.asarray(sequence['cam_intrinsics'], np.float64).reshape(3, 3)
            people = [_person(sequence, i, len(cam_poses)) for i in range(len(sequence['poses']))]
        except (ValueError, TypeError, IndexError, KeyError) as error:
            text = f'{type(error).__name__}: {error}'
            raise SourceError(f'{path}: its arrays do not fit together ({text})') from error
        if not people:
            raise SourceError(f'{path}: holds no actor; get it again')
        camera = intrinsics((camera[0, 0], camera[1, 1]), camera[:2, 2] + PIXEL_CENTRE)
        orients = np.concatenate([person.poses[person.valid, :3] for person in people])
        upright = uprightness(rotation_matrices(orients), UP_AXIS)
        if upright < MIN_UPRIGHT:
            reason = f'world left out: people do not stand along the world axis {UP_AXIS}'
            count = sum(int(person.valid.sum()) for person in people)
            yield Dropped(reason, f'{unit}: cosine {upright:.2f}', what='label', count=count)
        for number, person in enumerate(people):
            if person.pelvis is None:
                reason = 'cam_t left out: joints and SMPL parameters disagree on the pelvis'
                count = int(person.valid.sum())
                yield Dropped(reason, f'{unit} actor {number}', what='label', count=count)
            for frame in range(len(cam_poses)):
                item = f'{unit} actor {number} frame {frame}'
                if not person.valid[frame]:
                    yield Dropped('its camera pose is not valid', item)
                elif not (person.detections[frame, :, 2] > 0).any():
                    yield Dropped('no 2D detection', item)
                else:
                    row = _row(person, frame, cam_poses[frame], camera, upright >= MIN_UPRIGHT)
                    yield dict(row, img_path=f'{unit}/image_{frame:05d}.jpg')


def _row(
    person: Person, frame: int, cam_pose: np.ndarray, camera: np.ndarray, has_world: bool
) -> dict[str, Any]:
    rotmat, transl = cam_pose[:3, :3], cam_pose[:3, 3]
    pose, joints = person.poses[frame], person.joints[frame] @ rotmat.T + transl
    points = project_points(joints, camera)
    in_front = joints[:, 2] > 0
    points[~in_front] = 0
    detections = person.detections[frame]
    box = box_from_points(detections[:, :2] + PIXEL_CENTRE, detections[:, 2])
    row = smpl_in_camera(
        pose[:3], rotmat, transl=person.trans[frame], cam_transl=transl, pelvis=person.pelvis
    )
    if has_world:
        row |= world_labels(rotmat, UP_AXIS, row['global_orient'])
    return row | dict(
        bbox=box_from_points(points, in_front) if box is None else box,
        keypoints_2d=points,
        keypoints_2d_conf=in_front.astype(np.float64),
        keypoints_3d=joints - joints[:1],
        body_pose=pose[3:],
        betas=person.betas,
        gender=person.gender,
        intrinsics=camera,
    )


def _person(sequence: dict[str, Any], index: int, num_frames: int) -> Person:
    def array(name: str, *shape: int) -> np.ndarray:
        return np.asarray(sequence[name][index], np.float64).reshape(num_frames, *shape)

    trans, joints = array('trans', 3), array('jointPositions', NUM_JOINTS, 3)
    valid = array('campose_valid') > 0
    pelvis = joints[:, 0] - trans  # SMPL's pelvis joint before `trans`: the same in all frames
    there = pelvis[np.isfinite(pelvis).all(1)]
    agreed = len(there) and np.ptp(there, axis=0).max() < MAX_PELVIS_SPREAD
    return Person(
        poses=array('poses', 3 * NUM_JOINTS),
        betas=np.asarray(sequence['betas'][index], np.float64).reshape(-1)[:NUM_BETAS],
        trans=trans,
        joints=joints,
        detections=array('poses2d', 3, 18).transpose(0, 2, 1),
        valid=valid,
        gender=GENDERS[str(sequence['genders'][index])],
        pelvis=np.median(there, axis=0) if agreed else None,
    )


if __name__ == '__main__':
    raise SystemExit(run_converter(ThreeDPWConverter))
