"""SMPL, read from the user's own files."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from whmr.body_models.atlas import BodyAtlas
from whmr.body_models.base import NUM_JOINTS, BodyArrays, BodyModel, BodyTables, MeanParams
from whmr.body_models.joint_regressor import JointRegressor
from whmr.body_models.pyramid import MeshPyramid, PyramidLevel, SparseRows
from whmr.body_models.smpl_readers import (
    NUM_VERTICES,
    read_atlas,
    read_downsampling,
    read_markers,
    read_mean_params,
    read_model,
    read_regressor,
)
from whmr.body_models.vertex_set import VertexSet
from whmr.geometry import rot6d_to_rotmat
from whmr.keypoints import JOINT_SETS
from whmr.registry import BODY_MODELS

TOPOLOGY = 'smpl'
# The file that each table is read from, in the same folder as the model.
TABLE_FILES = {
    'extra_joints': 'J_regressor_extra.npy',
    'h36m17': 'J_regressor_h36m.npy',
    'markers': 'smpl_ssm.npy',
    'mean_params': 'smpl_mean_params.npz',
    'pyramid': 'mesh_downsampling_plain.npz',
    'atlas': 'smpl_uv_atlas.npz',
}


@BODY_MODELS.register_module()
class SMPL(BodyModel):
    """SMPL (Loper et al., SIGGRAPH Asia 2015) from the user's own files, through `smplx`.

    Nothing of SMPL comes with this library. The folder `model_path` holds:

    - `SMPL_{NEUTRAL,MALE,FEMALE}.npz`: the model as plain arrays `v_template`, `shapedirs`,
      `posedirs`, `J_regressor` (dense), `weights`, `kintree_table`, `f`. The official files are
      pickles, which can run code when they are read: `tools/misc/convert_smpl.py` makes this
      folder from them without running any.
    - `J_regressor_extra.npy` (9, 6890): the last nine joints of `smpl54`; every forward pass needs
      it.
    - `J_regressor_h36m.npy` (17, 6890), `smpl_ssm.npy` (67 marker ids), `smpl_mean_params.npz`
      (`pose` 144 numbers, `shape`, `cam`), `mesh_downsampling_plain.npz` (`D0`, `D1`, `U0`, `U1`,
      `A1`, `A2`, each as `_row`, `_col`, `_val`, `_shape`), `smpl_uv_atlas.npz` (`part` (13776,)
      1..24, `uv` (13776, 3, 2)): each needed only where it is used.

    Args:
        model_path: Folder with the files.
        gender: 'neutral', 'male' or 'female'.
        num_betas: How many shape coefficients to use.

    Raises:
        ImportError: `smplx` is not installed.
        FileNotFoundError: The model file is missing; or, later, the file of a table that is used.
        BodyFileError: A file is of another body or has wrong arrays; the message lists all.
        ValueError: The model is there only as a pickle, or a file is damaged.
    """

    def __init__(
        self,
        model_path: str | Path = 'data/body_models/smpl',
        gender: str = 'neutral',
        *,
        num_betas: int = 10,
    ) -> None:
        if gender not in ('neutral', 'male', 'female'):
            raise ValueError(f"SMPL gender must be 'neutral', 'male' or 'female', got {gender!r}")
        self.folder = Path(model_path)
        arrays, landmarks = _read_model(self.folder, gender, num_betas)
        tables = _read_tables(self.folder, landmarks, arrays)
        super().__init__(arrays, tables, topology=TOPOLOGY)

    def _missing_table(self, name: str) -> str:
        path = self.folder / TABLE_FILES[name]
        return (
            f'SMPL needs {path} for its {name}: put the file there, or use FreeBody, '
            'which brings its own'
        )

    def _missing_regressor(self, name: str) -> Exception:
        if name in TABLE_FILES:
            return FileNotFoundError(self._missing_table(name))
        return super()._missing_regressor(name)


def _read_model(folder: Path, gender: str, num_betas: int) -> tuple[BodyArrays, VertexSet]:
    """The skinned body and its 21 landmarks, through smplx."""
    path = folder / f'SMPL_{gender.upper()}.npz'
    if not path.is_file():
        _refuse_missing_model(path)
    smplx = _import_smplx()
    arrays = read_model(path)
    available = arrays['shapedirs'].shape[2]
    if not 1 <= num_betas <= available:
        raise ValueError(
            f'{path} has {available} shape coefficients, num_betas={num_betas} were asked for'
        )
    with contextlib.redirect_stdout(io.StringIO()):  # smplx prints a note on the number of betas
        layer = smplx.SMPL(
            str(path),
            data_struct=smplx.utils.Struct(**arrays),
            gender=gender,
            num_betas=num_betas,
        )
    ids = smplx.vertex_ids.vertex_ids['smplh']
    names = JOINT_SETS['smpl45'].joints[NUM_JOINTS:]
    index = np.array([ids[_smplx_name(name)] for name in names])
    num_vertices = len(layer.v_template)
    body = BodyArrays(
        v_template=layer.v_template.numpy(),
        shapedirs=layer.shapedirs.numpy(),
        posedirs=layer.posedirs.T.reshape(num_vertices, 3, -1).numpy(),
        weights=layer.lbs_weights.numpy(),
        j_regressor=layer.J_regressor.numpy(),
        parents=layer.parents.numpy(),
        faces=layer.faces_tensor.numpy(),
    )
    return body, VertexSet(index, names, topology=TOPOLOGY)


def _smplx_name(landmark: str) -> str:
    """smplx's name of one of our landmarks: `left_big_toe` -> `LBigToe`, `right_eye` -> `reye`."""
    side, _, rest = landmark.partition('_')
    if not rest:
        return landmark
    if rest in ('big_toe', 'small_toe', 'heel'):
        return side[0].upper() + rest.title().replace('_', '')
    return side[0] + rest


def _import_smplx() -> ModuleType:
    try:
        import smplx
        import smplx.utils
        import smplx.vertex_ids
    except ImportError as error:
        raise ImportError(
            'SMPL is read through the package smplx: pip install smplx (its licence is '
            'non-commercial), or use FreeBody, which does not need it'
        ) from error
    return smplx


def _refuse_missing_model(path: Path) -> None:
    pickles = sorted(path.parent.glob('*.pkl')) if path.parent.is_dir() else []
    if pickles:
        raise ValueError(
            f'{pickles[0]} is a pickle, which can run code when it is read: make {path.name} of it '
            f'with python tools/misc/convert_smpl.py {path.parent}'
        )
    raise FileNotFoundError(
        f'{path} is missing: get SMPL from https://smpl.is.tue.mpg.de (registration, own licence), '
        f'then python tools/misc/convert_smpl.py DOWNLOADS --out {path.parent}; or use FreeBody, '
        'which needs no file'
    )


def _read_tables(folder: Path, landmarks: VertexSet, arrays: BodyArrays) -> BodyTables:
    """Every table whose file is there."""

    def table(name: str, read: Callable[[Path], Any]) -> Any:
        path = folder / TABLE_FILES[name]
        return read(path) if path.is_file() else None

    def regressor(joints: tuple[str, ...]) -> Callable[[Path], JointRegressor]:
        def read(path: Path) -> JointRegressor:
            return JointRegressor(read_regressor(path, len(joints)), joints, topology=TOPOLOGY)

        return read

    def markers(path: Path) -> VertexSet:
        index = read_markers(path)
        return VertexSet(index, [f'marker{i}' for i in range(len(index))], topology=TOPOLOGY)

    h36m = table('h36m17', regressor(JOINT_SETS['h36m17'].joints))
    return BodyTables(
        landmarks=landmarks,
        extra_joints=table('extra_joints', regressor(JOINT_SETS['smpl54'].joints[45:])),
        markers=table('markers', markers),
        regressors={} if h36m is None else {'h36m17': h36m},
        pyramid=table('pyramid', lambda path: _pyramid(read_downsampling(path))),
        atlas=table('atlas', lambda path: BodyAtlas(**read_atlas(path), topology=TOPOLOGY)),
        mean_params=table('mean_params', lambda path: _mean_params(path, arrays)),
    )


def _pyramid(data: dict[str, np.ndarray]) -> MeshPyramid:
    def triplets(name: str) -> tuple[np.ndarray, ...]:
        return tuple(data[f'{name}_{field}'] for field in ('row', 'col', 'val'))

    def level(number: int) -> PyramidLevel:
        coarse, fine = (int(n) for n in data[f'D{number}_shape'])
        return PyramidLevel(
            down=SparseRows.from_triplets(*triplets(f'D{number}'), num_rows=coarse),
            up=SparseRows.from_triplets(*triplets(f'U{number}'), num_rows=fine),
            edges=np.stack(triplets(f'A{number + 1}')[:2], axis=1),
        )

    return MeshPyramid((level(0), level(1)), topology=TOPOLOGY, num_vertices=NUM_VERTICES)


def _mean_params(path: Path, arrays: BodyArrays) -> MeanParams:
    data, num_betas = read_mean_params(path), arrays.shapedirs.shape[2]
    if len(data['shape']) < num_betas:
        raise ValueError(
            f"{path}: 'shape' must have at least {num_betas} numbers, got {len(data['shape'])}"
        )
    rotations = rot6d_to_rotmat(torch.from_numpy(data['pose']).reshape(NUM_JOINTS, 6))
    return MeanParams(
        global_orient=rotations[:1],
        body_pose=rotations[1:],
        betas=torch.from_numpy(data['shape'][:num_betas]),
        weak_cam=torch.from_numpy(data['cam']),
    )
