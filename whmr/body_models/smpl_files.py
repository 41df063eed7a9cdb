"""Finding the files of SMPL under the names they are distributed under."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from whmr.body_models.smpl import TABLE_FILES
from whmr.body_models.smpl_readers import (
    BodyFileError,
    read_atlas,
    read_downsampling,
    read_markers,
    read_mean_params,
    read_model,
    read_regressor,
)

_GENDERS = {'female': ('female', '_f_'), 'male': ('male', '_m_'), 'neutral': ('neutral', '_n_')}
# Table -> names its file is distributed under, what needs it, its reader.
_TABLES: dict[str, tuple[tuple[str, ...], str, Callable]] = {
    'extra_joints': (
        ('j_regressor_extra.npy',),
        'every forward pass',
        lambda path: read_regressor(path, 9),
    ),
    'h36m17': (
        ('j_regressor_h36m.npy',),
        'MPJPE on Human3.6M joints',
        lambda path: read_regressor(path, 17),
    ),
    'markers': (
        ('smpl_ssm.npy', 'smpl_ssm.json', 'smpl_markers.json', 'ssm.json'),
        'models that sample features at markers',
        read_markers,
    ),
    'mean_params': (('smpl_mean_params.npz',), 'every estimator', read_mean_params),
    'pyramid': (
        ('mesh_downsampling.npz', 'mesh_downsampling_plain.npz'),
        'models that sample features at vertices, vertex losses',
        read_downsampling,
    ),
    'atlas': (('smpl_uv_atlas.npz',), 'training with IUV maps', read_atlas),
}


class SmplFile(NamedTuple):
    """One file of the folder that `SMPL` reads, and where it is made from."""

    target: str  # its name in the folder
    needed_for: str
    source: Path | None  # None: not found
    read: Callable[[Path], dict[str, np.ndarray] | np.ndarray]

    def content(self) -> bytes:
        """What is written to the folder.

        Raises:
            BodyFileError: The source is not what it should be.
            UnsafePickleError: The source names something that may not be read from it.
            ValueError: The source is damaged.
        """
        arrays, file = self.read(self.source), io.BytesIO()
        if isinstance(arrays, dict):
            np.savez(file, **arrays)
        else:
            np.save(file, arrays, allow_pickle=False)
        return file.getvalue()


def find_smpl_files(folder: str | Path) -> list[SmplFile]:
    """Which of SMPL's files lie in a folder or below, by the names they are distributed under.

    Args:
        folder: Where to look.

    Raises:
        FileNotFoundError: There is no such folder.
        BodyFileError: Two files could be the same part.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder} is no folder')
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    models = [path for path in files if _is_model(path)]
    found = []
    for gender in ('neutral', 'male', 'female'):
        target = f'SMPL_{gender.upper()}.npz'
        source = _choose([path for path in models if _gender(path) == gender], target)
        found.append(SmplFile(target, f"SMPL(gender='{gender}')", source, read_model))
    for table, (names, needed_for, read) in _TABLES.items():
        target = TABLE_FILES[table]
        source = _choose([path for path in files if path.name.lower() in names], target)
        found.append(SmplFile(target, needed_for, source, read))
    return found


def _is_model(path: Path) -> bool:
    name = path.name.lower()
    known = name.startswith(('smpl_', 'basicmodel'))
    return known and path.suffix in ('.pkl', '.npz') and _gender(path) is not None


def _gender(path: Path) -> str | None:
    name = path.stem.lower()
    return next((g for g, marks in _GENDERS.items() if any(m in name for m in marks)), None)


def _choose(paths: list[Path], target: str) -> Path | None:
    """The one source of `target`; a file of that name is taken before one it can be made from."""
    paths = [path for path in paths if path.name == target] or paths
    if len(paths) > 1:
        raise BodyFileError(
            f'{len(paths)} files could become {target}: {", ".join(map(str, paths))}; '
            'keep one of them in the folder'
        )
    return paths[0] if paths else None
