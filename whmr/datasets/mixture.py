"""A weighted mixture of data sets."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset

from whmr.datasets.catalog import require_available
from whmr.registry import DATASETS


@DATASETS.register_module()
class MixtureDataset(Dataset):
    """Draws from several data sets with given probabilities.

    An epoch has `length` samples, of which each data set gets its share (to the nearest whole
    sample; what rounding leaves over is carried to the next epoch). Within a data set the draws
    walk through one random order of all its items after another, across epochs, so that every item
    is seen once before any is seen again. (In W-HMR's release items beyond the length of an epoch
    are never seen.)

    Which item comes at an index depends on (seed, epoch, index) only, and so do the random numbers
    of its augmentation: not on the worker, the rank, or what was loaded before. An epoch's samples
    change only when `set_epoch` is called: the runner does so at the start of each epoch, and the
    number lies in shared memory, where persistent workers see it. A run that counts iterations
    instead of epochs calls it each time `length` samples have been used.

    Args:
        datasets: Configs of data sets, or data sets.
        probabilities: Share of each; they sum to 1.
        length: Samples in an epoch; None = the items of all data sets together.
        seed: Seed of everything that is random.

    Raises:
        ValueError: The probabilities do not fit, a data set with a share is empty, or a number is
            negative.
        FileNotFoundError: Annotation files are missing; the one error lists all of them.

    Shapes: samples are those of the data sets.
    """

    def __init__(
        self,
        datasets: Sequence[dict | BaseDataset],
        probabilities: Sequence[float],
        *,
        length: int | None = None,
        seed: int = 0,
    ) -> None:
        self.probabilities = _checked_probabilities(probabilities, len(datasets))
        if length is not None and length < 1:
            raise ValueError(f'length must be positive or None, got {length}')
        if seed < 0:
            raise ValueError(f'seed must be 0 or more, got {seed}')
        require_available([child for child in datasets if isinstance(child, dict)])
        self.datasets = [DATASETS.build(c) if isinstance(c, dict) else c for c in datasets]
        self.seed = seed
        self._length = length
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._plan: tuple[int, np.ndarray, np.ndarray, np.ndarray] | None = None
        self._counts = [np.zeros(len(self.datasets), np.int64)]
        self._orders: dict[int, tuple[int, np.ndarray]] = {}

    def full_init(self) -> None:
        """Read every data set that is not read yet.

        Raises:
            ValueError: A data set with a share is empty.

        Shapes: none.
        """
        for index, dataset in enumerate(self.datasets):
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
            if not len(dataset) and self.probabilities[index] > 0:
                raise ValueError(f'data set {index} of the mixture is empty; give it probability 0')

    @property
    def metainfo(self) -> dict[str, Any]:
        """The meta of the first data set, and the names of all."""
        metas = [dict(getattr(dataset, 'metainfo', {})) for dataset in self.datasets]
        names = [str(meta.get('dataset', index)) for index, meta in enumerate(metas)]
        return {**metas[0], 'dataset': 'mixture', 'datasets': names}

    @property
    def epoch(self) -> int:
        """The epoch that samples are drawn for."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; persistent workers follow.

        Args:
            epoch: Number of the epoch, from 0.

        Raises:
            ValueError: The number is negative.

        Shapes: none.
        """
        if epoch < 0:
            raise ValueError(f'epoch must be 0 or more, got {epoch}')
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(
                len(dataset)
                for dataset, share in zip(self.datasets, self.probabilities, strict=True)
                if share > 0
            )
        return self._length

    def locate(self, index: int) -> tuple[int, int]:
        """Which item comes at an index in the current epoch.

        Args:
            index: Index into the epoch.

        Returns:
            The number of the data set and the index of the item in it.

        Raises:
            IndexError: The index lies outside of the epoch.

        Shapes: none.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'index {index} of an epoch of {len(self)} samples')
        slots, ends, before = self._epoch_plan(self.epoch)
        slot = int(slots[index])
        child = int(np.searchsorted(ends, slot, side='right'))
        first = int(ends[child - 1]) if child else 0
        turn, position = divmod(int(before[child]) + slot - first, len(self.datasets[child]))
        return child, int(self._order(child, turn)[position])

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The row that comes at an index in the current epoch.

        Args:
            idx: Index into the epoch.

        Raises:
            IndexError: The index lies outside of the epoch.

        Shapes: as the data set's rows.
        """
        child, item = self.locate(idx)
        return self.datasets[child].get_data_info(item)

    def __getitem__(self, index: int) -> Any:
        child, item = self.locate(index)
        with _seeded((3, self.seed, self.epoch, index)):
            return self.datasets[child][item]

    def _epoch_plan(self, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The order of the slots, the end of each data set's slots, and its draws before."""
        if self._plan is None or self._plan[0] != epoch:
            self.full_init()
            while len(self._counts) < epoch + 2:
                self._counts.append(self._counts[-1] + self._shares(len(self._counts)))
            before, after = self._counts[epoch], self._counts[epoch + 1]
            slots = np.random.default_rng((1, self.seed, epoch)).permutation(len(self))
            self._plan = (epoch, slots, np.cumsum(after - before), before)
        return self._plan[1:]

    def _shares(self, epochs: int) -> np.ndarray:
        """Draws of each data set in the next epoch, so that `epochs` epochs come out right."""
        wanted = self.probabilities * len(self) * epochs - self._counts[-1]
        wanted = np.where(self.probabilities > 0, np.maximum(wanted, 0), 0)
        shares = np.floor(wanted).astype(np.int64)
        rest = len(self) - int(shares.sum())
        order = np.argsort(-(wanted - shares), kind='stable')
        order = order[self.probabilities[order] > 0]
        while rest:
            step = int(np.sign(rest))
            for child in order[:: 1 if step > 0 else -1]:
                if rest and shares[child] + step >= 0:
                    shares[child] += step
                    rest -= step
        return shares

    def _order(self, child: int, turn: int) -> np.ndarray:
        """The random order in which a data set's items come in one turn through it."""
        if self._orders.get(child, (None,))[0] != turn:
            rng = np.random.default_rng((2, self.seed, child, turn))
            self._orders[child] = (turn, rng.permutation(len(self.datasets[child])))
        return self._orders[child][1]


@contextmanager
def _seeded(key: tuple[int, ...]) -> Iterator[None]:
    """Run with the global random numbers of transforms seeded, and put their state back after."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _checked_probabilities(probabilities: Sequence[float], num_datasets: int) -> np.ndarray:
    shares = np.asarray(probabilities, np.float64)
    if not num_datasets or shares.shape != (num_datasets,):
        raise ValueError(
            f'{num_datasets} data sets need as many probabilities, got {np.size(probabilities)}'
        )
    if not np.isfinite(shares).all() or (shares < 0).any():
        raise ValueError(f'probabilities must be 0 or more, got {list(probabilities)}')
    if abs(shares.sum() - 1) > 1e-3:
        raise ValueError(f'probabilities must sum to 1, got {list(probabilities)}: {shares.sum()}')
    return shares / shares.sum()
