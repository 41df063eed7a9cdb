"""Mixtures: right shares, every item reached, and the same samples whoever loads them."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from whmr.datasets import MixtureDataset
from whmr.datasets.shuffle import shuffled
from whmr.registry import DATASETS
from whmr.testing import TinyDataset


class Items(Dataset):
    """Gives (name, item, a random number)."""

    def __init__(self, name: int, size: int) -> None:
        self.name, self.size = name, size
        self.metainfo = dict(dataset=f'set{name}')

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, int, float]:
        return self.name, index, float(np.random.rand())  # noqa: NPY002

    def get_data_info(self, index: int) -> dict:
        return dict(name=self.name, index=index)


SIZES = (7, 50, 400)
SHARES = (0.25, 0.5, 0.25)


def mixture(length: int | None = 40, seed: int = 0, shares=SHARES) -> MixtureDataset:
    children = [Items(name, size) for name, size in enumerate(SIZES)]
    return MixtureDataset(children, shares, length=length, seed=seed)


def epoch_of(dataset: MixtureDataset, epoch: int) -> list[tuple[int, int]]:
    dataset.set_epoch(epoch)
    return [dataset.locate(index) for index in range(len(dataset))]


def test_shares_are_kept_in_every_epoch() -> None:
    dataset = mixture()
    assert len(dataset) == 40
    for epoch in range(5):
        counts = Counter(child for child, _ in epoch_of(dataset, epoch))
        assert [counts[child] for child in range(3)] == [10, 20, 10]


def test_rounding_is_carried_over() -> None:
    shares = (0.03, 0.9, 0.07)
    dataset = mixture(length=10, shares=shares)
    total = Counter()
    for epoch in range(100):
        part = Counter(child for child, _ in epoch_of(dataset, epoch))
        assert sum(part.values()) == 10
        total += part
        for child, share in enumerate(shares):
            assert abs(total[child] - share * 10 * (epoch + 1)) < 2
    assert [total[child] for child in range(3)] == [30, 900, 70]


def test_every_item_is_seen_before_any_is_seen_again() -> None:
    """The release's mixture never reaches items beyond the epoch's length."""
    dataset = mixture()
    seen: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for epoch in range(40):
        for child, item in epoch_of(dataset, epoch):
            seen[child].append(item)
    for child, size in enumerate(SIZES):
        counts = np.bincount(seen[child], minlength=size)
        assert len(counts) == size
        assert counts.max() - counts.min() <= 1, child
    assert len(set(seen[2])) == SIZES[2]


def test_epochs_differ_and_come_back() -> None:
    dataset = mixture()
    first, second = epoch_of(dataset, 0), epoch_of(dataset, 1)
    assert first != second
    assert epoch_of(dataset, 0) == first
    assert epoch_of(mixture(), 1) == second  # without having been in epoch 0
    assert epoch_of(mixture(seed=1), 0) != first


def test_data_sets_are_mixed_within_an_epoch() -> None:
    children = [child for child, _ in epoch_of(mixture(400), 0)]
    runs = 1 + sum(a != b for a, b in pairwise(children))
    assert runs > 150  # in blocks it would be 3


def test_zero_probability_is_never_drawn() -> None:
    dataset = mixture(shares=(0.0, 1.0, 0.0))
    assert {child for child, _ in epoch_of(dataset, 0)} == {1}
    assert len(mixture(length=None, shares=(0.5, 0.5, 0))) == 57
    assert len(mixture(length=None)) == sum(SIZES)


def load(dataset: MixtureDataset, workers: int, order: list[int]) -> dict:
    loader = DataLoader(dataset, 1, sampler=order, num_workers=workers, collate_fn=lambda x: x[0])
    return dict(zip(order, loader))


@pytest.mark.parametrize('workers', [0, 1, 2])
def test_a_sample_depends_on_seed_epoch_and_index_only(workers: int) -> None:
    dataset = mixture()
    dataset.set_epoch(3)
    reference = {index: dataset[index] for index in range(40)}
    assert len({value for _, _, value in reference.values()}) == 40
    order = np.random.default_rng(workers).permutation(40).tolist()
    assert load(dataset, workers, order) == reference


def test_the_global_random_numbers_go_on_undisturbed() -> None:
    dataset = mixture()
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    dataset[0]
    assert np.random.rand() == expected  # noqa: NPY002


def test_persistent_workers_follow_the_epoch() -> None:
    dataset = mixture()
    loader = DataLoader(
        dataset, 1, num_workers=1, persistent_workers=True, collate_fn=lambda x: x[0][:2]
    )
    for epoch in (0, 1, 5):
        dataset.set_epoch(epoch)
        assert list(loader) == epoch_of(mixture(), epoch)


def test_by_size() -> None:
    dataset = MixtureDataset([Items(0, 7), Items(1, 50), Items(2, 400)], seed=3)
    assert len(dataset) == 457
    for epoch in (0, 4):
        found = epoch_of(dataset, epoch)
        assert len(set(found)) == 457
    with pytest.raises(ValueError, match='a mixture needs data sets'):
        MixtureDataset([])


def test_a_mixture_in_a_mixture_reaches_everything() -> None:
    """The release's commented mixture A draws AGORA and SPEC-SYN together, by size."""
    inner = MixtureDataset([Items(1, 30), Items(2, 11)])
    outer = MixtureDataset([Items(0, 20), inner], (0.5, 0.5), length=30)
    seen = Counter()
    orders = []
    for epoch in range(82):  # 30 turns through the 41 items
        outer.set_epoch(epoch)
        found = [outer[index][:2] for index in range(30)]
        orders.append([item for item in found if item[0]])
        seen.update(found)
    inside = [count for (name, _), count in seen.items() if name]
    assert len(inside) == 41
    assert set(inside) == {30}
    assert len({tuple(order) for order in orders}) == 82


class Straddle(Dataset):
    """Tells the mixture the epoch of each sample, as a runner that counts iterations does."""

    def __init__(self, dataset: MixtureDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return 2 * len(self.dataset)

    def __getitem__(self, index: int) -> tuple[int, int]:
        epoch, index = divmod(index, len(self.dataset))
        self.dataset.set_epoch(epoch)
        return self.dataset[index][:2]


def test_workers_may_be_in_different_epochs() -> None:
    """One worker loads epoch 1 while the other still loads epoch 0."""
    dataset = mixture()
    order = [index for pair in zip(range(40), range(40, 80)) for index in pair]
    loader = DataLoader(
        Straddle(dataset), 1, sampler=order, num_workers=2, collate_fn=lambda x: x[0]
    )
    found = dict(zip(order, loader))
    assert [found[index] for index in range(80)] == epoch_of(mixture(), 0) + epoch_of(mixture(), 1)
    assert dataset.epoch == 0


def test_augmentation_changes_with_the_epoch() -> None:
    child = TinyDataset(2, pipeline=[dict(type='GetBox'), dict(type='RandomBoxScale')])
    dataset = MixtureDataset([child], [1.0], length=8)
    sizes = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        sizes += [dataset[index]['bbox_size'] for index in range(8)]
    assert len(set(sizes)) >= 12  # some are clipped to the same limit


def test_it_is_built_from_configs() -> None:
    tiny = dict(type='HMRDataset', ann_file='none.npz', data_root='data/coco')
    with pytest.raises(FileNotFoundError, match='2 annotation file') as caught:
        other = dict(tiny, data_root='data/aic')
        DATASETS.build(
            dict(type='MixtureDataset', datasets=[tiny, other], probabilities=[0.5, 0.5])
        )
    assert 'cocodataset.org' in str(caught.value)
    assert 'AIChallenger' in str(caught.value)


def test_meta_and_rows() -> None:
    dataset = mixture()
    assert dataset.metainfo['dataset'] == 'mixture'
    assert dataset.metainfo['datasets'] == ['set0', 'set1', 'set2']
    child, item = dataset.locate(4)
    assert dataset.get_data_info(4) == dict(name=child, index=item)
    with pytest.raises(IndexError, match='index 40 of an epoch of 40'):
        dataset.locate(40)


def test_the_runner_of_mmengine_takes_it() -> None:
    """Its loader builder wants `full_init`, `metainfo` and a length."""
    from mmengine.runner import Runner

    child = TinyDataset(3, pipeline=[dict(type='GetBox')])
    loader = Runner.build_dataloader(
        dict(
            dataset=MixtureDataset([child], [1.0], length=6),
            batch_size=2,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='pseudo_collate'),
        ),
        seed=0,
    )
    found = [i for batch in loader for i in batch['sample_idx']]
    assert sorted(found) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ('shares', 'options', 'message'),
    [
        ((0.5, 0.5), {}, '3 data sets need as many probabilities, got 2'),
        ((0.5, 0.2, 0.2), {}, 'must sum to 1'),
        ((1.5, -0.5, 0.0), {}, 'must be 0 or more'),
        ((np.nan, 0.5, 0.5), {}, 'must be 0 or more'),
        (SHARES, dict(length=0), 'length must be positive'),
        (SHARES, dict(seed=-1), 'seed must be 0 or more'),
    ],
)
def test_mistakes_are_named(shares, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixture(**options, shares=shares)


def test_empty_data_sets_are_named() -> None:
    dataset = MixtureDataset([Items(0, 0), Items(1, 5)], (0.5, 0.5), length=4)
    with pytest.raises(ValueError, match='data set 0 of the mixture is empty'):
        dataset[0]
    with pytest.raises(ValueError, match='epoch must be 0 or more'):
        mixture().set_epoch(-1)
    assert torch.is_tensor(mixture()._epoch)
    assert mixture()._epoch.is_shared()


@pytest.mark.parametrize('size', [1, 2, 3, 4, 5, 16, 17, 100, 1000])
def test_shuffled_is_a_permutation(size: int) -> None:
    for key in ((0,), (1, 2, 3)):
        order = [shuffled(position, size, key) for position in range(size)]
        assert sorted(order) == list(range(size))
    with pytest.raises(IndexError, match=f'position {size} of an order of {size}'):
        shuffled(size, size, (0,))


def test_shuffled_is_random() -> None:
    """Each item comes at each place equally often, and neighbours are strangers."""
    table = np.zeros((6, 6))
    pairs = Counter()
    for key in range(3000):
        order = [shuffled(position, 6, (key,)) for position in range(6)]
        table[np.arange(6), order] += 1
        pairs.update(pairwise(order))
    expected = 3000 / 6
    assert ((table - expected) ** 2 / expected).sum() < 60  # chi-square, 25 degrees of freedom
    expected = 3000 * 5 / 30
    assert len(pairs) == 30
    assert sum((count - expected) ** 2 / expected for count in pairs.values()) < 70
    large = np.array([shuffled(position, 5000, (7,)) for position in range(5000)])
    assert abs(np.corrcoef(large, np.arange(5000))[0, 1]) < 0.05
    assert abs(np.corrcoef(large[1:], large[:-1])[0, 1]) < 0.05
