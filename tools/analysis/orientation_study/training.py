"""Training an orientation module on features in memory."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from torch import Tensor, nn

from orientation_study.features import Features
from whmr.engine import cli
from whmr.fileio import atomic_path
from whmr.models import NoisyRotation
from whmr.models.estimators.mesh_loss import build_terms
from whmr.registry import ORIENTATIONS, PARAM_SCHEDULERS

NUM_JOINTS = 49
LEVELS = 3  # of the mesh in stage III's vertex term; the coarsest stands for all of them here
TERMS = ('keypoints_3d', 'vertices', 'pose')


def train_orientation(
    cfg: Config,
    orientation: Mapping[str, Any],
    features: Features,
    *,
    source: str,
    degrees: float,
    seed: int,
    folder: Path,
) -> nn.Module:
    """Train a module by the losses and the schedule of a stage III config; or read it, if trained.

    The losses are stage III's, but for the vertices: the coarsest of the three meshes (431 of 6890
    vertices) counts three times.

    Args:
        cfg: The config: its losses, optimiser, schedule, batch size and number of iterations.
        orientation: Config of the module.
        features: What it trains on.
        source: The camera rotation that it is fed, `predicted` or `known`.
        degrees: Largest angle by which the rotation is tilted at random.
        seed: Seed of weights, order and noise.
        folder: Where trained modules are kept.

    Raises:
        ConfigError: The schedule counts epochs.
    """
    module = new_orientation(orientation, seed)
    path = folder / f'{_digest(cfg, orientation, features, source, degrees, seed)}.pth'
    if path.is_file():
        module.load_state_dict(torch.load(path, weights_only=True))
        return module.eval()
    _train(cfg, module, features, features.rotation(source), degrees, seed)
    with atomic_path(path) as partial:
        torch.save(module.state_dict(), partial)
    return module.eval()


def new_orientation(orientation: Mapping[str, Any], seed: int) -> nn.Module:
    """The module with its starting weights."""
    torch.manual_seed(seed)
    return ORIENTATIONS.build({k: v for k, v in orientation.items() if k != 'init_cfg'})


def _train(
    cfg: Config,
    module: nn.Module,
    features: Features,
    rotation: Tensor,
    degrees: float,
    seed: int,
) -> None:
    schedulers = cfg.get('param_scheduler') or []
    if cfg.train_cfg.get('by_epoch', True) or any(s.get('by_epoch', True) for s in schedulers):
        raise cli.ConfigError('the schedule counts epochs: give one in iterations')
    terms = build_terms(cfg.model.losses, TERMS, 'orientation study')
    wrapper = build_optim_wrapper(module, cfg.optim_wrapper)
    schedulers = [PARAM_SCHEDULERS.build(dict(s, optimizer=wrapper)) for s in schedulers]
    fed = NoisyRotation(module, (0.0, degrees)) if degrees else module
    fed.train()
    points, size = features.trained_points, cfg.train_dataloader.batch_size
    order = torch.Generator().manual_seed(seed)
    rows = torch.empty(0, dtype=torch.int64)
    for _ in range(cfg.train_cfg.max_iters):
        if len(rows) < size:
            rows = torch.randperm(len(features), generator=order)
        batch, rows = rows[:size], rows[size:]
        orient, turn = features.oriented(fed, rotation, batch)
        turned, label = points.turned(turn, batch), points.label[batch]
        has = torch.ones(len(batch), dtype=torch.bool)
        values = {
            'keypoints_3d': (turned[:, :NUM_JOINTS], label[:, :NUM_JOINTS], None, has),
            'vertices': (turned[:, NUM_JOINTS:], label[:, NUM_JOINTS:], has),
            'pose': (orient, features.label_orient[batch], has),
        }
        loss = sum(
            (LEVELS if name == 'vertices' else 1) * term(*values[name])
            for name, term in terms.items()
        )
        wrapper.update_params(loss)
        for scheduler in schedulers:
            scheduler.step()


def _digest(cfg: Config, *key: Any) -> str:
    """Names a run by all that its result depends on."""
    orientation, features, *rest = key
    numbers = hashlib.sha256()
    for value in features.fields.values():
        numbers.update(value.numpy().data)
    settings = [
        {'orientation': dict(orientation), 'losses': cfg.model.losses},
        {name: cfg.get(name) for name in ('optim_wrapper', 'param_scheduler', 'train_cfg')},
        cfg.train_dataloader.batch_size,
        rest,
        numbers.hexdigest(),
    ]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
