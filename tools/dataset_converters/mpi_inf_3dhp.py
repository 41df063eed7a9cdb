"""MPI-INF-3DHP to the annotation format.

    python tools/dataset_converters/mpi_inf_3dhp.py DOWNLOADS/mpi_inf_3dhp data/mpi_inf_3dhp

Expected in the source folder: for training `S1/Seq1/annot.mat`, `S1/Seq1/camera.calibration` and
`S1/Seq1/imageSequence/video_0.avi` ... (S1 to S8, two sequences each); for testing
`mpi_inf_3dhp_test_set/TS1/annot_data.mat` and `mpi_inf_3dhp_test_set/TS1/imageSequence/` (TS1 to
TS6). Every 10th frame of the chest-high cameras is taken, and written as a JPEG below
`data/mpi_inf_3dhp/images`; all valid frames of the test set. Labels: 2D, 3D, intrinsics, in
training also the camera's world rotation. Needs scipy and h5py: `pip install whmr[convert]`.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    box_from_points,
    extract_frames,
    intrinsics,
    link_images,
    pick_joints,
    project_points,
    read_hdf5,
    read_mat,
    run_converter,
    world_labels,
)

# The 28 joints of training; None: no such joint in the set that is written.
TRAIN_JOINTS = (
    None, None, None, 'spine_h36m', 'pelvis_mpii', 'neck_lsp', 'jaw_h36m', 'head_h36m',
    None, 'left_shoulder', 'left_elbow', 'left_wrist', None,
    None, 'right_shoulder', 'right_elbow', 'right_wrist', None,
    'left_hip_lsp', 'left_knee', 'left_ankle', None, None,
    'right_hip_lsp', 'right_knee', 'right_ankle', None, None,
)  # fmt: skip
# The 17 joints of the test set.
TEST_JOINTS = (
    'head_h36m', 'neck_lsp', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder',
    'left_elbow', 'left_wrist', 'right_hip_lsp', 'right_knee', 'right_ankle', 'left_hip_lsp',
    'left_knee', 'left_ankle', 'pelvis_mpii', 'spine_h36m', 'jaw_h36m',
)  # fmt: skip
JOINT_SET = 'spin24'
PELVIS = 'pelvis_mpii'
CHEST_HIGH = (0, 1, 2, 4, 5, 6, 7, 8)
EVERY = 10
UP_AXIS = (0.0, 1.0, 0.0)
MM = 1e-3
PIXEL_CENTRE = 0.5  # its cameras and 2D joints are taken to count from pixel centres
TEST_FOLDER = 'mpi_inf_3dhp_test_set'
TEST_FIELDS = ('annot2', 'annot3', 'valid_frame')
MAX_RESIDUAL = 1.0  # px; test cameras are found from the 2D and 3D joints


class MPIINF3DHPConverter(Converter):
    """Frames of MPI-INF-3DHP; a unit is the video of one camera, or a test sequence.

    Args:
        source_root: The data set's folder.
        out_dir: `data/mpi_inf_3dhp`.
        cameras: Which cameras of the training set.
        every: Which frames of the training set: 0, every, 2 every ...

    Raises:
        SourceError: The folder is missing.
    """

    name = 'mpi_inf_3dhp'
    splits = ('train', 'test')

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        cameras: Sequence[int] = CHEST_HIGH,
        every: int = EVERY,
    ) -> None:
        super().__init__(source_root, out_dir)
        self.cameras, self.every = tuple(cameras), every

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Which cameras and frames."""
        parser.add_argument('--cameras', type=int, nargs='+', default=CHEST_HIGH)
        parser.add_argument('--every', type=int, default=EVERY, help='take every n-th frame')

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'MPIINF3DHPConverter':
        """A converter from the parsed command line."""
        return cls(args.source_root, args.out_dir, cameras=args.cameras, every=args.every)

    def options(self) -> dict[str, Any]:
        """Which cameras and frames."""
        return dict(cameras=list(self.cameras), every=self.every)

    def image_source(self) -> None:
        """None: frames of videos are written; the test set's folder is linked beside them."""

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set=JOINT_SET)

    def units(self, split: str) -> Sequence[str]:
        """Sequence and camera, or test sequence."""
        if split == 'test':
            folder = self.source_root / TEST_FOLDER
            names = sorted(path.parent.name for path in folder.glob('TS*/annot_data.mat'))
            if not names:
                raise SourceError(
                    f'{folder}: holds no TS*/annot_data.mat; unpack the test set there'
                )
            link_images(self.images / TEST_FOLDER, folder)
            return names
        found = sorted(self.source_root.glob('S*/Seq*/annot.mat'))
        if not found:
            raise SourceError(f'{self.source_root}: holds no S*/Seq*/annot.mat; unpack it there')
        sequences = [f'{path.parent.parent.name}/{path.parent.name}' for path in found]
        return [f'{name}/video_{camera}' for name in sequences for camera in self.cameras]

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The frames of a unit."""
        if split == 'test':
            yield from self._test_rows(unit)
        else:
            yield from self._train_rows(unit)

    def _train_rows(self, unit: str) -> Iterator[Row | Dropped]:
        sequence, _, camera_name = unit.rpartition('/video_')
        folder, camera = self.source_root / sequence, int(camera_name)
        points, joints = _train_joints(folder / 'annot.mat', camera)
        calibration = read_calibration(folder / 'camera.calibration')
        if camera not in calibration:
            raise SourceError(f'{folder / "camera.calibration"}: has no camera {camera}')
        matrix, rotmat = calibration[camera]
        names = {i: f'{unit}/frame_{i:06d}.jpg' for i in range(0, len(points), self.every)}
        video = folder / 'imageSequence' / f'video_{camera}.avi'
        targets = {i: self.images / name for i, name in names.items()}
        lacking = set(extract_frames(video, targets))
        for i, name in names.items():
            if i in lacking:
                yield Dropped('the video has no such frame', f'{video} frame {i}', what='image')
                yield Dropped('the video has no such frame', name)
                continue
            row = _row(points[i], joints[i], TRAIN_JOINTS)
            if row is None:
                yield Dropped('fewer than two joints are labelled', name)
                continue
            yield row | world_labels(rotmat, UP_AXIS) | dict(img_path=name, intrinsics=matrix)

    def _test_rows(self, unit: str) -> Iterator[Row | Dropped]:
        path = self.source_root / TEST_FOLDER / unit / 'annot_data.mat'
        arrays = read_hdf5(path, TEST_FIELDS)
        num = arrays['valid_frame'].size
        try:
            points = arrays['annot2'].astype(np.float64).reshape(num, len(TEST_JOINTS), 2)
            joints = arrays['annot3'].astype(np.float64).reshape(num, len(TEST_JOINTS), 3)
        except ValueError as error:
            raise SourceError(f'{path}: its arrays do not fit together ({error})') from error
        valid = arrays['valid_frame'].reshape(-1) > 0
        points = points + PIXEL_CENTRE
        matrix = fit_camera(points[valid], joints[valid])
        if matrix is None:
            reason = 'intrinsics left out: 2D and 3D joints fit no pinhole camera'
            yield Dropped(reason, unit, what='label', count=int(valid.sum()))
        for i in range(num):
            name = f'{TEST_FOLDER}/{unit}/imageSequence/img_{i + 1:06d}.jpg'
            if not valid[i]:
                yield Dropped('marked as not valid', name)
                continue
            row = _row(points[i], joints[i], TEST_JOINTS)
            if row is None:
                yield Dropped('fewer than two joints are labelled', name)
                continue
            yield row | dict(img_path=name) | ({} if matrix is None else dict(intrinsics=matrix))


def _row(
    points: np.ndarray, joints: np.ndarray, names: Sequence[str | None]
) -> dict[str, Any] | None:
    """Keypoints of one frame from px and mm; None where too few are there."""
    pixels, conf = pick_joints(points, None, names, JOINT_SET)
    metres, conf_3d = pick_joints(joints * MM, None, names, JOINT_SET)
    box = box_from_points(pixels, conf)
    if box is None:
        return None
    row = dict(bbox=box, keypoints_2d=pixels, keypoints_2d_conf=conf)
    pelvis = joints[names.index(PELVIS)] * MM
    if np.isfinite(pelvis).all():
        centred = np.where(conf_3d[:, None] > 0, metres - pelvis, 0.0)
        row |= dict(keypoints_3d=centred, keypoints_3d_conf=conf_3d)
    return row


def _train_joints(path: Path, camera: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 28, 2) and mm in camera axes (N, 28, 3) of one camera."""
    content = _annotations(path)
    try:
        points, joints = (np.ravel(content[name])[camera] for name in ('annot2', 'annot3'))
        points = np.asarray(points, np.float64).reshape(-1, len(TRAIN_JOINTS), 2)
        joints = np.asarray(joints, np.float64).reshape(len(points), len(TRAIN_JOINTS), 3)
    except (ValueError, TypeError, IndexError) as error:
        raise SourceError(f'{path}: no joints of camera {camera} ({error})') from error
    return points + PIXEL_CENTRE, joints


@lru_cache(maxsize=1)
def _annotations(path: Path) -> dict[str, Any]:
    """A sequence's annotations, read once for all of its cameras."""
    return read_mat(path, ['annot2', 'annot3'])


def read_calibration(path: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Cameras of a `camera.calibration` file.

    Args:
        path: The file.

    Returns:
        Intrinsics (principal point in continuous pixels) and rotation from the world, by camera.

    Raises:
        SourceError: The file is missing or of another layout.

    Shapes: returns: (3, 3) px and (3, 3).
    """
    if not path.is_file():
        raise SourceError(f'{path}: no such file')
    cameras: dict[int, dict[str, np.ndarray]] = {}
    current: dict[str, np.ndarray] = {}
    try:
        for line in path.read_text(encoding='utf-8').splitlines():
            key, _, rest = line.strip().partition(' ')
            if key == 'name':
                current = cameras.setdefault(int(rest), {})
            elif key in ('intrinsic', 'extrinsic'):
                current[key] = np.array(rest.split(), np.float64).reshape(4, 4)
        return {
            number: (
                intrinsics(
                    np.diag(camera['intrinsic'])[:2], camera['intrinsic'][:2, 2] + PIXEL_CENTRE
                ),
                camera['extrinsic'][:3, :3],
            )
            for number, camera in cameras.items()
        }
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise SourceError(f'{path}: no camera calibration file ({error}); get it again') from error


def fit_camera(points: np.ndarray, joints: np.ndarray) -> np.ndarray | None:
    """The pinhole camera that projects joints onto their pixels, by least squares.

    Args:
        points: Pixels.
        joints: The same joints in camera axes, any unit.

    Returns:
        Intrinsics; None where no camera fits within a pixel (median).

    Shapes: N people, K joints.  points: (N, K, 2) px.  joints: (N, K, 3).  returns: (3, 3) px.
    """
    there = np.isfinite(points).all(-1) & np.isfinite(joints).all(-1) & (joints[..., 2] > 0)
    points, joints = points[there], joints[there]
    if len(points) < 2:
        return None
    focal, centre = np.zeros(2), np.zeros(2)
    for axis in (0, 1):
        slopes = np.stack([joints[:, axis] / joints[:, 2], np.ones(len(joints))], axis=1)
        (focal[axis], centre[axis]), *_ = np.linalg.lstsq(slopes, points[:, axis], rcond=None)
    if (focal <= 0).any():
        return None
    matrix = intrinsics(focal, centre)
    residual = np.abs(project_points(joints, matrix) - points).max(-1)
    return matrix if np.median(residual) < MAX_RESIDUAL else None


if __name__ == '__main__':
    raise SystemExit(run_converter(MPIINF3DHPConverter))
