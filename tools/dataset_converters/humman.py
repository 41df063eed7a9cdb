"""HuMMan (v1.0, reconstruction subset) to this library's annotation format.

    python tools/dataset_converters/humman.py humman_release_v1.0_recon data/humman

The folder is laid out as the toolbox's README (humman_recon) shows it: per sequence
`kinect_color/kinect_000/*.png`, `smpl_params/*.npz` (`betas`, `body_pose`, `global_orient`,
`transl`; in the world) and `cameras.json` (`K`, `R`, `T`, world to camera, OpenCV's pinhole);
beside the sequences `train.txt` and `test.txt`, the lists of the project's page. Every 5th image of
a camera is taken (W-HMR, appendix).

2D and 3D joints, boxes and `cam_t` come from SMPL: its files are needed for them
(docs/body_files.md). Without them boxes come from `kinect_mask`, and only the body's parameters and
the camera are kept. The world is the frame of colour camera 000 and nothing says how that is held:
there is no world label, unless `--up X Y Z` gives the direction that points up in it.
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from whmr.body_models import SMPL
from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    box_from_points,
    intrinsics,
    project_points,
    read_json,
    require_fields,
    run_converter,
    smpl_in_camera,
    world_labels,
)
from whmr.fileio import load_npz

JOINT_SET, NUM_JOINTS = 'smpl45', 45
NUM_CAMERAS, EVERY = 10, 5
LISTS = 'https://caizhongang.github.io/projects/HuMMan/splits'
SIZES = dict(global_orient=3, body_pose=69, betas=10, transl=3)


class HuMMan(Converter):
    """Reads HuMMan's reconstruction subset.

    Args:
        source_root: The folder of the sequences.
        out_dir: `data/humman`.
        every: Take one of so many images of a camera.
        up: What points up in the frame of colour camera 000; None: not known.
        body_model: Folder of the SMPL files.

    Raises:
        SourceError: The folder is missing.
    """

    name = 'humman'
    splits = ('train', 'test')

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        every: int = EVERY,
        up: Sequence[float] | None = None,
        body_model: str | os.PathLike = 'data/body_models/smpl',
    ) -> None:
        super().__init__(source_root, out_dir)
        if every < 1:
            raise ValueError(f'every must be 1 or more, got {every}')
        if up is not None and not np.linalg.norm(up) > 0:
            raise ValueError(f'up must be a direction, got {list(up)}')
        self.every, self.up, self.body_model = every, up, Path(body_model)

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add how many images to take, gravity, and where SMPL is."""
        parser.add_argument('--every', type=int, default=EVERY, help='one of so many images')
        parser.add_argument(
            '--up', type=float, nargs=3, metavar=('X', 'Y', 'Z'), help='up, in colour camera 000'
        )
        parser.add_argument(
            '--body-model', default='data/body_models/smpl', help='folder of the SMPL files'
        )

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'HuMMan':
        """A converter from the parsed command line."""
        return cls(
            args.source_root,
            args.out_dir,
            every=args.every,
            up=args.up,
            body_model=args.body_model,
        )

    def options(self) -> dict[str, Any]:
        """What changes the rows."""
        up = None if self.up is None else [float(value) for value in self.up]
        return dict(every=self.every, up=up, body=self.body is not None)

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set=JOINT_SET)

    def units(self, split: str) -> Sequence[str]:
        """The sequences of a list.

        Raises:
            SourceError: There is no such list.
        """
        path = self.source_root / f'{split}.txt'
        if not path.is_file():
            raise SourceError(f'{path}: no such list of sequences; get it from {LISTS}/{split}.txt')
        return sorted(set(path.read_text(encoding='utf-8').split()))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """People of one sequence: one in each image.

        Raises:
            SourceError: Cameras or parameters are missing or damaged.
        """
        cameras = self._cameras(unit)
        frames = sorted((self.source_root / unit / 'smpl_params').glob('*.npz'))
        if not frames:
            raise SourceError(f'{self.source_root / unit}: holds no smpl_params/*.npz')
        for path in frames[:: self.every]:
            try:
                params = self._params(path)
            except SourceError as error:
                yield Dropped('smpl_params that cannot be read', str(error), what='file')
                continue
            for number, camera in cameras.items():
                yield from self._person(unit, number, path.stem, params, camera)

    @cached_property
    def body(self) -> SMPL | None:
        """SMPL, if the user has its files."""
        there = (self.body_model / 'SMPL_NEUTRAL.npz').is_file()
        return SMPL(self.body_model) if there else None

    def _person(
        self,
        unit: str,
        number: int,
        frame: str,
        params: Mapping[str, np.ndarray],
        camera: Mapping[str, np.ndarray],
    ) -> Iterator[Row | Dropped]:
        kinect = f'kinect_{number:03d}'
        row: dict[str, Any] = dict(
            img_path=f'{unit}/kinect_color/{kinect}/{frame}.png',
            body_pose=params['body_pose'],
            betas=params['betas'],
            intrinsics=intrinsics(
                camera['K'][[0, 1], [0, 1]],
                camera['K'][:2, 2] + 0.5,  # pixel centres at .5
            ),
        )
        orient = params['global_orient']
        if self.body is None:
            row |= smpl_in_camera(orient, camera['R'])
            box = self._mask_box(unit, kinect, frame)
            if box is None:
                yield Dropped('no box: neither SMPL files nor a mask', row['img_path'])
                return
            row['bbox'] = box
        else:
            row |= self._projected(params, camera, row['intrinsics'])
            if row['bbox'] is None:
                yield Dropped('the body is not in front of the camera', row['img_path'])
                return
        if self.up is not None:
            row |= world_labels(camera['R'], self.up, row['global_orient'])
        yield row

    def _projected(
        self,
        params: Mapping[str, np.ndarray],
        camera: Mapping[str, np.ndarray],
        matrix: np.ndarray,
    ) -> dict[str, Any]:
        """What follows from SMPL: the body in the camera, its joints and its box."""
        tensors = {key: torch.from_numpy(value).float()[None] for key, value in params.items()}
        with torch.inference_mode():
            out = self.body(tensors['betas'], tensors['global_orient'], tensors['body_pose'])
        joints, vertices = (part[0].double().numpy() for part in (out.joints, out.vertices))
        labels: dict[str, Any] = smpl_in_camera(
            params['global_orient'],
            camera['R'],
            transl=params['transl'],
            cam_transl=camera['T'],
            pelvis=joints[0],
        )
        joints, vertices = (
            (part + params['transl']) @ camera['R'].T + camera['T']
            for part in (joints[:NUM_JOINTS], vertices)
        )
        if vertices[:, 2].min() <= 0:
            return dict(bbox=None)
        ones = np.ones(NUM_JOINTS)
        return labels | dict(
            bbox=box_from_points(project_points(vertices, matrix)),
            keypoints_2d=project_points(joints, matrix),
            keypoints_2d_conf=ones,
            keypoints_3d=joints - joints[0],
            keypoints_3d_conf=ones,
        )

    def _mask_box(self, unit: str, kinect: str, frame: str) -> np.ndarray | None:
        path = self.source_root / unit / 'kinect_mask' / kinect / f'{frame}.png'
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
        if mask is None:
            return None
        rows, columns = np.nonzero(mask > 127)
        if not len(rows):
            return None
        return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)

    def _cameras(self, unit: str) -> dict[int, dict[str, np.ndarray]]:
        """The colour cameras of a sequence."""
        path = self.source_root / unit / 'cameras.json'
        content = read_json(path)
        cameras = {}
        for number in range(NUM_CAMERAS):
            name = f'kinect_color_{number:03d}'
            if name not in content:
                continue
            require_fields(content[name], ('K', 'R', 'T'), path)
            camera = {key: np.asarray(content[name][key], np.float64) for key in ('K', 'R', 'T')}
            camera['T'] = camera['T'].reshape(-1)
            if [camera[key].shape for key in ('K', 'R', 'T')] != [(3, 3), (3, 3), (3,)]:
                raise SourceError(f'{path}: K, R or T of {name!r} has another shape')
            cameras[number] = camera
        if not cameras:
            raise SourceError(f'{path}: holds no colour camera')
        return cameras

    def _params(self, path: Path) -> dict[str, np.ndarray]:
        """The body of a frame."""
        try:
            content = load_npz(path, names=tuple(SIZES))
        except ValueError as error:
            raise SourceError(str(error)) from error
        require_fields(content, tuple(SIZES), path)
        params = {key: np.asarray(content[key], np.float64).ravel() for key in SIZES}
        for key, size in SIZES.items():
            if params[key].size != size or not np.isfinite(params[key]).all():
                raise SourceError(f'{path}: {key!r} is not {size} finite numbers')
        return params


if __name__ == '__main__':
    raise SystemExit(run_converter(HuMMan))
