"""AGORA (train and validation, SMPL fits) to this library's annotation format.

    python tools/dataset_converters/agora.py AGORA data/agora

AGORA holds, in any folders below it, what the download page gives:

- `train_*_withjv.pkl`, `validation_*_withjv.pkl`: tables with a row per photo ("Camera dataframe
  with SMPL joints and vertices"; docs/gt_dataframe.md of the evaluation code): `imgPath`, and a
  list per person of `isValid`, `kid`, `gender`, `gt_path_smpl`, `gt_joints_2d` (px of the 3840 x
  2160 photos), `gt_joints_3d` and `gt_verts` (m, camera axes);
- the SMPL fits, `<gt_path_smpl>` as `.pkl` (`root_pose`, `body_pose`, `betas`, `translation`; or
  `global_orient`, `transl`) and `.obj` (their vertices; without it SMPL's own files make them,
  docs/body_files.md);
- the photos, 1280 x 720 (`*_1280x720.png`) or full size.

Unreal's axes and centimetres, and the tables' camera positions, are not needed: the rotation from
a fit to the camera is the one that brings the fit's vertices onto `gt_verts`. A fit stands upright
in its own frame (only `Yaw` turns it in the scene), so gravity is its -y. The focal length is the
one that projects `gt_joints_3d` onto `gt_joints_2d`.
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

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
    read_pickle,
    require_fields,
    run_converter,
    smpl_in_camera,
    world_labels,
)
from whmr.datasets.conversion.images import MISSING, UNUSABLE
from whmr.datasets.conversion.label_checks import (
    MIN_UPRIGHT,
    rigid_motion,
    rotation_matrices,
    uprightness,
)
from whmr.datasets.conversion.label_file import gender_name, text
from whmr.datasets.conversion.rows import UNREADABLE
from whmr.fileio import NUMPY, PANDAS, TORCH, Frame

FULL_WIDTH = 3840
NUM_JOINTS, NUM_BETAS, NUM_VERTICES, VERTEX_STEP = 45, 10, 6890, 13
UP = (0.0, 1.0, 0.0)  # of the fits
PHOTOS = ('.png', '.jpg')
COLUMNS = ('imgPath', 'isValid', 'kid', 'gender', 'gt_path_smpl', 'gt_joints_2d', 'gt_joints_3d')
VERTICES = 'gt_verts'
WORLD = ('world2cam_rotmat', 'global_orient_world')
NUM_CHECKED = 200  # people of a table
MAX_RESIDUAL = 0.01  # m, of a fit's vertices on the labelled ones
MAX_PIXELS = 1.0  # px, of the joints on their 2D labels
# Names that SMPL-X's fits have for what SMPL's call otherwise.
KEYS = {'global_orient': 'root_pose', 'transl': 'translation'}
# SMPL's pelvis in its own axes, roughly, and how far a body's may be from it.
MEAN_PELVIS, TOLERANCE = np.array([0.0, -0.22, 0.03]), 0.2


class Fit(NamedTuple):
    """A scan's SMPL body, and some of its vertices in its own frame."""

    root_pose: np.ndarray
    body_pose: np.ndarray
    betas: np.ndarray
    translation: np.ndarray
    vertices: np.ndarray


class Agora(Converter):
    """Reads AGORA.

    Args:
        source_root: The set's folder.
        out_dir: `data/agora`.
        body_gender: `annotated`: the fits are of the gender that the table says; or the gender of
            all fits.
        body_model: Folder of the SMPL files, for fits without `.obj`.

    Raises:
        SourceError: The folder is missing.
    """

    name = 'agora'
    splits = ('train', 'validation')

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        body_gender: str = 'annotated',
        body_model: str | os.PathLike = 'data/body_models/smpl',
    ) -> None:
        super().__init__(source_root, out_dir)
        self.body_gender, self.body_model = body_gender, Path(body_model)
        self._bodies: dict[str, SMPL] = {}
        self._fit = lru_cache(maxsize=8192)(self._read_fit)

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the gender of the fits."""
        parser.add_argument(
            '--body-gender',
            choices=('annotated', 'neutral'),
            default='annotated',
            help='the SMPL model that the downloaded fits are of; default: that of the table',
        )
        parser.add_argument(
            '--body-model',
            default='data/body_models/smpl',
            help='folder of the SMPL files, for fits without .obj',
        )

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> 'Agora':
        """A converter from the parsed command line."""
        return cls(
            args.source_root,
            args.out_dir,
            body_gender=args.body_gender,
            body_model=args.body_model,
        )

    def options(self) -> dict[str, Any]:
        """What changes the rows."""
        return dict(body_gender=self.body_gender)

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set='smpl45')

    def units(self, split: str) -> Sequence[str]:
        """The tables.

        Raises:
            SourceError: There is none with SMPL's joints and vertices.
        """
        tables = sorted(self.source_root.rglob(f'{split}_*_withjv.pkl'))
        names = [path.relative_to(self.source_root).as_posix() for path in tables]
        names = [name for name in names if 'SMPLX' not in Path(name).name.upper()]
        if not names:
            raise SourceError(
                f'{self.source_root}: holds no {split}_*_withjv.pkl; get the Camera dataframe with '
                'SMPL joints and vertices'
            )
        return names

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """People of one table.

        Raises:
            SourceError: The table is damaged or lacks a column.
        """
        path = self.source_root / unit
        frame = read_pickle(path, allowed=NUMPY | PANDAS | TORCH)
        names = frame.columns if isinstance(frame, Frame) else []
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise SourceError(f'{path}: has no column {missing[0]!r}; it has {names}')
        wanted = (*COLUMNS, VERTICES) if VERTICES in names else COLUMNS
        columns = {name: frame[name] for name in wanted}
        records = [
            {name: column[index] for name, column in columns.items()} for index in range(len(frame))
        ]
        is_upright = self._is_upright(records)
        if not is_upright:
            count = sum(len(record['isValid']) for record in records)
            reason = 'world left out: people do not stand along the y axis of their fits'
            yield Dropped(reason, str(path), what='label', count=count)
        for record in records:
            for entry in self._photo(record):
                if isinstance(entry, Dropped) or is_upright:
                    yield entry
                else:
                    yield {name: value for name, value in entry.items() if name not in WORLD}

    @cached_property
    def photos(self) -> dict[str, str]:
        """Where each photo lies, by its name."""
        found = {}
        for folder, _, names in os.walk(self.source_root, followlinks=True):
            for name in names:
                if name.lower().endswith(PHOTOS):
                    found[name] = (Path(folder) / name).relative_to(self.source_root).as_posix()
        return found

    def _is_upright(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether people stand along the fits' y axis, from which gravity is taken."""
        people = [
            (text(name), text(gender))
            for record in records
            for name, gender in zip(record['gt_path_smpl'], record['gender'])
        ]
        fits = [self._fit(*person) for person in people[:NUM_CHECKED]]
        orients = [rotation_matrices(fit.root_pose) for fit in fits if isinstance(fit, Fit)]
        return uprightness(orients, UP) >= MIN_UPRIGHT

    def _photo(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """People of one row of a table."""
        name, num = Path(text(record['imgPath'])), len(record['isValid'])
        low = f'{name.stem}_1280x720{name.suffix}'
        img_path = self.photos.get(low, self.photos.get(name.name))
        if img_path is None:
            yield Dropped(MISSING, str(name), what='image')
            yield Dropped(MISSING, str(name), count=num)
            return
        try:
            shape = self.photo_shape(img_path)
        except SourceError as error:
            yield Dropped(UNUSABLE, str(error), what='image')
            yield Dropped(UNUSABLE, str(name), count=num)
            return
        for index in range(num):
            labels = dict(img_path=img_path, img_id=name.stem, ori_shape=shape)
            item = f'{name.stem} #{index}'
            try:
                person = {key: value[index] for key, value in record.items() if key != 'imgPath'}
                yield from self._person(person, labels, item)
            except UNREADABLE as error:
                yield Dropped('labels that cannot be read', f'{item}: {error}')

    def _person(
        self, person: Mapping[str, Any], row: dict[str, Any], item: str
    ) -> Iterator[Row | Dropped]:
        if not bool(person['isValid']):
            yield Dropped('not valid: hidden or outside the photo (isValid)', item)
            return
        height, width = row['ori_shape']
        points = np.asarray(person['gt_joints_2d'], np.float64).reshape(-1, 2)
        joints = np.asarray(person['gt_joints_3d'], np.float64).reshape(-1, 3)
        if points.shape[0] != joints.shape[0] or len(joints) < NUM_JOINTS:
            yield Dropped('the joints are not the 45 of SMPL', item)
            return
        points, joints = points[:NUM_JOINTS] * width / FULL_WIDTH, joints[:NUM_JOINTS]
        camera = central_camera(joints, points, (width / 2, height / 2))
        if camera is None:
            yield Dropped('gt_joints_3d do not project onto gt_joints_2d', item)
            return
        inside = ((points >= 0) & (points <= (width, height))).all(1)
        if not inside.any():
            yield Dropped('no joint lies inside the photo', item)
            return
        vertices = person.get(VERTICES)
        if vertices is not None:
            vertices = np.asarray(vertices, np.float64).reshape(-1, 3)
        outline = points if vertices is None else project_points(vertices, camera)
        ones = np.ones(NUM_JOINTS)
        row |= dict(
            bbox=box_from_points(outline, margin=0.1 if vertices is None else 0.0),
            keypoints_2d=points,
            keypoints_2d_conf=ones,
            keypoints_3d=joints - joints[0],
            keypoints_3d_conf=ones,
            intrinsics=camera,
        )
        labels, lacking = self._body(person, joints, vertices)
        if lacking is not None:
            yield Dropped(f'no SMPL label: {lacking}', item, what='label')
        yield row | labels

    def _body(
        self, person: Mapping[str, Any], joints: np.ndarray, vertices: np.ndarray | None
    ) -> tuple[dict[str, Any], str | None]:
        """Labels of body and world, and why there is no body."""
        if vertices is None or len(vertices) != NUM_VERTICES or not np.isfinite(vertices).all():
            return {}, 'the table has no gt_verts of SMPL'
        gender = person['gender'] if self.body_gender == 'annotated' else self.body_gender
        gender = gender_name(gender)
        fit = self._fit(text(person['gt_path_smpl']), gender)
        if isinstance(fit, str):
            return {}, fit
        rotmat, shift, residual = rigid_motion(fit.vertices, vertices[::VERTEX_STEP])
        if not residual < MAX_RESIDUAL:
            return {}, 'the vertices of the fit are not those of the table'
        if bool(person['kid']) or fit.betas.size != NUM_BETAS:
            return world_labels(rotmat, UP), 'the body of a kid has 11 shape coefficients'
        labels: dict[str, Any] = smpl_in_camera(fit.root_pose, rotmat)
        labels |= world_labels(rotmat, UP, labels['global_orient'])
        labels |= dict(body_pose=fit.body_pose, betas=fit.betas, gender=gender)
        pelvis = rotmat.T @ (joints[0] - shift) - fit.translation
        if np.linalg.norm(pelvis - MEAN_PELVIS) < TOLERANCE:
            labels |= dict(cam_t=joints[0] - pelvis, pelvis=pelvis)
        return labels, None

    def _read_fit(self, name: str, gender: str) -> Fit | str:
        """A fit by the path that a table gives, or why there is none."""
        path = self._find(Path(name))
        if path is None:
            return 'the fit (gt_path_smpl, as .pkl) is missing'
        try:
            content = read_pickle(path, ('body_pose', 'betas'), allowed=NUMPY | TORCH)
            content = {KEYS.get(key, key): value for key, value in content.items()}
            require_fields(content, Fit._fields[:4], path)
            numbers = {key: np.asarray(content[key], np.float64).ravel() for key in Fit._fields[:4]}
            if path.with_suffix('.obj').is_file():
                vertices = read_obj(path.with_suffix('.obj'))
            else:
                vertices = self._make_vertices(numbers, gender)
        except UNREADABLE:
            return 'the fit is damaged or of another kind'
        if vertices is None:
            return 'the fit has no .obj and there are no SMPL files to make its vertices'
        if len(vertices) != NUM_VERTICES or numbers['body_pose'].size != 69:
            return 'the fit is no SMPL body'
        return Fit(**numbers, vertices=vertices[::VERTEX_STEP])

    def _make_vertices(self, numbers: Mapping[str, np.ndarray], gender: str) -> np.ndarray | None:
        """A fit's vertices by SMPL; None without its files, or for a kid."""
        there = (self.body_model / f'SMPL_{gender.upper()}.npz').is_file()
        if not there or numbers['betas'].size != NUM_BETAS:
            return None
        if gender not in self._bodies:
            self._bodies[gender] = SMPL(self.body_model, gender)
        body = self._bodies[gender]
        keys = ('betas', 'root_pose', 'body_pose', 'translation')
        with torch.inference_mode():
            out = body(*(torch.from_numpy(numbers[key]).float()[None] for key in keys))
        return out.vertices[0].double().numpy()

    def _find(self, name: Path) -> Path | None:
        for folder in (self.source_root, *self._folders):
            for start in range(len(name.parts)):
                path = folder.joinpath(*name.parts[start:]).with_suffix('.pkl')
                if path.is_file():
                    return path
        return None

    @cached_property
    def _folders(self) -> list[Path]:
        return sorted(path for path in self.source_root.iterdir() if path.is_dir())


def central_camera(
    joints: np.ndarray, points: np.ndarray, center: Sequence[float]
) -> np.ndarray | None:
    """The camera with a given principal point that projects joints onto points, if there is one.

    Args:
        joints: 3D joints, camera axes.
        points: Their projections.
        center: The principal point.

    Returns:
        Intrinsics; None if no focal length fits.

    Shapes: K joints.  joints: (K, 3) m.  points: (K, 2) px.  center: (2,) px.  returns: (3, 3) px.
    """
    if not np.isfinite(joints).all() or not np.isfinite(points).all() or joints[:, 2].min() <= 0:
        return None
    rays, offsets = joints[:, :2] / joints[:, 2:], points - center
    focal = float((rays * offsets).sum() / max(float((rays * rays).sum()), 1e-12))
    if focal <= 0:
        return None
    camera = intrinsics(focal, center)
    error = np.linalg.norm(project_points(joints, camera) - points, axis=1)
    return camera if error.max() < MAX_PIXELS else None


def read_obj(path: Path) -> np.ndarray:
    """Vertices of an `.obj` file.

    Raises:
        SourceError: It is missing or damaged.

    Shapes: returns: (V, 3).
    """
    try:
        lines = path.read_text(encoding='ascii').splitlines()
        return np.array([line.split()[1:4] for line in lines if line.startswith('v ')], np.float64)
    except (OSError, ValueError) as error:
        raise SourceError(f'{path}: cannot be read ({error}); get it again') from error


if __name__ == '__main__':
    raise SystemExit(run_converter(Agora))
