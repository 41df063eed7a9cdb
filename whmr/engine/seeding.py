"""Random numbers that depend on where a run is, not on how it got there.

Two places draw them. Data transforms use numpy's, Python's and torch's global generators:
`SeedPerSample` seeds all three for each sample from (seed, epoch, index), so a sample is the same
in whichever worker, after whichever restart it is made. The model (dropout, masks) uses torch's:
`SeedPerIterHook` seeds it for each iteration from (seed, rank, iteration).

With both, a run that is killed and resumed from a checkpoint gives the losses of an uninterrupted
one, bit for bit on a CPU. Limits: the same number of processes and the same batch size (another
shape goes on with another order of samples, and says so); a transform that keeps a generator of
its own must seed it from numpy's; on CUDA some operations are not deterministic by themselves
(`randomness=dict(deterministic=True)`); with gradient accumulation the checkpoint's interval must
be a multiple of the accumulated iterations, because unapplied gradients are not saved.
"""

import random
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from whmr.engine.sampler import SampleIndex
from whmr.registry import DATASETS, build_child


def seed_everything(*key: int) -> None:
    """Seed Python's, numpy's and torch's global generators from non-negative numbers."""
    words = np.random.SeedSequence(key).generate_state(3, np.uint64)
    random.seed(int(words[0]))
    np.random.seed(int(words[1] % 2**32))  # noqa: NPY002 - transforms draw from this one
    torch.manual_seed(int(words[2] % 2**63))


@DATASETS.register_module()
class SeedPerSample(Dataset):
    """A data set whose samples depend on (seed, epoch, index) only.

    The runner puts it around every data set that `ResumableSampler` samples from. It also tells
    the data set the epoch (`set_epoch`, where it has one), in each worker process.

    Args:
        dataset: The data set, or its config.

    Shapes: those of `dataset`.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = build_child(DATASETS, dataset)
        self._epoch: int | None = None

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """A sample; a plain integer leaves the random numbers alone."""
        if isinstance(index, SampleIndex):
            if index.epoch != self._epoch:
                self.set_epoch(index.epoch)
            seed_everything(index.seed, index.epoch, int(index))
        return self.dataset[int(index)]

    @property
    def metainfo(self) -> dict:
        """Meta information of the data set."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Load the data set's annotations, where they are loaded late."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()

    def set_epoch(self, epoch: int) -> None:
        """Tell the data set which epoch begins."""
        self._epoch = epoch
        if hasattr(self.dataset, 'set_epoch'):
            self.dataset.set_epoch(epoch)
