"""Human3.6M to the annotation format.

    python tools/dataset_converters/h36m.py DOWNLOADS/h36m data/h36m

Expected in the source folder, as the archives unpack: `S1/MyPoseFeatures/D3_Positions/*.cdf` and
`S1/Videos/*.mp4` (S1, S5, S6, S7, S8 for training; S9, S11 for testing), and somewhere in it
`metadata.xml` of the release's code, which holds the cameras. Labels: 2D, 3D, intrinsics, the
camera's world rotation. Needs cdflib: `pip install whmr[convert]`. SMPL labels (MoSh) are not
distributed with the set.

Every 5th frame is taken (10 of 50 a second) and written as a JPEG below `data/h36m/images`. `test`
has all four cameras (protocol 1), `test_p2` only the frontal one (protocol 2).
"""

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import torch

from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    box_from_points,
    extract_frames,
    intrinsics,
    pick_joints,
    read_cdf,
    run_converter,
    world_labels,
)
from whmr.geometry import euler_to_rotmat

SUBJECTS = {'train': (1, 5, 6, 7, 8), 'test': (9, 11), 'test_p2': (9, 11)}
CAMERAS = ('54138969', '55011271', '58860488', '60457274')
FRONTAL = '60457274'
NUM_SUBJECTS = 11
# Where the 17 joints lie among the 32 of the motion capture.
NUM_JOINTS = 32
JOINTS = {
    0: 'pelvis_mpii', 1: 'right_hip_lsp', 2: 'right_knee', 3: 'right_ankle', 6: 'left_hip_lsp',
    7: 'left_knee', 8: 'left_ankle', 12: 'spine_h36m', 13: 'neck_lsp', 14: 'jaw_h36m',
    15: 'head_h36m', 17: 'left_shoulder', 18: 'left_elbow', 19: 'left_wrist',
    25: 'right_shoulder', 26: 'right_elbow', 27: 'right_wrist',
}  # fmt: skip
NAMES = tuple(JOINTS.get(i) for i in range(NUM_JOINTS))
UP_AXIS = (0.0, 0.0, 1.0)
EVERY = 5
MM = 1e-3
PIXEL_CENTRE = 0.5  # its cameras are taken to count from pixel centres, as OpenCV does


class Camera(NamedTuple):
    """A calibrated camera: `x_cam = rotmat (x - position)`, then a lens.

    Shapes: rotmat: (3, 3).  position: (3,) mm.  focal, center: (2,) px.
        radial: (3,) k1, k2, k3.  tangential: (2,) p1, p2.
    """

    rotmat: np.ndarray
    position: np.ndarray
    focal: np.ndarray
    center: np.ndarray
    radial: np.ndarray
    tangential: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Shapes: points: (..., 3) mm, world.  returns: (..., 3) mm, camera."""
        return (points - self.position) @ self.rotmat.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels through the lens, by the formula of the set's own code.

        Its tangential term lacks OpenCV's factor of 2: some tenths of a pixel near the border.

        Shapes: points: (..., 3), camera axes.  returns: (..., 2) continuous px.
        """
        x = points[..., :2] / points[..., 2:]
        r2 = (x**2).sum(-1, keepdims=True)
        radial = 1 + r2 * (self.radial[0] + r2 * (self.radial[1] + r2 * self.radial[2]))
        swapped = self.tangential[::-1]  # p2 belongs to x, p1 to y
        tangential = (x * swapped).sum(-1, keepdims=True)
        return self.focal * (x * (radial + tangential) + r2 * swapped) + self.center + PIXEL_CENTRE


class H36MConverter(Converter):
    """Frames of Human3.6M; a unit is one action of one subject, seen by one camera.

    Args:
        source_root: The data set's folder.
        out_dir: `data/h36m`.
        every: Which frames: 0, every, 2 every ...

    Raises:
        SourceError: The folder is missing.
    """

    name = 'h36m'
    splits = ('train', 'test')
    more_splits = ('test_p2',)

    def __init__(
        self, source_root: str | os.PathLike, out_dir: str | os.PathLike, *, every: int = EVERY
    ) -> None:
        super().__init__(source_root, out_dir)
        self.every = every

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Which frames."""
        parser.add_argument('--every', type=int, default=EVERY, help='take every n-th frame')

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'H36MConverter':
        """A converter from the parsed command line."""
        return cls(args.source_root, args.out_dir, every=args.every)

    def options(self) -> dict[str, Any]:
        """Which frames."""
        return dict(every=self.every)

    def image_source(self) -> None:
        """None: frames of videos are written."""

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        notes = '2D keypoints include the lens distortion, intrinsics do not'
        return dict(joint_set='h36m17', notes=notes)

    def units(self, split: str) -> Sequence[str]:
        """`S1/Directions 1.54138969` ..."""
        units = []
        for subject in SUBJECTS[split]:
            folder = self.source_root / f'S{subject}' / 'MyPoseFeatures' / 'D3_Positions'
            actions = sorted(path.stem for path in folder.glob('*.cdf'))
            cameras = (FRONTAL,) if split == 'test_p2' else CAMERAS
            units += [
                f'S{subject}/{action}.{camera}'
                for action in actions
                if not action.startswith('_ALL')  # not an action
                for camera in cameras
            ]
        if not units:
            where = f'S{SUBJECTS[split][0]}/MyPoseFeatures/D3_Positions/*.cdf'
            raise SourceError(f'{self.source_root}: holds no {where}; unpack the poses there')
        self.cameras  # noqa: B018 - without cameras nothing can be converted: say so now
        return units

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The frames of a unit."""
        subject, _, rest = unit.partition('/')
        action, _, camera_name = rest.rpartition('.')
        camera = self.cameras[int(subject[1:]), camera_name]
        folder = self.source_root / subject
        path = folder / 'MyPoseFeatures' / 'D3_Positions' / f'{action}.cdf'
        joints = read_cdf(path, 'Pose')
        try:
            joints = joints.astype(np.float64).reshape(-1, NUM_JOINTS, 3)
        except ValueError as error:
            raise SourceError(f"{path}: 'Pose' has shape {joints.shape} ({error})") from error
        numbers = range(0, len(joints), self.every)
        stem = f'{subject}_{action.replace(" ", "_")}.{camera_name}'
        names = {i: f'{stem}_{i + 1:06d}.jpg' for i in numbers}
        video = folder / 'Videos' / f'{action}.{camera_name}.mp4'
        lacking = set(extract_frames(video, {i: self.images / name for i, name in names.items()}))
        world = world_labels(camera.rotmat, UP_AXIS)
        matrix = intrinsics(camera.focal, camera.center + PIXEL_CENTRE)
        for i, name in names.items():
            if i in lacking:
                yield Dropped('the video has no such frame', f'{video} frame {i}', what='image')
                yield Dropped('the video has no such frame', name)
                continue
            row = _row(camera, joints[i])
            if row is None:
                yield Dropped('fewer than two joints are labelled', name)
                continue
            yield dict(row, img_path=name, intrinsics=matrix, **world)

    @cached_property
    def cameras(self) -> dict[tuple[int, str], Camera]:
        """The cameras by subject and name.

        Raises:
            SourceError: `metadata.xml` is missing or of another layout.
        """
        found = sorted(self.source_root.rglob('metadata.xml'))
        if not found:
            raise SourceError(
                f'{self.source_root}: holds no metadata.xml; it comes with the code of the release '
                "(Release-v1.1) on the data set's page"
            )
        return read_cameras(found[0])


def _row(camera: Camera, joints: np.ndarray) -> dict[str, Any] | None:
    """Keypoints of one frame; None where too few are there."""
    in_camera = camera.to_camera(joints)
    pixels, conf = pick_joints(camera.project(in_camera), None, NAMES, 'h36m17')
    metres, conf_3d = pick_joints((in_camera - in_camera[:1]) * MM, None, NAMES, 'h36m17')
    box = box_from_points(pixels, conf)
    if box is None:
        return None
    row = dict(bbox=box, keypoints_2d=pixels, keypoints_2d_conf=conf)
    return row | dict(keypoints_3d=metres, keypoints_3d_conf=conf_3d)


def read_cameras(path: Path) -> dict[tuple[int, str], Camera]:
    """Cameras of `metadata.xml`: 6 numbers for each of 4 cameras and 11 subjects, then 9 for each
    camera.

    Args:
        path: The file.

    Raises:
        SourceError: The file is damaged or of another layout.
    """
    try:
        text = ElementTree.parse(path).getroot().findtext('.//w0') or ''
        numbers = np.array(re.findall(r'[-+.\deE]+', text), np.float64)
        num_outer = 6 * len(CAMERAS) * NUM_SUBJECTS
        outer = numbers[:num_outer].reshape(len(CAMERAS), NUM_SUBJECTS, 6)
        inner = numbers[num_outer : num_outer + 9 * len(CAMERAS)].reshape(len(CAMERAS), 9)
    except (ElementTree.ParseError, ValueError) as error:
        raise SourceError(f'{path}: its <w0> does not hold the cameras ({error})') from error
    cameras = {}
    for c, name in enumerate(CAMERAS):
        for subject in range(1, NUM_SUBJECTS + 1):
            angles, position = outer[c, subject - 1, :3], outer[c, subject - 1, 3:]
            x, y, z = torch.from_numpy(angles)
            cameras[subject, name] = Camera(
                rotmat=euler_to_rotmat(x, y, z).numpy(),
                position=position,
                focal=inner[c, :2],
                center=inner[c, 2:4],
                radial=inner[c, 4:7],
                tangential=inner[c, 7:9],
            )
    return cameras


if __name__ == '__main__':
    raise SystemExit(run_converter(H36MConverter))
