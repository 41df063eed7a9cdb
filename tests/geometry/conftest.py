"""The reference numbers of the pure functions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

UNITS = Path(__file__).resolve().parents[1] / 'data' / 'reference_units.npz'


@pytest.fixture(scope='session')
def unit() -> Callable[[str], Tensor]:
    """A function from `name/field` to the reference array as a tensor."""
    with np.load(UNITS, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return lambda name: torch.from_numpy(arrays[name])
