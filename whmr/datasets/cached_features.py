"""Samples whose frozen features were computed before."""

from __future__ import annotations

import json
import os
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from whmr.datasets.feature_cache import FeatureCache, FeatureCacheError
from whmr.registry import DATASETS


@DATASETS.register_module()
class CachedFeatures(Dataset):
    """The rows of a `FeatureCache`, in the place of the data set that it was made from.

    Epoch e gives version `e % K`: with the seed of the cache, the first K epochs have exactly the
    augmentations that a run without cache would draw.

    Args:
        folder: The cache.
        key: What it must have been made from, as JSON; see `FeatureCache.check`.

    Raises:
        FileNotFoundError: There is no cache.
        FeatureCacheError: It was made from something else, or is not complete.

    Shapes: a sample is `inputs.cached`: name -> tensor, float32, as the cache's fields.
    """

    def __init__(self, folder: str | os.PathLike, key: str) -> None:
        self.cache = FeatureCache(folder)
        self.cache.check(json.loads(key))
        missing = len(self.cache.missing_parts())
        if missing:
            raise FeatureCacheError(
                f'the feature cache {folder} is not complete: {missing} parts are missing; start '
                'training with --feature-cache again to go on making it'
            )
        self.num_versions: int = self.cache.manifest['num_versions']
        self._version = 0

    @property
    def metainfo(self) -> dict[str, Any]:
        """The name of the set."""
        return {'dataset': 'cached_features'}

    def set_epoch(self, epoch: int) -> None:
        """Go to the version of an epoch."""
        self._version = epoch % self.num_versions

    def __len__(self) -> int:
        return self.cache.manifest['num_samples']

    def __getitem__(self, index: int) -> dict[str, dict[str, dict[str, Tensor]]]:
        if not 0 <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        fields = self.cache.read(self._version, int(index))
        return {'inputs': {'cached': {k: torch.from_numpy(v) for k, v in fields.items()}}}
