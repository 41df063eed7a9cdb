"""Several processes without CUDA: through gloo, with the gradients of one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as torch_dist
from torch import nn
from toy_parts import build_runner, toy_config

from whmr.engine import (
    ConfigError,
    DeviceAwareDistributedDataParallel,
    init_cpu_distributed,
    read_checkpoint,
    shutdown_distributed,
)


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path: Path, repo_root: Path) -> None:
    """Same global batches: equal weights. Resumed: equal losses. Also bf16 with accumulation."""
    here = Path(__file__).parent
    paths = os.pathsep.join([str(repo_root), str(here)])
    result = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
            *('--nproc-per-node=2', str(here / 'distributed_runs.py'), str(tmp_path)),
        ],
        env={**os.environ, 'PYTHONPATH': paths, 'CUDA_VISIBLE_DEVICES': '-1'},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]

    config = toy_config(tmp_path / 'alone', model=dict(type='ToyModel', dropout=0.0))
    config['optim_wrapper'] = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9))
    config['train_dataloader']['batch_size'] = 4
    build_runner(config).train()
    alone = read_checkpoint(tmp_path / 'alone' / 'iter_6.pth')['state_dict']
    two = read_checkpoint(tmp_path / 'straight' / 'iter_6.pth')
    for key, value in alone.items():
        torch.testing.assert_close(two['state_dict'][key], value, rtol=1e-5, atol=1e-7)
    first = read_checkpoint(tmp_path / 'straight' / 'iter_1.pth')['state_dict']
    assert not torch.equal(first['head.weight'], two['state_dict']['head.weight'])
    assert two['data']['world_size'] == 2

    losses = [(tmp_path / d / 'losses.txt').read_text() for d in ('straight', 'resumed')]
    assert losses[0] == losses[1] and losses[0].count('\n') == 6
    resumed = read_checkpoint(tmp_path / 'resumed' / 'iter_6.pth')['state_dict']
    for key, value in resumed.items():
        assert torch.equal(two['state_dict'][key], value)

    (log,) = (tmp_path / 'tested').rglob('*.log')
    assert 'Iter(test) [1/1]' in log.read_text() and 'error: ' in log.read_text()
    assert 'sync_bn is left out' in log.read_text()
    half = read_checkpoint(tmp_path / 'bf16' / 'iter_6.pth')
    assert all(value.dtype == torch.float32 for value in half['state_dict'].values())


def test_processes_that_nobody_started_are_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'SLURM_PROCID', 'SLURM_NTASKS'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=r'RANK, WORLD_SIZE, LOCAL_RANK: .*dist_train\.sh'):
        init_cpu_distributed('pytorch')
    with pytest.raises(ConfigError, match=r'SLURM_PROCID.*slurm_train\.sh'):
        init_cpu_distributed('slurm')
    with pytest.raises(ConfigError, match="not 'mpi'"):
        init_cpu_distributed('mpi')


def test_one_slurm_process_joins_through_gloo(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_NODELIST='n1', SLURM_LOCALID='0')
    for name, value in {**slurm, 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '29613'}.items():
        monkeypatch.setenv(name, value)
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)
    try:
        init_cpu_distributed('slurm')
        assert torch_dist.get_backend() == 'gloo' and torch_dist.get_world_size() == 1
        assert os.environ['LOCAL_RANK'] == '0'
        model = nn.Linear(2, 1)
        wrapped = DeviceAwareDistributedDataParallel(model, device_ids=[0])
        wrapped(torch.ones(1, 2)).sum().backward()
        assert torch.equal(model.weight.grad, torch.ones(1, 2))
    finally:
        shutdown_distributed()
        for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
            os.environ.pop(name, None)
    assert not torch_dist.is_initialized()
