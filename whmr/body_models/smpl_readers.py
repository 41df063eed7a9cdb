"""Readers of SMPL's files: each gives plain arrays, or lists all that is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from whmr.fileio import CHUMPY, NUMPY, SCIPY_SPARSE, SparseMatrix, load_npz, load_pickle, to_numpy

MODEL_KEYS = (
    'v_template',
    'shapedirs',
    'posedirs',
    'J_regressor',
    'weights',
    'kintree_table',
    'f',
)
NUM_VERTICES, NUM_FACES, NUM_JOINTS, MIN_BETAS = 6890, 13776, 24, 10
LEVELS = (NUM_VERTICES, 1723, 431)
_FOREIGN = NUMPY | SCIPY_SPARSE | CHUMPY
# Vertices and joints of SMPL's relatives, to say which body a file is of.
_RELATIVES = {(6890, 52): 'SMPL+H', (10475, 55): 'SMPL-X', (778, 16): 'MANO', (5023, 5): 'FLAME'}
_ENDS = ('row', 'col', 'val', 'shape')


class BodyFileError(ValueError):
    """A file is no part of SMPL as it should be; the message lists all that is wrong with it."""


def read_model(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a body model: an official pickle, or an `.npz` with the same names.

    Returns:
        `v_template`, `shapedirs`, `posedirs`, `J_regressor` (dense), `weights` in float32,
        `kintree_table` (the root's parent is -1) and `f` as integers.

    Raises:
        BodyFileError: The file is of another body, or something in it is wrong.
        UnsafePickleError: The file names something that is not part of a body model.
        ValueError: The file is damaged.

    Shapes: V = 6890 vertices, F = 13776 faces, J = 24 joints, S betas.
        v_template: (V, 3).  shapedirs: (V, 3, S).  posedirs: (V, 3, 207).  J_regressor: (J, V).
        weights: (V, J).  kintree_table: (2, J).  f: (F, 3).
    """
    data = load_npz(path) if path.suffix == '.npz' else load_pickle(path, allowed=_FOREIGN)
    if not isinstance(data, dict):
        raise BodyFileError(f'{path} is no body model: it holds a {type(data).__name__}')
    missing = [key for key in MODEL_KEYS if key not in data]
    if missing:
        raise BodyFileError(f'{path} is no SMPL body model: it lacks {", ".join(missing)}')
    arrays = {key: to_numpy(data[key]) for key in MODEL_KEYS}
    _refuse(path, _model_problems(arrays))
    tree = arrays['kintree_table'].astype(np.int64)
    tree[0, 0] = -1
    plain = {key: arrays[key].astype(np.float32) for key in MODEL_KEYS[:5]}
    return plain | {'kintree_table': tree, 'f': arrays['f'].astype(np.int64)}


def read_regressor(path: Path, num_joints: int) -> np.ndarray:
    """A joint regressor.

    Raises:
        BodyFileError: It is of another body or another set of joints.

    Shapes: K joints, V = 6890 vertices.
        returns: (K, V) float32.
    """
    weight = _plain(path)
    if weight.shape != (num_joints, NUM_VERTICES):
        raise BodyFileError(
            f'{path}: the matrix must have shape {(num_joints, NUM_VERTICES)}, got {weight.shape}'
        )
    _refuse(path, _numbers({'the matrix': weight}))
    return weight.astype(np.float32)


def read_downsampling(path: Path) -> dict[str, np.ndarray]:
    """The coarser meshes: `mesh_downsampling.npz` with pickled scipy matrices, or the plain form.

    Returns:
        `D0`, `D1` (down), `U0`, `U1` (up), `A1`, `A2` (neighbours of the coarser ones), each as
        `_row`, `_col`, `_val`, `_shape`.

    Raises:
        BodyFileError: A matrix is missing or does not fit on 6890, 1723 and 431 vertices.
        UnsafePickleError: The file names something else than sparse matrices.
        ValueError: The file is damaged.
    """
    data = load_npz(path, allowed=NUMPY | SCIPY_SPARSE)
    coarser = list(zip(LEVELS[1:], LEVELS))
    shapes = {f'D{i}': pair for i, pair in enumerate(coarser)}
    shapes |= {f'U{i}': pair[::-1] for i, pair in enumerate(coarser)}
    shapes |= {f'A{i}': (size, size) for i, size in enumerate(LEVELS) if i}
    arrays, problems = {}, []
    for name, shape in shapes.items():
        entries = _entries(data, name)
        if entries is None:
            problems.append(f'{name} is missing')
            continue
        rows, columns, values, found = entries
        if tuple(found) != shape:
            problems.append(f'{name} must have shape {shape}, got {tuple(found)}')
        elif not rows.shape == columns.shape == values.shape:
            problems.append(f'{name} has {len(values)} values for {len(rows)} positions')
        elif any(
            len(index) and not 0 <= index.min() <= index.max() < size
            for index, size in zip((rows, columns), shape)
        ):
            problems.append(f'{name} has entries outside of {shape}')
        arrays |= {f'{name}_{end}': part for end, part in zip(_ENDS, entries)}
    _refuse(path, problems)
    return arrays


def read_mean_params(path: Path) -> dict[str, np.ndarray]:
    """The mean pose (6D), shape and camera that regressors start from.

    Raises:
        BodyFileError: An array is missing or has another size.
        ValueError: The file is damaged.
    """
    data = load_npz(path)
    sizes = {'pose': 6 * NUM_JOINTS, 'shape': MIN_BETAS, 'cam': 3}
    problems = [f'{key} is missing' for key in sizes if key not in data]
    problems += [
        f'{key} must hold {size} numbers, holds {data[key].size}'
        for key, size in sizes.items()
        if key in data and data[key].size != size
    ]
    _refuse(path, problems or _numbers({key: data[key] for key in sizes}))
    return {key: data[key].astype(np.float32).reshape(-1) for key in sizes}


def read_markers(path: Path) -> np.ndarray:
    """Vertices of the markers, in the file's order.

    Either a list or array of ids, or a mapping from marker to id (also MoSh's `markersets`).

    Raises:
        BodyFileError: The file holds something else, or ids that are not vertices.
        ValueError: The file is damaged.

    Shapes: M markers.
        returns: (M,).
    """
    if path.suffix == '.json':
        try:
            index = np.asarray(_marker_ids(json.loads(path.read_text(encoding='utf-8'))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BodyFileError(f'{path} is no list or table of marker vertices') from error
    else:
        index = _plain(path).reshape(-1)
    problems = []
    if index.ndim != 1 or index.dtype.kind not in 'iu' or not index.size:
        problems = [f'marker vertices must be whole numbers in a list, got {index.dtype}']
    elif index.min() < 0 or index.max() >= NUM_VERTICES:
        problems = [f'marker vertices must lie in 0..{NUM_VERTICES - 1}, got up to {index.max()}']
    elif len(np.unique(index)) != len(index):
        problems = ['two markers lie on the same vertex']
    _refuse(path, problems)
    return index.astype(np.int64)


def read_atlas(path: Path) -> dict[str, np.ndarray]:
    """Part and texture coordinates of each face.

    Raises:
        BodyFileError: An array is missing or has another shape.
        ValueError: The file is damaged.
    """
    data = load_npz(path)
    shapes = {'part': (NUM_FACES,), 'uv': (NUM_FACES, 3, 2)}
    _refuse(path, _shape_problems(data, shapes))
    return {key: data[key] for key in shapes}


def _model_problems(arrays: dict[str, np.ndarray]) -> list[str]:
    """All that is wrong with the arrays of a body model."""
    vertices, tree = arrays['v_template'], arrays['kintree_table']
    counts = (np.atleast_1d(vertices).shape[0], np.atleast_1d(tree).shape[-1])
    if counts in _RELATIVES:
        return [f'it is {_RELATIVES[counts]} ({counts[0]} vertices, {counts[1]} joints), not SMPL']
    num_betas = arrays['shapedirs'].shape[-1] if arrays['shapedirs'].ndim else 0
    problems = _shape_problems(
        arrays,
        {
            'v_template': (NUM_VERTICES, 3),
            'shapedirs': (NUM_VERTICES, 3, max(num_betas, MIN_BETAS)),
            'posedirs': (NUM_VERTICES, 3, 9 * (NUM_JOINTS - 1)),
            'J_regressor': (NUM_JOINTS, NUM_VERTICES),
            'weights': (NUM_VERTICES, NUM_JOINTS),
            'kintree_table': (2, NUM_JOINTS),
            'f': (NUM_FACES, 3),
        },
    ) or _numbers(arrays)
    if problems:
        return problems
    for key in ('kintree_table', 'f'):
        if arrays[key].dtype.kind not in 'iu':
            problems.append(f'{key} must hold whole numbers, holds {arrays[key].dtype}')
    if problems:
        return problems
    parents = arrays['kintree_table'][0, 1:].astype(np.int64)
    if (parents < 0).any() or (parents >= np.arange(1, NUM_JOINTS)).any():
        problems.append('kintree_table: a joint does not come after its parent')
    if arrays['f'].min() < 0 or arrays['f'].max() >= NUM_VERTICES:
        problems.append('f names vertices that are not there')
    if not np.allclose(arrays['weights'].sum(axis=1), 1, atol=1e-2):
        problems.append('the rows of weights do not sum to 1')
    return problems


def _shape_problems(arrays: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]) -> list[str]:
    problems = [f'{key} is missing' for key in shapes if key not in arrays]
    return problems + [
        f'{key} must have shape {shape}, got {arrays[key].shape}'
        for key, shape in shapes.items()
        if key in arrays and arrays[key].shape != shape
    ]


def _numbers(arrays: dict[str, np.ndarray]) -> list[str]:
    """Which arrays hold something else than finite numbers."""
    return [
        f'{key} holds {"NaN or infinite numbers" if array.dtype.kind == "f" else array.dtype}'
        for key, array in arrays.items()
        if array.dtype.kind not in 'iuf' or not np.isfinite(array).all()
    ]


def _refuse(path: Path, problems: list[str]) -> None:
    if problems:
        raise BodyFileError(f'{path}: ' + '; '.join(problems))


def _plain(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BodyFileError(
            f'{path} is no plain array of numbers, or is damaged: save it again as one'
        ) from error


def _entries(data: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, ...] | None:
    """Rows, columns, values and shape of a sparse matrix; None: the file has no such matrix."""
    if all(f'{name}_{end}' in data for end in _ENDS):
        return tuple(data[f'{name}_{end}'] for end in _ENDS)
    matrices = data.get(name[0])
    number = int(name[1])
    if matrices is None or matrices.ndim != 1 or len(matrices) <= number:
        return None
    matrix = matrices[number]
    if not isinstance(matrix, SparseMatrix):
        return None
    rows, columns, values = matrix.entries()
    keep = values != 0
    return (
        rows[keep],
        columns[keep],
        values[keep].astype(np.float32),
        np.array(matrix.shape, np.int64),
    )


def _marker_ids(content: Any) -> list[int]:
    if isinstance(content, dict) and 'markersets' in content:
        return [i for group in content['markersets'] for i in group['indices'].values()]
    return list(content.values()) if isinstance(content, dict) else list(content)
