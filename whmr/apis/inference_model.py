"""What the inferencer is made of: the device, the pipeline and the model of a config."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine import Config
from mmengine.logging import print_log

from whmr.engine import ConfigError, load_weights
from whmr.models.estimators import WorldHMR
from whmr.registry import MODELS

COMPILED_PARTS = ('backbone', 'neck')


def find_device(name: str, *, local_rank: int = 0) -> torch.device:
    """The device of that name.

    Args:
        name: As torch calls it, or 'auto': an accelerator where there is one.
        local_rank: Which process of this machine asks: 'auto' gives each an accelerator of its own,
            as far as there are enough.

    Raises:
        ValueError: If there is no such device here.
    """
    found = torch.accelerator.current_accelerator(check_available=True)
    if name == 'auto':
        if found is None:
            return torch.device('cpu')
        return torch.device(found.type, local_rank % torch.accelerator.device_count())
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device={name!r} is no device that torch knows') from error
    if device.type not in ('cpu', getattr(found, 'type', 'cpu')):
        raise ValueError(f"device={name!r}: torch sees no such device here; use 'cpu' or 'auto'")
    return device


def find_pipeline(cfg: Config) -> Sequence[Mapping[str, Any]]:
    """The pipeline of the (first) test data set: how people are cropped.

    Args:
        cfg: The config of a run.

    Raises:
        ConfigError: If it has none.
    """
    node: Any = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in node:
        inner = node.get('dataset') or next(iter(node.get('datasets') or ()), None)
        if inner is None:
            raise ConfigError(
                'the config has no test_dataloader.dataset.pipeline: it says how people are cropped'
            )
        node = inner
    return node['pipeline']


def build_estimator(cfg: Config, checkpoint: str | Path | None) -> torch.nn.Module:
    """The model of a config, with its weights, ready for photos without labels.

    Args:
        cfg: The config of a run.
        checkpoint: The weights; None takes the config's `load_from`.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another model.
        ConfigError: If the config has no model that can be used for inference.
        FileNotFoundError: If there is no such checkpoint.
    """
    if cfg.get('model') is None:
        raise ConfigError('the config has no model')
    model = copy.deepcopy(cfg.model)
    if model.get('data_preprocessor'):  # photos have no labels: nobody needs bodies by gender
        model.data_preprocessor.pop('gendered_body_models', None)
    estimator = MODELS.build(model)
    for name in ('body_model', 'data_preprocessor'):
        if getattr(estimator, name, None) is None:
            raise ConfigError(f'{type(estimator).__name__} has no {name}: no use for inference')
    if isinstance(estimator, WorldHMR) and estimator.rotation_source == 'known':
        if estimator.camera is None:
            raise ConfigError("rotation_source='known' without a `camera`: photos have no label")
        estimator.rotation_source = 'predicted'  # the user's own where it is given
    checkpoint = checkpoint or cfg.get('load_from')
    if checkpoint is None:
        print_log(
            'no checkpoint is given: the weights are random, and so are the results',
            logger='current',
            level=30,
        )
    else:
        load_weights(estimator, checkpoint)
    return estimator


def compile_parts(estimator: torch.nn.Module, backend: str = 'inductor') -> list[str]:
    """Compile what takes most of the time.

    Args:
        estimator: The model; its backbones and necks, the calibrator's included, are compiled when
            they are first called.
        backend: Of `torch.compile`.

    Returns:
        The names of the parts.
    """
    parts = {
        name: module
        for name, module in estimator.named_modules()
        if name.rpartition('.')[2] in COMPILED_PARTS
    }
    for module in parts.values():
        module.compile(backend=backend)
    return sorted(parts)
