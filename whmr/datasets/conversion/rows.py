"""What a converter yields: people with labels, and what had to be left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from whmr.datasets.annotations import COLUMNS, DTYPES

Row = Mapping[str, Any]
What = Literal['person', 'image', 'file', 'label']

# The flag that says that a row has the label; it is made from the rows, never given in them.
FLAG_OF: dict[str, str] = {
    'keypoints_3d': 'has_keypoints_3d',
    'global_orient': 'has_smpl',
    'cam_t': 'has_cam_t',
    'global_orient_world': 'has_world',
    'world2cam_rotmat': 'has_world2cam',
    'intrinsics': 'has_focal_length',
}
ROW_KEYS = frozenset(COLUMNS) - frozenset(FLAG_OF.values())
# What reading labels of another form than is expected raises: the person is dropped, not the run.
UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError)
DEFAULTS: dict[str, Any] = {'gender': 'neutral', 'bbox_score': 1.0}


@dataclass(frozen=True)
class Dropped:
    """Something that a converter left out, and why.

    Args:
        reason: Short and the same for all of its kind (no names or numbers): it is counted by it.
        item: Which one: file, frame, person. The first few are listed in the summary.
        what: `person` (a row), `label` (the row stays without it), `image`, or `file` (a whole file
            of the source). Left-out images and files mean that the source is not whole.
        count: How many.
    """

    reason: str
    item: str = ''
    what: What = 'person'
    count: int = 1


def shape_problem(row: Row, num_joints: Mapping[str, int]) -> str | None:
    """Which label of a row has the wrong shape, and what it must be; None if all are right.

    Args:
        row: The person.
        num_joints: Joints of the sets that the meta names, as `check_meta` gives them.
    """
    for name, value in row.items():
        if value is not None and name in COLUMNS and COLUMNS[name].kind != 'text':
            shape = _shape(name, num_joints)
            if np.shape(value) != shape:
                return f'{name} has shape {np.shape(value)}, must be {shape}'
    return None


def stack_rows(rows: Sequence[Row], num_joints: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Columns of some rows; a label that a row lacks is zeros with its flag False.

    Args:
        rows: People; the keys are those of the annotation format without the `has_` flags.
        num_joints: Joints of the sets that the meta names, as `check_meta` gives them.

    Returns:
        A column for each key that occurs, with its flag, in the order of the format.

    Raises:
        KeyError: A row has a key that is no column.
        ValueError: A label has the wrong shape.

    Shapes: as in `whmr.datasets.annotations`.
    """
    present = {key for row in rows for key in row}
    unknown = sorted(present - ROW_KEYS)
    if unknown:
        raise KeyError(
            f'row key(s) {unknown} are no columns; the known ones are {sorted(ROW_KEYS)}'
        )
    if 'keypoints_3d' in present:
        present.add('keypoints_3d_conf')
    columns: dict[str, np.ndarray] = {}
    for name in (name for name in COLUMNS if name in present):
        columns[name] = _stack(rows, name, num_joints)
        if name in FLAG_OF:
            columns[FLAG_OF[name]] = np.array([row.get(name) is not None for row in rows], bool)
    return {name: columns[name] for name in COLUMNS if name in columns}


def concat_columns(
    parts: Sequence[dict[str, np.ndarray]], num_joints: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """One set of columns from the columns of several parts, which may lack some.

    Args:
        parts: Columns of each part; what is joined is taken out, so that memory holds it once.
        num_joints: Joints of the sets that the meta names, as `check_meta` gives them.

    Raises:
        ValueError: A column has another shape than in the format.

    Shapes: as in `whmr.datasets.annotations`.
    """
    present = {name for part in parts for name in part}
    names = [part['img_path'] for part in parts]
    columns = {}
    for name in (name for name in COLUMNS if name in present):
        pieces = []
        for part, img_path in zip(parts, names):
            if name in part:
                pieces.append(part.pop(name))
            elif name == 'img_id':
                pieces.append(img_path)
            else:
                pieces.append(_empty(name, len(img_path), num_joints))
        columns[name] = np.concatenate(pieces)
    return columns


def _stack(rows: Sequence[Row], name: str, num_joints: Mapping[str, int]) -> np.ndarray:
    if name == 'img_id':
        return np.array([row.get('img_id', row['img_path']) for row in rows])
    if COLUMNS[name].kind == 'text':
        return np.array([str(row.get(name, DEFAULTS.get(name, ''))) for row in rows])
    out = _empty(name, len(rows), num_joints)
    for i, row in enumerate(rows):
        value = row.get(name)
        if value is None and name == 'keypoints_3d_conf' and row.get('keypoints_3d') is not None:
            value = np.ones(out.shape[1:])
        if value is None:
            continue
        out[i] = value
    return out


def _empty(name: str, num_rows: int, num_joints: Mapping[str, int]) -> np.ndarray:
    column = COLUMNS[name]
    if column.kind == 'text':
        return np.full(num_rows, DEFAULTS.get(name, ''))
    shape = (num_rows, *_shape(name, num_joints))
    return np.full(shape, DEFAULTS.get(name, 0), DTYPES[column.kind])


def _shape(name: str, num_joints: Mapping[str, int]) -> tuple[int, ...]:
    """Shape of a label of one row."""
    sizes = COLUMNS[name].shape
    return tuple(num_joints[size] if isinstance(size, str) else size for size in sizes)
