"""The bundled body, random poses, and what smplx computes on the same arrays."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from whmr.body_models import BodyArrays, FreeBody, load_free_body_arrays
from whmr.geometry import axis_angle_to_rotmat


@pytest.fixture(scope='session')
def body() -> FreeBody:
    """The free body."""
    return FreeBody()


@pytest.fixture(scope='session')
def arrays() -> BodyArrays:
    """Its arrays."""
    return load_free_body_arrays()


@pytest.fixture
def pose(generator: torch.Generator) -> dict[str, Tensor]:
    """Five random bodies, as rotation matrices."""
    return random_pose(5, generator)


def random_pose(batch: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Random bodies: arguments of a body model's forward."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        'betas': normal(batch, 10),
        'global_orient': axis_angle_to_rotmat(normal(batch, 1, 3)),
        'body_pose': axis_angle_to_rotmat(0.4 * normal(batch, 23, 3)),
    }


def smpl_fields(arrays: BodyArrays) -> dict[str, np.ndarray]:
    """A body's arrays under the names of SMPL's files."""
    tree = np.stack([arrays.parents, np.arange(24)]).astype(np.int64)
    tree[0, 0] = 2**32 - 1
    return {
        'v_template': arrays.v_template,
        'shapedirs': arrays.shapedirs,
        'posedirs': arrays.posedirs,
        'J_regressor': arrays.j_regressor,
        'weights': arrays.weights,
        'kintree_table': tree,
        'f': arrays.faces.astype(np.uint32),
    }


def smplx_model(arrays: BodyArrays) -> Any:
    """smplx's own SMPL layer on the same arrays."""
    smplx = pytest.importorskip('smplx')
    from smplx.utils import Struct

    with contextlib.redirect_stdout(io.StringIO()):
        return smplx.SMPL('unused', data_struct=Struct(**smpl_fields(arrays)))
