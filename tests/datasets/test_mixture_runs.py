"""Mixtures in a run: the same samples on any number of workers and ranks, resumed in mid-epoch."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from whmr.datasets import MixtureDataset
from whmr.engine import ResumableSampler, SeedPerSample
from whmr.engine.config import load_config
from whmr.registry import DATASETS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
MIXTURES = sorted(CONFIGS.glob('mixture_*.py'))
# spec: the active mixture and the commented ones A, B, C of the authors' release
RELEASE = {
    'mixture_active.py': (165000, [7, 5, 5, 5, 2, 18, 18, 19, 7, 7, 7]),
    'mixture_a.py': (250000, [40, 20, 10, 10, 10, 5, 5]),
    'mixture_b.py': (180000, [10, 10, 10, 10, 2, 19, 19, 20]),
    'mixture_c.py': ('largest', [7, 6, 6, 6, 2, 19, 19, 20, 7, 1, 7]),
}


class Items(Dataset):
    """Gives (name, item, a random number)."""

    def __init__(self, name: str, size: int, pipeline: object = None) -> None:
        self.name, self.size, self.pipeline = name, size, pipeline
        self.metainfo = dict(dataset=name)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[str, int, float]:
        return self.name, index, float(np.random.rand())  # noqa: NPY002


def mixture(length: int = 48) -> SeedPerSample:
    children = [Items('a', 7), Items('b', 30), Items('c', 200)]
    return SeedPerSample(MixtureDataset(children, (0.25, 0.5, 0.25), length=length, seed=4))


def run(
    monkeypatch: pytest.MonkeyPatch,
    *,
    world: int = 1,
    workers: int = 0,
    epochs: tuple[int, ...] = (0, 1),
    start: int = 0,
) -> list[tuple]:
    """What the processes of a run load, in the order in which the whole run sees it."""
    streams = []
    for rank in range(world):
        monkeypatch.setattr('whmr.engine.sampler.get_dist_info', lambda rank=rank: (rank, world))
        dataset = mixture()
        sampler = ResumableSampler(dataset, seed=5)
        loader = DataLoader(
            dataset,
            4 // world,
            sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=list,
        )
        batches = []
        for number, epoch in enumerate(epochs):
            sampler.seek(epoch, start // world if number == 0 else 0)
            batches += list(loader)
        streams.append(batches)
    # Ranks take turns within a global batch.
    return [
        sample
        for batches in zip(*streams, strict=True)
        for turn in zip(*batches, strict=True)
        for sample in turn
    ]


@pytest.mark.parametrize(('world', 'workers'), [(1, 1), (1, 2), (2, 0), (4, 0), (2, 1)])
def test_workers_and_ranks_change_nothing(monkeypatch, world: int, workers: int) -> None:
    reference = run(monkeypatch)
    assert len(reference) == 96 and len({value for _, _, value in reference}) == 96
    assert run(monkeypatch, world=world, workers=workers) == reference


@pytest.mark.parametrize(('world', 'workers'), [(1, 0), (2, 0), (1, 2)])
def test_a_run_resumed_in_mid_epoch_goes_on_as_it_would_have(
    monkeypatch, world: int, workers: int
) -> None:
    whole = run(monkeypatch, epochs=(0, 1, 2))
    resumed = run(monkeypatch, world=world, workers=workers, epochs=(1, 2), start=20)
    assert resumed == whole[48 + 20 :]


def test_shares_hold_over_a_resumed_epoch(monkeypatch) -> None:
    first = [name for name, _, _ in run(monkeypatch, epochs=(1,))]
    assert Counter(first) == dict(a=12, b=24, c=12)


@DATASETS.register_module()
class StandInItems(Items):
    """Takes the place of a data set of a mixture config."""


def stand_in(config: dict, size: int) -> dict:
    """A mixture config with small sets that have sizes of their own."""
    if 'datasets' in config:
        children = [stand_in(child, size + i) for i, child in enumerate(config['datasets'])]
        return {**config, 'datasets': children}
    return dict(type='StandInItems', name=f'{config["data_root"]}/{config["ann_file"]}', size=size)


def leaves(dataset: Dataset) -> list[Items]:
    if isinstance(dataset, MixtureDataset):
        return [leaf for child in dataset.datasets for leaf in leaves(child)]
    return [dataset]


def test_all_mixtures_of_the_release_are_there() -> None:
    assert {path.name for path in MIXTURES} >= set(RELEASE)


@pytest.mark.parametrize('path', MIXTURES, ids=lambda path: path.stem)
def test_mixture_configs(path: Path) -> None:
    """Shares as the release has them, and no item of any set is out of reach."""
    config = load_config(path).mixture_dataset.to_dict()
    if path.name in RELEASE:
        length, shares = RELEASE[path.name]
        assert config['length'] == length
        assert config['probabilities'] == pytest.approx([share / 100 for share in shares])
    assert sum(config['probabilities']) == pytest.approx(1)
    dataset = DATASETS.build({**stand_in(config, 5), 'length': 60, 'pipeline': ['transform']})
    items = {(leaf.name, index) for leaf in leaves(dataset) for index in range(len(leaf))}
    assert len({leaf.name for leaf in leaves(dataset)}) == len(leaves(dataset))
    assert all(leaf.pipeline == ['transform'] for leaf in leaves(dataset))
    seen: set[tuple[str, int]] = set()
    # Epochs until every set has been gone through once: each is drawn its share of 60 times.
    turns = [len(d) / (60 * share) for d, share in zip(dataset.datasets, dataset.probabilities)]
    for epoch in range(int(max(turns)) + 2):
        dataset.set_epoch(epoch)
        seen |= {dataset[index][:2] for index in range(60)}
    assert seen == items


def test_length_of_the_largest() -> None:
    children = [Items('a', 7), Items('b', 30), Items('c', 200)]
    assert len(MixtureDataset(children, (0.5, 0.5, 0.0), length='largest')) == 30
    assert len(MixtureDataset(children, length='largest')) == 200
    with pytest.raises(ValueError, match="length must be positive, 'largest' or None"):
        MixtureDataset(children, length='smallest')


def test_a_pipeline_for_all_that_have_none() -> None:
    child = dict(type='StandInItems', name='x', size=3)
    inner = dict(type='MixtureDataset', datasets=[child])
    own = dict(child, pipeline=['own'])
    dataset = MixtureDataset([child, own, inner], pipeline=['common'])
    assert [leaf.pipeline for leaf in leaves(dataset)] == [['common'], ['own'], ['common']]
    with pytest.raises(ValueError, match='pipeline: Items is built already'):
        MixtureDataset([Items('a', 3)], pipeline=['common'])
