"""What every test gets: one thread, a fixed seed, no network, its own folder if it asks."""

import os

# Before torch is imported anywhere: two spinning threads beside a busy process are far slower
# than one.
os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import ipaddress
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(1)

SEED = 0


class NetworkBlockedError(RuntimeError):
    """A test tried to reach another machine."""


def _is_local(address: object) -> bool:
    """Whether a socket address stays on this machine."""
    if not isinstance(address, tuple):  # a Unix socket's path
        return True
    host = str(address[0])
    if host in ('', 'localhost'):
        return True
    try:
        return ipaddress.ip_address(host.split('%')[0]).is_loopback
    except ValueError:  # a name that would have to be looked up
        return False


@pytest.fixture(scope='session', autouse=True)
def no_network() -> Iterator[None]:
    """Connections to other machines raise: tests run offline."""
    patch = pytest.MonkeyPatch()
    for name in ('connect', 'connect_ex'):
        original = getattr(socket.socket, name)

        def guarded(self, address, _original=original):
            if not _is_local(address):
                raise NetworkBlockedError(
                    f'tests run offline, but one tried to connect to {address!r}'
                )
            return _original(self, address)

        patch.setattr(socket.socket, name, guarded)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Same random numbers in every test, whatever ran before it."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - mmcv's transforms draw from the global generator
    torch.manual_seed(SEED)


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded torch generator."""
    return torch.Generator().manual_seed(SEED)


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded numpy generator."""
    return np.random.default_rng(SEED)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current folder while the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """The repository's root folder."""
    return Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason='needs a CUDA device')
    for item in items:
        if item.get_closest_marker('gpu'):
            item.add_marker(skip)
