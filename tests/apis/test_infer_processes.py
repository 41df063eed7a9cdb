"""The tool in processes of its own: killed, and several at a time."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from whmr.visualization.export import ResultsTable

pytestmark = pytest.mark.slow
OPTIONS = ('--no-pictures', '--no-meshes', '--no-progress', '--image-batch-size', '1')
OPTIONS += ('--device', 'cpu', '--detector', 'whole')
PHOTOS = 12


@pytest.fixture
def folder(write_photo) -> Path:
    """Some photos."""
    photos = [write_photo(f'{number:02d}.jpg') for number in range(PHOTOS)]
    return photos[0].parent


@pytest.fixture
def command(config_file: Path, folder: Path, repo_root: Path):
    """The arguments of python for a run into a folder; each process registers the stand-in."""
    text = config_file.read_text()
    config_file.write_text(f"custom_imports = dict(imports=['tests.apis.conftest'])\n{text}")
    tool = [str(repo_root / 'tools' / 'infer.py'), str(folder), '--config', str(config_file)]
    return lambda out: [
        *tool,
        *OPTIONS,
        '--device',
        'cpu',
        '--detector',
        'whole',
        '--out',
        str(out),
    ]


@pytest.fixture
def environment(repo_root: Path) -> dict[str, str]:
    return {**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'}


def same_tables(one: Path, other: Path) -> None:
    tables = [ResultsTable.load(path / 'results.npz') for path in (one, other)]
    assert tables[0].num_frames == PHOTOS
    for field in fields(ResultsTable):
        np.testing.assert_array_equal(*(getattr(table, field.name) for table in tables))


def finished(out: Path) -> int:
    journals = list(out.glob('run/items.*.jsonl'))
    return sum(len(journal.read_text().splitlines()) for journal in journals)


def test_killed_and_shared(command, environment, tmp_path: Path, repo_root: Path) -> None:
    whole, out = tmp_path / 'whole', tmp_path / 'out'
    subprocess.run([sys.executable, *command(whole)], env=environment, check=True)
    process = subprocess.Popen([sys.executable, *command(out)], env=environment)
    while process.poll() is None and finished(out) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = finished(out)
    assert 2 <= before < PHOTOS
    torchrun = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', '2']
    torchrun += ['--master-port', '0', '--rdzv-backend', 'c10d', '--rdzv-endpoint', 'localhost:0']
    done = subprocess.run([*torchrun, *command(out)], env=environment, check=True)
    assert done.returncode == 0 and finished(out) == PHOTOS
    merge = repo_root / 'tools' / 'misc' / 'merge_results.py'
    subprocess.run([sys.executable, str(merge), str(out)], env=environment, check=True)
    same_tables(whole, out)
