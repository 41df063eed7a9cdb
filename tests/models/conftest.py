"""Shared by the model tests: the reference numbers and two checks that every module must pass."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

UNITS = Path(__file__).resolve().parents[1] / 'data' / 'reference_units.npz'


@pytest.fixture(scope='session')
def units() -> Callable[[str], Tensor]:
    """Reference tensor by its `function/field` name."""
    with np.load(UNITS, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return lambda name: torch.from_numpy(np.asarray(arrays[name]))


@pytest.fixture(scope='session')
def assert_all_trained() -> Callable[[nn.Module, Tensor], None]:
    """Every parameter of a module receives a finite gradient from a value, and not a zero one."""

    def check(module: nn.Module, value: Tensor) -> None:
        module.zero_grad()
        value.backward()
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, f'{name} has no gradient'
            assert torch.isfinite(parameter.grad).all(), f'{name} has a gradient that is not finite'
            assert parameter.grad.abs().max() > 0, f'{name} has a zero gradient'

    return check


@pytest.fixture(scope='session')
def wiggle() -> Callable[[nn.Module], nn.Module]:
    """Give a module random weights and statistics: nothing in it stays an identity or a zero."""

    def randomise(module: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in module.parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(0.1 * noise)
            for name, buffer in module.named_buffers():
                if name.endswith('running_mean'):
                    buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
                elif name.endswith('running_var'):
                    buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
        return module

    return randomise
