"""Shared by the tests of the synthetic world: its body, and a tiny world made once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from whmr.body_models import FreeBody
from whmr.datasets.synthetic import (
    SyntheticWorldGenerator,
    SyntheticWorldSettings,
)

TINY = SyntheticWorldSettings(image_size=(128, 96))


@pytest.fixture(scope='session')
def body() -> FreeBody:
    """The bundled body."""
    return FreeBody()


@pytest.fixture(scope='session')
def rest_joints(body: FreeBody) -> np.ndarray:
    """(24, 3) joints of the rest pose."""
    output = body(torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 69))
    return output.joints[0, :24].double().numpy()


@pytest.fixture(scope='session')
def settings() -> SyntheticWorldSettings:
    """Tiny images."""
    return TINY


@pytest.fixture(scope='session')
def generator_() -> SyntheticWorldGenerator:
    """A generator of tiny images."""
    return SyntheticWorldGenerator(TINY)


@pytest.fixture(scope='session')
def images(generator_: SyntheticWorldGenerator) -> list:
    """The first images of the tiny world."""
    return [generator_(index) for index in range(16)]


@pytest.fixture
def other_seed() -> SyntheticWorldSettings:
    """The tiny world with another seed."""
    return replace(TINY, seed=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where worlds are kept."""
    return tmp_path / 'worlds'
