"""A weighted mixture of data sets."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset, get_worker_info

from whmr.datasets.catalog import require_available
from whmr.datasets.shuffle import shuffled
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
    number lies in shared memory, where persistent workers see it. Called inside a worker it holds
    for that worker only, so that workers may be in different epochs for a while (a run that counts
    iterations: `whmr.engine.SeedPerSample` does this).

    Args:
        datasets: Configs of data sets, or data sets; a mixture may hold mixtures.
        probabilities: Share of each; they sum to 1. None = by size.
        pipeline: Transforms of the configs in `datasets` that name none of their own.
        length: Samples in an epoch; None = the items of all data sets together; `largest` = the
            items of the largest data set.
        seed: Seed of everything that is random.

    Raises:
        ValueError: The probabilities do not fit, a data set with a share is empty, a number is
            negative, or a pipeline is given for a data set that is built already.
        FileNotFoundError: Annotation files are missing; the one error lists all of them.

    Shapes: samples are those of the data sets.
    """

    def __init__(
        self,
        datasets: Sequence[dict | BaseDataset],
        probabilities: Sequence[float] | None = None,
        *,
        pipeline: Sequence[dict | Callable] | None = None,
        length: int | str | None = None,
        seed: int = 0,
    ) -> None:
        self._shares_given = None
        if probabilities is not None:
            self._shares_given = _checked_probabilities(probabilities, len(datasets))
        if not datasets:
            raise ValueError('a mixture needs data sets')
        if isinstance(length, str):
            fits = length == 'largest'
        else:
            fits = length is None or length >= 1
        if not fits:
            raise ValueError(f"length must be positive, 'largest' or None, got {length!r}")
        if seed < 0:
            raise ValueError(f'seed must be 0 or more, got {seed}')
        require_available([child for child in datasets if isinstance(child, dict)])
        datasets = [_with_pipeline(child, pipeline) for child in datasets]
        self.datasets = [DATASETS.build(c) if isinstance(c, dict) else c for c in datasets]
        self.seed = seed
        self._length = length
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._worker_epoch: int | None = None
        self._counts = [np.zeros(len(self.datasets), np.int64)]

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
    def probabilities(self) -> np.ndarray:
        """Share of each data set."""
        if self._shares_given is None:
            sizes = np.array([len(dataset) for dataset in self.datasets], np.float64)
            self._shares_given = sizes / max(sizes.sum(), 1)
        return self._shares_given

    @property
    def metainfo(self) -> dict[str, Any]:
        """The meta of the first data set, and the names of all."""
        metas = [dict(getattr(dataset, 'metainfo', {})) for dataset in self.datasets]
        names = [str(meta.get('dataset', index)) for index, meta in enumerate(metas)]
        return {**metas[0], 'dataset': 'mixture', 'datasets': names}

    @property
    def epoch(self) -> int:
        """The epoch that samples are drawn for."""
        return int(self._epoch) if self._worker_epoch is None else self._worker_epoch

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; workers follow, unless they were told one of their own.

        Args:
            epoch: Number of the epoch, from 0.

        Raises:
            ValueError: The number is negative.

        Shapes: none.
        """
        if epoch < 0:
            raise ValueError(f'epoch must be 0 or more, got {epoch}')
        if get_worker_info() is None:
            self._epoch.fill_(epoch)
        else:
            self._worker_epoch = int(epoch)

    def __len__(self) -> int:
        if not isinstance(self._length, int):
            sizes = [
                len(dataset)
                for dataset, share in zip(self.datasets, self.probabilities, strict=True)
                if share > 0
            ]
            self._length = max(sizes) if self._length == 'largest' else sum(sizes)
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
        child, item, _ = self._locate(index)
        return child, item

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The row that comes at an index in the current epoch.

        Args:
            idx: Index into the epoch.

        Raises:
            IndexError: The index lies outside of the epoch.

        Shapes: as the data set's rows.
        """
        child, item, turn = self._locate(idx)
        return self._child(child, turn).get_data_info(item)

    def __getitem__(self, index: int) -> Any:
        child, item, turn = self._locate(index)
        with _seeded((3, self.seed, self.epoch, index, 1)):
            return self._child(child, turn)[item]

    def _locate(self, index: int) -> tuple[int, int, int]:
        """The data set, the item in it, and how often all its items have come before."""
        if not 0 <= index < len(self):
            raise IndexError(f'index {index} of an epoch of {len(self)} samples')
        before, after = self._draws(self.epoch)
        slot = shuffled(index, len(self), (1, self.seed, self.epoch, 1))
        ends = np.cumsum(after - before)
        child = int(np.searchsorted(ends, slot, side='right'))
        draw = int(after[child] - ends[child]) + slot
        size = len(self.datasets[child])
        turn, position = divmod(draw, size)
        return child, shuffled(position, size, (2, self.seed, child, turn, 1)), turn

    def _child(self, child: int, turn: int) -> Any:
        """A data set; a mixture within this one goes on to its next epoch with each turn."""
        dataset = self.datasets[child]
        if hasattr(dataset, 'set_epoch'):
            dataset.set_epoch(turn)
        return dataset

    def _draws(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """How often each data set is drawn before an epoch, and before the next."""
        if len(self._counts) == 1:
            self.full_init()
        while len(self._counts) < epoch + 2:
            self._counts.append(self._counts[-1] + self._shares(len(self._counts)))
        return self._counts[epoch], self._counts[epoch + 1]

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


def _with_pipeline(child: Any, pipeline: Sequence[dict | Callable] | None) -> Any:
    """The config of a data set, with the mixture's pipeline where it has none."""
    if pipeline is None:
        return child
    if not isinstance(child, Mapping):
        raise ValueError(
            f'pipeline: {type(child).__name__} is built already and has its own; leave it out'
        )
    return child if 'pipeline' in child else {**child, 'pipeline': pipeline}


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
