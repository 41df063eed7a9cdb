"""A short clip of two people, the second of them away for two frames."""

import numpy as np
import pytest
import torch

from whmr.apis import gather_results
from whmr.body_models import FreeBody
from whmr.testing import clip_results
from whmr.visualization.export import ResultsTable

NUM_FRAMES = 6
FPS = 25.0


@pytest.fixture(scope='session')
def body() -> FreeBody:
    """The bundled body."""
    return FreeBody()


@pytest.fixture(scope='session')
def table(body: FreeBody) -> ResultsTable:
    """The clip's results, with vertices."""
    clip = clip_results(NUM_FRAMES, 2, absent=(2, 3))
    return gather_results(clip, body, fps=FPS, meshes=True)


@pytest.fixture(scope='session')
def truth(table: ResultsTable, body: FreeBody) -> dict[str, np.ndarray]:
    """Joints of each row from the body model alone, m, y up, per space: (R, 24, 3)."""
    found = {}
    for space, suffix in (('camera', ''), ('world', '_world')):
        orient = getattr(table, f'global_orient{suffix}_rotmat')
        inputs = (table.betas, orient, table.body_pose_rotmat)
        joints = body(*(torch.from_numpy(part) for part in inputs)).joints[:, :24].numpy()
        place = getattr(table, f'pelvis_{space}') - joints[:, 0]
        found[space] = (joints + place[:, None]) * np.array([1, -1, -1])
    return found
