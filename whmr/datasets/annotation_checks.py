"""Checks of an annotation file's meta and of its rows."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmengine.logging import print_log

from whmr.geometry import axis_angle_to_rotmat
from whmr.keypoints import JOINT_SETS

TOPOLOGIES = ('smpl', 'free_body')
GENDERS = ('neutral', 'male', 'female')
META_KEYS = frozenset(
    ('dataset', 'topology', 'joint_set', 'joint_set_3d', 'licence', 'source', 'split', 'notes')
    + ('converter', 'converter_args')
)
ROTVECS = ('global_orient', 'body_pose', 'global_orient_world')
MAX_ANGLE = 4 * np.pi  # a longer axis-angle is a unit mistake
MAX_LISTED = 100  # rows that one line of the log names
ROTATION_ATOL = 2e-3  # how far a stored rotation may be from an exact one (float32, rounded files)


def check_meta(path: Path, meta: Any, arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Check the meta of an annotation file.

    Args:
        path: The file, for messages.
        meta: What its JSON text says.
        arrays: Its columns: what they hold decides which keys are needed.

    Returns:
        The number of joints by the name of the meta key, for the columns' shapes.

    Raises:
        ValueError: A key is missing, unknown, or names something that does not exist.

    Shapes: none.
    """
    if not isinstance(meta, dict):
        raise ValueError(f'{path}: meta must be a JSON object, got {type(meta).__name__}')
    unknown = sorted(set(meta) - META_KEYS)
    if unknown:
        raise ValueError(
            f'{path}: unknown meta key(s) {unknown}; the known ones are {sorted(META_KEYS)}'
        )
    if not isinstance(meta.get('dataset'), str) or not meta['dataset']:
        raise ValueError(
            f"{path}: meta['dataset'] must be the data set's name, got {meta.get('dataset')!r}"
        )
    if meta.get('topology') not in TOPOLOGIES:
        raise ValueError(
            f"{path}: meta['topology'] is {meta.get('topology')!r}, must be one of {TOPOLOGIES}"
        )
    num_joints = dict(joint_set=0, joint_set_3d=0)
    for key, column in (('joint_set', 'keypoints_2d'), ('joint_set_3d', 'keypoints_3d')):
        name = meta.get(key, meta.get('joint_set'))
        if column not in arrays and name is None:
            continue
        if name not in JOINT_SETS:
            raise ValueError(
                f'{path}: meta[{key!r}] is {name!r}, must be one of {sorted(JOINT_SETS)}'
            )
        num_joints[key] = len(JOINT_SETS[name].joints)
    return num_joints


def row_problems(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, str]]:
    """What is wrong with single rows.

    Args:
        columns: Columns of the right types and shapes.

    Yields:
        Column name, mask (M,) of the bad rows, and what is wrong with them and what to do.

    Shapes: M rows.
    """
    for name, array in columns.items():
        if array.dtype.kind == 'f':
            bad = ~np.isfinite(array).reshape(len(array), -1).all(1)
            yield (
                name,
                bad,
                'holds NaN or infinity; a missing label is zeros and has_ False (confidence 0)',
            )
    yield 'img_path', np.char.str_len(columns['img_path']) == 0, 'is empty; name the photo'
    yield from _box_problems(columns)
    for name in ROTVECS:
        if name in columns:
            vectors = columns[name].reshape(len(columns[name]), -1, 3)
            bad = (np.linalg.norm(vectors, axis=-1) > MAX_ANGLE).any(1)
            yield name, bad, 'has an axis-angle longer than 4 pi; it must be in rad, not degrees'
    for name in ('keypoints_2d_conf', 'keypoints_3d_conf', 'bbox_score'):
        if name in columns:
            bad = (columns[name].reshape(len(columns[name]), -1) < 0).any(1)
            yield name, bad, 'is negative; a confidence is 0 (unlabelled) or more'
    if 'gender' in columns:
        yield 'gender', ~np.isin(columns['gender'], GENDERS), f'must be one of {GENDERS}'
    yield from _camera_problems(columns)
    yield from _world_problems(columns)


def drop_or_raise(
    path: Path,
    columns: dict[str, np.ndarray],
    problems: Iterator[tuple[str, np.ndarray, str]],
    on_bad_rows: Literal['error', 'drop'],
) -> dict[str, np.ndarray]:
    """Refuse the first bad row, or leave all bad rows out and log why.

    Args:
        path: The file, for messages.
        columns: The columns.
        problems: What `row_problems` yields.
        on_bad_rows: `error` or `drop`.

    Returns:
        The columns without bad rows.

    Raises:
        ValueError: A row is bad and `on_bad_rows` is `error`, or no row is left.

    Shapes: none.
    """
    num_rows = len(columns['bbox'])
    good = np.ones(num_rows, bool)
    for name, bad, text in problems:
        if not bad.any():
            continue
        row = int(bad.argmax())
        line = f'{path}: column {name!r}, row {row} {text} ({int(bad.sum())} of {num_rows} rows)'
        if on_bad_rows == 'error':
            raise ValueError(f"{line}, or drop such rows with on_bad_rows='drop'")
        rows = np.flatnonzero(bad).tolist()
        listed = ', '.join(map(str, rows[:MAX_LISTED])) + (', ...' if rows[MAX_LISTED:] else '')
        print_log(f'{line}: dropped, rows {listed}', 'current', logging.WARNING)
        good &= ~bad
    if not good.any():
        raise ValueError(
            f'{path}: holds no {"good " if num_rows else ""}row; convert the data set again'
        )
    return columns if good.all() else {name: array[good] for name, array in columns.items()}


def _box_problems(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, str]]:
    shape, box = columns['ori_shape'], columns['bbox']
    yield 'ori_shape', (shape <= 0).any(1), 'is not positive; it is H, W of the photo'
    yield (
        'bbox',
        ~((box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])),
        'has no area; it must be x1, y1, x2, y2',
    )
    inside = (
        (box[:, 2] > 0) & (box[:, 3] > 0) & (box[:, 0] < shape[:, 1]) & (box[:, 1] < shape[:, 0])
    )
    yield 'bbox', ~inside, 'lies outside the photo; check its pixels against ori_shape (H, W)'


def _camera_problems(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, str]]:
    if 'intrinsics' in columns:
        k = columns['intrinsics']
        there = columns.get('has_focal_length', np.ones(len(k), bool))
        form = (k[:, 2] == (0, 0, 1)).all(1) & (k[:, 0, 1] == 0) & (k[:, 1, 0] == 0)
        good = form & (k[:, 0, 0] > 0) & (k[:, 1, 1] > 0)
        yield 'intrinsics', there & ~good, 'is not [[f, 0, cx], [0, f, cy], [0, 0, 1]] with f > 0'
    if 'cam_t' in columns:
        there = columns.get('has_cam_t', np.ones(len(columns['cam_t']), bool))
        yield (
            'cam_t',
            there & (columns['cam_t'][:, 2] <= 0),
            'lies behind the camera; z must be positive',
        )


def _world_problems(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, str]]:
    num_rows = len(columns['bbox'])
    everywhere, nowhere = np.ones(num_rows, bool), np.zeros(num_rows, bool)
    has_smpl = columns.get('has_smpl', everywhere if 'global_orient' in columns else nowhere)
    has_world2cam = columns.get(
        'has_world2cam', everywhere if 'world2cam_rotmat' in columns else nowhere
    )
    if 'world2cam_rotmat' in columns:
        r = columns['world2cam_rotmat'].astype(np.float64)
        far = np.abs(r @ r.transpose(0, 2, 1) - np.eye(3)).max((1, 2)) > ROTATION_ATOL
        bad = has_world2cam & (far | (np.linalg.det(r) < 0))
        yield 'world2cam_rotmat', bad, 'is no rotation matrix'
        yaw = np.abs(r[:, 0, 2]) > ROTATION_ATOL
        advice = 'is not Rx(pitch) Rz(roll): make it with whmr.geometry.world2cam_from_extrinsics'
        yield 'world2cam_rotmat', has_world2cam & ~bad & yaw, advice
    if 'has_world' in columns:
        source = 'global_orient_world' in columns or has_world2cam
        yield (
            'has_world',
            columns['has_world'] & ~(has_smpl & source),
            'is True without the body and camera labels',
        )
    if 'global_orient_world' in columns:
        has_world = columns.get('has_world', has_smpl)
        yield 'global_orient_world', has_world & ~has_smpl, 'needs has_smpl'
        orient = _rotmat(columns['global_orient'])
        world2cam = orient @ _rotmat(columns['global_orient_world']).transpose(0, 2, 1)
        yaw = np.abs(world2cam[:, 0, 2]) > ROTATION_ATOL
        advice = 'is not in the yaw-free world: make it with whmr.geometry.camera_to_world_orient'
        yield 'global_orient_world', has_world & has_smpl & yaw, advice
        if 'world2cam_rotmat' in columns:
            far = np.abs(world2cam - columns['world2cam_rotmat']).max((1, 2)) > ROTATION_ATOL
            advice = 'disagrees with world2cam_rotmat^T @ global_orient'
            yield 'global_orient_world', has_world & has_smpl & has_world2cam & far, advice


def _rotmat(rotvec: np.ndarray) -> np.ndarray:
    return axis_angle_to_rotmat(torch.from_numpy(rotvec).double()).numpy()
