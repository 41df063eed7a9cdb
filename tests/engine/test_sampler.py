"""Samples and their random numbers depend on where a run is, and on nothing else."""

import pickle
import random

import numpy as np
import pytest
import torch

from whmr.engine import ResumableSampler, SampleIndex, SeedPerSample, seed_everything


def of_rank(sampler: ResumableSampler, rank: int, world_size: int) -> ResumableSampler:
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


def test_an_epoch_is_a_permutation_that_seed_and_epoch_fix() -> None:
    orders = {}
    for seed in (0, 1):
        for epoch in (0, 1):
            sampler = ResumableSampler(range(20), seed=seed)
            sampler.set_epoch(epoch)
            orders[seed, epoch] = list(sampler)
            assert sorted(orders[seed, epoch]) == list(range(20))
            assert list(sampler) == orders[seed, epoch]
    assert orders[0, 0] != orders[0, 1] and orders[0, 0] != orders[1, 0]
    assert list(ResumableSampler(range(5), shuffle=False, seed=0)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('offset', [0, 1, 7, 10])
def test_seek_skips_the_consumed_part(offset: int) -> None:
    sampler = ResumableSampler(range(10), seed=5)
    sampler.set_epoch(3)
    whole = list(sampler)
    sampler.seek(3, offset)
    assert list(sampler) == whole[offset:]
    assert len(sampler) == 10  # the data loader counts whole epochs
    sampler.set_epoch(3)
    assert list(sampler) == whole


@pytest.mark.parametrize('offset', [-1, 11])
def test_seek_beyond_the_epoch_is_an_error(offset: int) -> None:
    with pytest.raises(ValueError, match='outside an epoch of 10 samples'):
        ResumableSampler(range(10), seed=0).seek(0, offset)


@pytest.mark.parametrize('world_size', [2, 3])
def test_processes_share_the_global_batches_of_one(world_size: int) -> None:
    alone = list(ResumableSampler(range(10), seed=1))
    ranks = [
        list(of_rank(ResumableSampler(range(10), seed=1), rank, world_size))
        for rank in range(world_size)
    ]
    assert len({len(rank) for rank in ranks}) == 1
    turns = [index for turn in zip(*ranks) for index in turn]
    assert turns[:10] == alone
    assert turns[10:] == alone[: len(turns) - 10]  # the last round is filled from the front
    for rank in range(world_size):
        sampler = of_rank(ResumableSampler(range(10), seed=1), rank, world_size)
        sampler.seek(0, 2)
        assert list(sampler) == ranks[rank][2:]


def test_more_processes_than_samples() -> None:
    assert list(of_rank(ResumableSampler(range(2), shuffle=False, seed=0), 4, 5)) == [0]


def test_an_empty_data_set_is_an_error() -> None:
    with pytest.raises(ValueError, match='the data set is empty'):
        ResumableSampler([])


def test_an_index_carries_its_seed_to_a_worker() -> None:
    sampler = ResumableSampler(range(4), seed=9)
    sampler.set_epoch(2)
    for index in sampler:
        copy = pickle.loads(pickle.dumps(index))
        assert isinstance(copy, SampleIndex) and copy == index
        assert (copy.seed, copy.epoch) == (9, 2)


class Draws:
    """Each sample draws from the three global generators."""

    def __init__(self) -> None:
        self.epochs = []

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple:
        assert type(index) is int
        return (
            index,
            random.random(),
            float(np.random.rand()),  # noqa: NPY002
            float(torch.rand(())),
        )

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


def test_a_sample_is_the_same_however_it_is_reached() -> None:
    wrapped = SeedPerSample(Draws())
    index = SampleIndex(3, seed=1, epoch=0)
    first = wrapped[index]
    wrapped[SampleIndex(5, seed=1, epoch=0)]
    torch.rand(7)
    assert wrapped[index] == first
    others = [
        wrapped[SampleIndex(i, seed=s, epoch=e)] for i, s, e in ((4, 1, 0), (3, 2, 0), (3, 1, 1))
    ]
    for other in others:
        assert all(a != b for a, b in zip(other[1:], first[1:]))
    assert wrapped[2][0] == 2  # a plain index: no seeding
    assert wrapped[2][1:] != wrapped[2][1:]


def test_the_data_set_is_told_the_epoch_once() -> None:
    data = Draws()
    wrapped = SeedPerSample(data)
    for epoch in (0, 0, 1, 1, 2):
        wrapped[SampleIndex(0, seed=0, epoch=epoch)]
    assert data.epochs == [0, 1, 2]
    assert len(wrapped) == 8 and not hasattr(wrapped, 'metainfo')


def test_seeds_differ_in_every_part_of_the_key() -> None:
    seen = set()
    for key in ((0,), (0, 1), (1, 0), (0, 0, 1), (0, 1, 1)):
        seed_everything(*key)
        seen.add((random.random(), float(np.random.rand()), float(torch.rand(()))))  # noqa: NPY002
    assert len(seen) == 5
