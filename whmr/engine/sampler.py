"""A sampler that can start anywhere, and sample indices that fix their random numbers."""

import math
from collections.abc import Iterator, Sized

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from whmr.registry import DATA_SAMPLERS


class SampleIndex(int):
    """A data set index that also says which random numbers its sample is made with.

    Attributes:
        seed: Seed of the run.
        epoch: Epoch that the sample is drawn in.
    """

    seed: int
    epoch: int

    def __new__(cls, index: int, *, seed: int, epoch: int) -> 'SampleIndex':
        """An int with two attributes."""
        self = super().__new__(cls, index)
        self.seed = seed
        self.epoch = epoch
        return self

    def __reduce__(self) -> tuple:
        """Survive the way to a worker process."""
        return _make_index, (int(self), self.seed, self.epoch)


def _make_index(index: int, seed: int, epoch: int) -> SampleIndex:
    return SampleIndex(index, seed=seed, epoch=epoch)


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """One epoch of indices, shuffled by (seed, epoch), that can start at an offset.

    The order depends on nothing else, so a resumed run goes on with exactly the samples that an
    uninterrupted one would have seen, and no sample is loaded to be skipped. Ranks take turns:
    `n` processes with batches of `b` see the same global batches as one with batches of `n*b`.

    It yields `SampleIndex`es; the runner wraps the data set in `SeedPerSample`, which seeds the
    random numbers of every sample from them.

    Args:
        dataset: What to sample from.
        shuffle: Whether to shuffle.
        seed: Seed, the same in every process; None draws one.

    Shapes: none.

    Raises:
        ValueError: The data set is empty.
    """

    def __init__(self, dataset: Sized, *, shuffle: bool = True, seed: int | None = None) -> None:
        if len(dataset) == 0:
            raise ValueError('ResumableSampler: the data set is empty')
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()
        self.epoch = 0
        self.offset = 0

    def __len__(self) -> int:
        """Samples of a whole epoch in this process, the same in every process."""
        return math.ceil(len(self.dataset) / self.world_size)

    def __iter__(self) -> Iterator[SampleIndex]:
        """The indices of the epoch that are left after the offset."""
        epoch, size = self.epoch, len(self.dataset)
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed + epoch)
            order = torch.randperm(size, generator=generator)
        else:
            order = torch.arange(size)
        # The last round is filled from the front, so that each process gets as many.
        positions = torch.arange(self.rank, len(self) * self.world_size, self.world_size)
        for index in order[positions[self.offset :] % size].tolist():
            yield SampleIndex(index, seed=self.seed, epoch=epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch."""
        self.seek(epoch, 0)

    def seek(self, epoch: int, offset: int) -> None:
        """Go to the sample `offset` (of this process) of an epoch.

        Raises:
            ValueError: The offset lies outside the epoch.
        """
        if not 0 <= offset <= len(self):
            raise ValueError(f'offset {offset} lies outside an epoch of {len(self)} samples')
        self.epoch = epoch
        self.offset = offset
