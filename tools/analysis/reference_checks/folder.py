"""A folder of reference numbers, and what else they were computed on."""

import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whmr.body_models import find_smpl_files
from whmr.fileio import write_files

DEFAULT = Path(__file__).resolve().parents[3] / 'tests' / 'data' / 'reference'
_CASE = re.compile(r'(?:eval|train)_(?P<variant>.+?)(?:_stage(?P<stage>\d))?')


@dataclass(frozen=True)
class Case:
    """One recorded run: a forward pass in evaluation (`stage` is None), or a training step."""

    path: Path
    variant: str
    stage: int | None

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @cached_property
    def data(self) -> dict[str, np.ndarray]:
        """Every array of the file."""
        with np.load(self.path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}

    @cached_property
    def terms(self) -> dict[str, Any]:
        """What the file beside it says of losses and gradients."""
        return json.loads(self.path.with_suffix('.json').read_text(encoding='utf-8'))

    def tensor(self, name: str, dtype: torch.dtype) -> Tensor:
        """An input as a tensor."""
        return torch.from_numpy(self.data[f'in_{name}']).to(dtype)


class ReferenceFolder:
    """Reference numbers in a folder; what a folder lacks of shared files comes from our own copy.

    Args:
        path: The folder.

    Raises:
        FileNotFoundError: The folder holds no `eval_*.npz` and no `train_*_stage*.npz`.
    """

    def __init__(self, path: str | Path = DEFAULT) -> None:
        self.path = Path(path)
        files = sorted([*self.path.glob('eval_*.npz'), *self.path.glob('train_*_stage*.npz')])
        if not files:
            raise FileNotFoundError(
                f'{self.path} holds no eval_*.npz and no train_*_stage*.npz to compare with'
            )
        self.cases = tuple(_case(file) for file in files)

    def file(self, name: str) -> Path:
        """A shared file, of this folder or else of our copy.

        Raises:
            FileNotFoundError: Neither has it.
        """
        for folder in (self.path, DEFAULT):
            if (folder / name).is_file():
                return folder / name
        raise FileNotFoundError(f'{name} is neither in {self.path} nor in {DEFAULT}')

    def keys(self, variant: str) -> dict[str, Any]:
        """What is recorded of a variant: keys of its checkpoint, its settings, its noise."""
        return json.loads(self.file(f'keys_{variant}.json').read_text(encoding='utf-8'))

    def state_dict(self, variant: str) -> dict[str, Tensor]:
        """The release's checkpoint: every learned tensor from its key."""
        fill = self._module('fill').fill
        filled = self.keys(variant)['filled']
        return {key: torch.from_numpy(fill(key, tuple(shape))) for key, shape in filled.items()}

    def image(self, pixels: np.ndarray, repeat: int) -> Tensor:
        """Photos as the network takes them, from the small ones that are recorded."""
        return torch.from_numpy(self._module('inputs').normalise(pixels, repeat))

    def write_body(self, folder: Path) -> None:
        """The stand-in for SMPL, as the folder that `SMPL` reads."""
        downloads = folder / 'downloads'
        downloads.mkdir(parents=True)
        np.savez(downloads / 'SMPL_NEUTRAL.npz', **self.body_arrays())
        for name in (
            'J_regressor_extra.npy',
            'J_regressor_h36m.npy',
            'smpl_ssm.npy',
            'smpl_mean_params.npz',
            'mesh_downsampling_plain.npz',
        ):
            (downloads / name).symlink_to(self.file(name).resolve())
        found = [file for file in find_smpl_files(downloads) if file.source is not None]
        write_files({folder / file.target: file.content() for file in found})

    def body_arrays(self) -> dict[str, np.ndarray]:
        """The stand-in's arrays under the names of SMPL's file."""
        with np.load(self.file('smpl_synth.npz'), allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
        entries = [arrays.pop(f'J_regressor_{part}') for part in ('rows', 'cols', 'vals')]
        regressor = np.zeros((24, len(arrays['v_template'])), np.float32)
        regressor[entries[0], entries[1]] = entries[2]
        if 'posedirs' not in arrays:
            arrays['posedirs'] = unpack_posedirs(arrays)
        return arrays | {'J_regressor': regressor}

    def _module(self, name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f'reference_{name}', self.file(f'{name}.py'))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def unpack_posedirs(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Pose directions from their factors: per joint, vertices x 9 times 9 x 27.

    Shapes: V vertices, E vertices that a joint moves, over all joints.
        posedirs_joint, posedirs_vertex: (E,).  posedirs_left: (E, 9).
        posedirs_right: (23, 9, 27).  returns: (V, 3, 207).
    """
    joint, vertex = arrays.pop('posedirs_joint'), arrays.pop('posedirs_vertex')
    left = arrays.pop('posedirs_left').astype(np.float64)
    right = arrays.pop('posedirs_right').astype(np.float64)
    values = np.einsum('ek,ekc->ec', left, right[joint]).reshape(-1, 3, 9)
    dirs = np.zeros((len(arrays['v_template']), 3, 23, 9))
    dirs[vertex, :, joint] = values
    return dirs.reshape(-1, 3, 207)


def _case(path: Path) -> Case:
    match = _CASE.fullmatch(path.stem)
    stage = match['stage']
    return Case(path, match['variant'], None if stage is None else int(stage))
