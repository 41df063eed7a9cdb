"""A tiny model, data set and metric for the engine's tests, and a config that uses them."""

import itertools
import os
import signal
from pathlib import Path

import numpy as np
import torch
from mmengine import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.data import Dataset

from whmr.engine import HMRRunner
from whmr.registry import DATASETS, HOOKS, METRICS, MODELS

_NUMBERS = itertools.count()  # MMEngine's loggers and hubs are found by the experiment's name


@DATASETS.register_module()
class ToyDataset(Dataset):
    """A line with noise drawn from numpy's global generator, and the epoch."""

    metainfo = {'name': 'toy', 'table': np.arange(3)}

    def __init__(self, size: int = 12, noise: float = 0.1) -> None:
        self.size = size
        self.noise = noise
        self.epoch = -1

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict:
        x = torch.linspace(-1, 1, self.size)[index].repeat(3) * torch.tensor([1.0, 0.5, -2.0])
        noise = np.random.normal(scale=self.noise)  # noqa: NPY002
        return {
            'inputs': x,
            'target': torch.tensor([x.sum() + noise]),
            'index': index,
            'epoch': self.epoch,
        }

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


@MODELS.register_module()
class ToyModel(BaseModel):
    """Two layers with dropout; can be told to give a NaN."""

    def __init__(
        self,
        width: int = 8,
        dropout: float = 0.5,
        norm: bool = False,
        freeze: bool = False,
        nan_at: int = -1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.backbone = nn.Linear(3, width)
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.head = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        self.nan_at = nan_at
        self.calls = 0
        if freeze:
            self.backbone.requires_grad_(False)

    def forward(
        self, inputs: list[Tensor], target: list[Tensor], mode: str = 'loss', **_: object
    ) -> dict | list:
        x, y = torch.stack(list(inputs)), torch.stack(list(target))
        out = self.head(self.dropout(torch.relu(self.norm(self.backbone(x)))))
        if mode == 'predict':
            return [{'error': float(e)} for e in (out - y).abs()]
        self.calls += 1
        loss = (out.float() - y).square().mean()
        if self.calls == self.nan_at:
            loss = loss * float('nan')
        return {'loss_fit': loss, 'loss_size': 0.01 * out.float().square().mean()}


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """The mean error."""

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        self.results += data_samples

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        return {'error': float(np.mean([r['error'] for r in results]))}


class InterruptionError(Exception):
    """What `RecordHook` raises."""


@HOOKS.register_module()
class RecordHook(Hook):
    """Writes each iteration's loss to a file; interrupts or kills the process if asked to."""

    priority = 'LOWEST'

    def __init__(
        self, path: str, stop_at: int = -1, kill_at: int = -1, indices: bool = False
    ) -> None:
        self.path = Path(path)
        self.stop_at = stop_at
        self.kill_at = kill_at
        self.indices = indices

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        line = f'{runner.iter} {float(outputs["loss"].detach())!r}'
        if self.indices:
            line += f' {[int(i) for i in data_batch["index"]]} {list(data_batch["epoch"])}'
        if runner.rank == 0:
            with open(self.path, 'a') as file:
                file.write(line + '\n')
        if runner.iter + 1 == self.stop_at:
            raise InterruptionError
        if runner.iter + 1 == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def toy_config(work_dir: str | Path, **changes: object) -> dict:
    """A config of six iterations; `changes` replace its top-level entries."""
    config = dict(
        default_scope='whmr',
        experiment_name=f'toy_{next(_NUMBERS)}',
        work_dir=str(work_dir),
        model=dict(type='ToyModel'),
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            dataset=dict(type='ToyDataset'),
            sampler=dict(type='ResumableSampler', shuffle=True),
        ),
        train_cfg=dict(by_epoch=False, max_iters=6, val_interval=3),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01)),
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5)],
        val_dataloader=dict(
            batch_size=2,
            num_workers=0,
            dataset=dict(type='ToyDataset', size=4),
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        val_cfg=dict(),
        val_evaluator=dict(type='ToyMetric'),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=False),
        ),
        custom_hooks=[dict(type='RecordHook', path=str(Path(work_dir) / 'losses.txt'))],
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=3),
    )
    config.update(changes)
    return config


def build_runner(config: dict) -> HMRRunner:
    """A runner of a toy config."""
    return HMRRunner.from_cfg(Config(config, format_python_code=False))
