"""Stage III configs, their features, and the rows of a table."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from mmengine import Config
from mmengine.logging import MMLogger
from torch import nn

from orientation_study.features import Features, load_features
from orientation_study.report import Figures
from orientation_study.scoring import score
from orientation_study.training import train_orientation
from whmr.body_models import BodyModel
from whmr.engine import cli
from whmr.engine.config import is_part, load_config
from whmr.engine.missing import is_type, iter_dicts
from whmr.registry import BODY_MODELS

MODULES = Path('work_dirs/orientation_study')


@dataclass(frozen=True)
class Settings:
    """What all rows of a table share.

    Args:
        versions: Augmented versions of each training sample.
        splits: Test splits of the synthetic world; empty: the config's own test set.
        train_images: Images of the synthetic world to train on; None as in the config.
        test_images: Images of each test split; None as in the config.
        max_iters: Training iterations; None as in the config.
    """

    versions: int = 2
    splits: tuple[str, ...] = ()
    train_images: int | None = None
    test_images: int | None = None
    max_iters: int | None = None


class Study:
    """A stage III config whose frozen parts have run once over its training and test sets.

    Args:
        path: The config of a `WorldHMR` with a calibrator.
        settings: See `Settings`.

    Raises:
        ConfigError: The config is of another kind.
    """

    def __init__(self, path: str | Path, settings: Settings) -> None:
        self.path, self.settings = str(path), settings
        self.cfg = load_config(path)
        model = self.cfg.get('model') or {}
        if model.get('type') != 'WorldHMR' or model.get('rotation_source', 'predicted') != (
            'predicted'
        ):
            raise cli.ConfigError(f'{path}: give a WorldHMR that is fed the predicted rotation')
        for key in [key for key in self.cfg if is_part(key)]:
            self.cfg.pop(key)
        if settings.max_iters is not None:
            _shorten(self.cfg, settings.max_iters)

    @cached_property
    def body(self) -> BodyModel:
        """The config's body."""
        return BODY_MODELS.build(copy.deepcopy(self.cfg.model.body_model))

    @cached_property
    def training(self) -> Features:
        """Features of the training set."""
        dataset = copy.deepcopy(self.cfg.train_dataloader.dataset)
        if self.settings.train_images is not None:
            for world in _worlds(dataset):
                world['num_images'] = self.settings.train_images
        return load_features(self.cfg, dataset, self.body, num_versions=self.settings.versions)

    @cached_property
    def tests(self) -> dict[str, Features]:
        """Features of each test set."""
        return {
            name: load_features(self.cfg, dataset, self.body)
            for name, dataset in self._test_sets().items()
        }

    def scores(self, module: nn.Module | None, source: str = 'predicted') -> dict[str, Figures]:
        """The figures of a module, or of the labelled orientation, on each test set."""
        return {name: score(module, test, source=source) for name, test in self.tests.items()}

    def trained(
        self, orientation: Mapping[str, Any], seed: int, source: str, degrees: float = 0.0
    ) -> nn.Module:
        """A module that is trained on this study's features."""
        return train_orientation(
            self.cfg,
            orientation,
            self.training,
            source=source,
            degrees=degrees,
            seed=seed,
            folder=MODULES,
        )

    def _test_sets(self) -> dict[str, dict]:
        own = self.cfg.test_dataloader.dataset
        worlds = _worlds(own)
        if not worlds:
            if self.settings.splits:
                raise cli.ConfigError(f'--splits: the test set of {self.path} has no splits')
            return {'test': own}
        names = self.settings.splits or (worlds[0].get('split', 'train'),)
        changes = {}
        if self.settings.test_images is not None:
            changes['num_images'] = self.settings.test_images
        return {name: dict(worlds[0], split=name, **changes) for name in names}


def read_row(path: str) -> tuple[dict[str, Any], str]:
    """The orientation module of a config, and which rotation it is fed."""
    model = load_config(path).get('model') or {}
    if model.get('orientation') is None:
        raise cli.ConfigError(f'{path}: its model has no orientation module')
    source = model.get('rotation_source', 'predicted')
    if source not in ('predicted', 'known'):
        raise cli.ConfigError(f'{path}: rotation_source={source!r} feeds no rotation to learn from')
    return dict(model.orientation), source


def _worlds(dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The synthetic worlds among a data set's parts."""
    return [node for node in iter_dicts(dataset) if is_type(node, 'SyntheticWorld')]


def _shorten(cfg: Config, max_iters: int) -> None:
    """Let the schedule end earlier, its phases in proportion."""
    factor = max_iters / cfg.train_cfg.max_iters
    cfg.train_cfg.max_iters = max_iters
    for scheduler in cfg.get('param_scheduler') or []:
        for name in ('begin', 'end'):
            if name in scheduler:
                scheduler[name] = round(scheduler[name] * factor)


def set_up(num_threads: int) -> None:
    """Torch's threads, and a log without the start of every parameter.

    Args:
        num_threads: More than one is slower on matrices of this size.
    """
    torch.set_num_threads(num_threads)
    logger = MMLogger.get_instance('orientation_study')
    logger.addFilter(lambda record: record.module != 'base_module')
