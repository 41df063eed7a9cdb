"""The annotation format: one `.npz` file of columns, one row per person.

A file is written by `save_annotations` and read by `load_annotations`; nothing in it is pickled.
`docs/annotation_format.md` has the same as a table. M rows, K and K3 joints of the joint sets that
the meta names, lengths in metres, rotations as axis-angle (rad), image coordinates in pixels of the
whole photo (continuous: pixel (row i, column j) covers [j, j+1) x [i, i+1)).

Required columns:

- `img_path` (M,) text: the photo, relative to the data set's image folder.
- `ori_shape` (M, 2) int: H, W of the photo.
- `bbox` (M, 4) float: tight person box, xyxy, px; may reach out of the photo.

Optional columns; a `has_` column is taken as True everywhere if only its label column is there:

- `img_id` (M,) text: name of the photo in results; default `img_path`.
- `bbox_score` (M,) float: default 1.
- `keypoints_2d` (M, K, 2), `keypoints_2d_conf` (M, K) float: px; confidence 0 = unlabelled.
- `keypoints_3d` (M, K3, 3), `keypoints_3d_conf` (M, K3) float, `has_keypoints_3d` (M,) bool:
  m, camera axes, pelvis-relative; confidence default 1.
- `global_orient` (M, 3), `body_pose` (M, 69), `betas` (M, 10) float, `has_smpl` (M,) bool:
  all three or none; model -> camera and parent-relative.
- `gender` (M,) text: the body that the betas belong to, `neutral` (default), `male`, `female`.
- `cam_t` (M, 3) float, `has_cam_t` (M,) bool: m, camera; is added to the body model's vertices.
- `pelvis` (M, 3) float: m; the body model's pelvis joint for these betas (no pose moves it). It
  makes a camera roll exact for `cam_t`; without it a rolled sample loses its `cam_t` label.
- `global_orient_world` (M, 3) float, `has_world` (M,) bool: model -> world; default: derived where
  `global_orient` and `world2cam_rotmat` are there.
- `world2cam_rotmat` (M, 3, 3) float, `has_world2cam` (M,) bool: the matrix Rx(pitch) Rz(roll), yaw
  removed, as `whmr.geometry.world2cam_from_extrinsics` makes it.
- `intrinsics` (M, 3, 3) float, `has_focal_length` (M,) bool: px; no skew.

Beside the columns: `format_version` (int) and `meta` (JSON text) with `dataset`, `topology` (`smpl`
or `free_body`), `joint_set` (a name of `whmr.keypoints.JOINT_SETS`; required with keypoints), and
if wanted `joint_set_3d` (default: `joint_set`), `licence`, `source`, `split`, `notes`, `converter`,
`converter_args`. A label that one row lacks is zeros with its `has_` False.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from whmr.datasets.annotation_checks import check_meta, drop_or_raise, row_problems
from whmr.fileio import atomic_path

FORMAT_VERSION = 1


class Column(NamedTuple):
    """How one column looks: its trailing shape (a text names a meta key) and kind of value."""

    shape: tuple[int | str, ...]
    kind: Literal['float', 'int', 'bool', 'text']
    required: bool = False


COLUMNS: dict[str, Column] = {
    'img_path': Column((), 'text', required=True),
    'ori_shape': Column((2,), 'int', required=True),
    'bbox': Column((4,), 'float', required=True),
    'img_id': Column((), 'text'),
    'bbox_score': Column((), 'float'),
    'keypoints_2d': Column(('joint_set', 2), 'float'),
    'keypoints_2d_conf': Column(('joint_set',), 'float'),
    'keypoints_3d': Column(('joint_set_3d', 3), 'float'),
    'keypoints_3d_conf': Column(('joint_set_3d',), 'float'),
    'has_keypoints_3d': Column((), 'bool'),
    'global_orient': Column((3,), 'float'),
    'body_pose': Column((69,), 'float'),
    'betas': Column((10,), 'float'),
    'has_smpl': Column((), 'bool'),
    'gender': Column((), 'text'),
    'cam_t': Column((3,), 'float'),
    'has_cam_t': Column((), 'bool'),
    'pelvis': Column((3,), 'float'),
    'global_orient_world': Column((3,), 'float'),
    'has_world': Column((), 'bool'),
    'world2cam_rotmat': Column((3, 3), 'float'),
    'has_world2cam': Column((), 'bool'),
    'intrinsics': Column((3, 3), 'float'),
    'has_focal_length': Column((), 'bool'),
}

# A column of the left needs those of the right.
NEEDS: dict[str, tuple[str, ...]] = {
    'keypoints_2d': ('keypoints_2d_conf',),
    'keypoints_2d_conf': ('keypoints_2d',),
    'keypoints_3d_conf': ('keypoints_3d',),
    'has_keypoints_3d': ('keypoints_3d',),
    'global_orient': ('body_pose', 'betas'),
    'body_pose': ('global_orient', 'betas'),
    'betas': ('global_orient', 'body_pose'),
    'has_smpl': ('global_orient',),
    'has_cam_t': ('cam_t',),
    'global_orient_world': ('global_orient',),
    'has_world2cam': ('world2cam_rotmat',),
    'has_focal_length': ('intrinsics',),
}

DTYPES = {'float': np.float32, 'int': np.int32, 'bool': np.bool_}
KINDS = {'float': 'fiu', 'int': 'iu', 'bool': 'b', 'text': 'US'}
OnBadRows = Literal['error', 'drop']


def save_annotations(
    path: str | os.PathLike,
    columns: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    *,
    on_bad_rows: OnBadRows = 'error',
) -> int:
    """Check the columns and write them as one annotation file, atomically.

    Args:
        path: The file to write; its name must end in `.npz`. Missing folders are made.
        columns: The columns of the module's table; numbers of other widths are cast.
        meta: The meta keys of the module's text.
        on_bad_rows: `error` refuses a row with a wrong label (a converter should be right); `drop`
            leaves such rows out and logs how many and why.

    Returns:
        The number of rows written.

    Raises:
        ValueError: A column or the meta is wrong; the one line names file, column, first bad row
            and what to do.

    Shapes: as in the table of this module, rad, m and px.
    """
    path = Path(path)
    if path.suffix != '.npz':
        raise ValueError(f'{path}: an annotation file must end in .npz; rename it')
    meta = dict(meta)
    columns = _checked(path, dict(columns), meta, on_bad_rows)
    header = dict(format_version=np.int64(FORMAT_VERSION), meta=np.array(json.dumps(meta)))
    with atomic_path(path) as partial:
        np.savez_compressed(partial, **header, **columns)
    return len(columns['bbox'])


def load_annotations(
    path: str | os.PathLike, *, on_bad_rows: OnBadRows = 'error'
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read and fully check an annotation file.

    Args:
        path: The file.
        on_bad_rows: `error` refuses the file for its first bad row; `drop` leaves bad rows out and
            logs the counts.

    Returns:
        The columns that the file holds (float32, int32, bool or text) and its meta.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not an annotation file of this version, or a label in it is wrong.

    Shapes: as in the table of this module, rad, m and px.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such annotation file; write it with a converter first')
    arrays = _read_arrays(path)
    for key in ('format_version', 'meta'):
        if key not in arrays:
            raise ValueError(
                f'{path}: has no {key!r}: no annotation file; convert the data set first'
            )
    version = arrays.pop('format_version')
    if version.shape != () or version.dtype.kind not in 'iu' or int(version) != FORMAT_VERSION:
        raise ValueError(
            f'{path}: format_version is {version.tolist()!r}, this library reads {FORMAT_VERSION}; '
            'convert the data set again'
        )
    try:
        meta = json.loads(str(arrays.pop('meta').item()))
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f'{path}: its meta is not JSON text ({error}); convert the data set again'
        ) from error
    return _checked(path, arrays, meta, on_bad_rows), meta


def count_rows(path: str | os.PathLike) -> int:
    """How many rows an annotation file has, from the header of one of its columns.

    Args:
        path: The file.

    Raises:
        ValueError: It is not an annotation file.

    Shapes: none.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open('bbox.npy') as file:
            np.lib.format.read_magic(file)
            return int(np.lib.format.read_array_header_1_0(file)[0][0])
    except (OSError, KeyError, IndexError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path}: no annotation file ({error}); convert the data again') from error


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz`, or one clear line."""
    advice = 'the file is broken or no .npz; copy or convert it again'
    if not zipfile.is_zipfile(path):
        raise ValueError(f'{path}: not a whole .npz archive; {advice}')
    name = None
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {}
            for name in archive.files:
                arrays[name] = archive[name]
    except (
        ValueError,
        OSError,
        EOFError,
        KeyError,
        zipfile.BadZipFile,
        zipfile.zlib.error,
    ) as error:
        where = f'column {name!r}' if name else 'archive'
        if 'allow_pickle' in str(error):
            raise ValueError(
                f'{path}: column {name!r} holds Python objects, which are never loaded; '
                'save plain numbers or text'
            ) from error
        raise ValueError(f'{path}: {where} cannot be read ({error}); {advice}') from error
    return arrays


def _checked(
    path: Path, arrays: dict[str, np.ndarray], meta: dict[str, Any], on_bad_rows: OnBadRows
) -> dict[str, np.ndarray]:
    """The arrays in their own types, after every check."""
    if on_bad_rows not in ('error', 'drop'):
        raise ValueError(f"on_bad_rows must be 'error' or 'drop', got {on_bad_rows!r}")
    unknown = sorted(set(arrays) - set(COLUMNS))
    if unknown:
        raise ValueError(
            f'{path}: unknown column(s) {unknown}; the known ones are {sorted(COLUMNS)}'
        )
    for name, column in COLUMNS.items():
        if column.required and name not in arrays:
            raise ValueError(f'{path}: the required column {name!r} is missing; add it')
        if name in arrays:
            for other in NEEDS.get(name, ()):
                if other not in arrays:
                    raise ValueError(
                        f'{path}: column {name!r} needs column {other!r} beside it; add it'
                    )
    num_joints = check_meta(path, meta, arrays)
    num_rows = len(np.atleast_1d(arrays['img_path']))
    columns = {}
    for name, array in arrays.items():
        column = COLUMNS[name]
        array = np.asarray(array)
        if array.dtype.kind not in KINDS[column.kind]:
            raise ValueError(
                f'{path}: column {name!r} has type {array.dtype}, must be {column.kind}; cast it'
            )
        if array.shape[:1] != (num_rows,):
            raise ValueError(
                f'{path}: column {name!r} has shape {array.shape} but img_path has {num_rows} '
                'row(s); every column needs one row per person'
            )
        shape = tuple(num_joints[size] if isinstance(size, str) else size for size in column.shape)
        if array.shape[1:] != shape:
            raise ValueError(
                f'{path}: column {name!r} has shape {array.shape}, must be '
                f'{(num_rows, *shape)}; reshape it'
            )
        if array.dtype.kind == 'S':
            array = np.char.decode(array, 'utf-8')
        columns[name] = (
            array if column.kind == 'text' else array.astype(DTYPES[column.kind], copy=False)
        )
    return drop_or_raise(path, columns, row_problems(columns), on_bad_rows)
