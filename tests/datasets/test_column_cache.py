"""Labels are unpacked once and shared: mapped files, not copies."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from whmr.datasets import HMRDataset
from whmr.datasets.column_cache import ColumnCache, MappedColumns
from whmr.testing import tiny_annotation_file

NUM = 6


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))
    return tiny_annotation_file(tmp_path / 'data', NUM)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The annotation files that are read and checked."""
    from whmr.datasets import hmr_dataset

    found, load = [], hmr_dataset.load_annotations

    def counted(path: Path, **kwargs):
        found.append(Path(path).name)
        return load(path, **kwargs)

    monkeypatch.setattr(hmr_dataset, 'load_annotations', counted)
    return found


def is_mapped(column: np.ndarray) -> bool:
    """Whether an array is a view of a mapped file."""
    while column is not None:
        if isinstance(column, np.memmap):
            return True
        column = getattr(column, 'base', None)
    return False


def assert_same_rows(one: HMRDataset, other: HMRDataset) -> None:
    assert len(one) == len(other)
    for index in range(len(one)):
        rows = one.get_data_info(index), other.get_data_info(index)
        assert rows[0].keys() == rows[1].keys()
        for name, value in rows[0].items():
            assert np.array_equal(value, rows[1][name]), name
            assert type(value) is type(rows[1][name]), name


def test_a_large_file_is_mapped_and_checked_once(path: Path, reads: list[str]) -> None:
    plain = HMRDataset(path, map_above=None)
    first, second = (HMRDataset(path, map_above=0) for _ in range(2))
    assert reads == ['tiny.npz'] * 2  # the plain one and the first
    for dataset in (first, second):
        assert isinstance(dataset.columns, MappedColumns)
        assert all(is_mapped(column) for column in dataset.columns.values())
        assert_same_rows(plain, dataset)
        assert dataset.metainfo == plain.metainfo
    assert not isinstance(HMRDataset(path.rename(path.with_name('b.npz'))).columns, MappedColumns)


def test_rows_can_be_changed_and_columns_cannot(path: Path) -> None:
    dataset = HMRDataset(path, map_above=0)
    row = dataset.get_data_info(0)
    row['bbox'] += 1
    assert type(row['bbox']) is np.ndarray
    with pytest.raises(ValueError, match='read-only'):
        dataset.columns['bbox'][0] = 0


def test_a_changed_file_is_read_again(path: Path, reads: list[str]) -> None:
    HMRDataset(path, map_above=0)
    tiny_annotation_file(path.parent, NUM - 1, seed=1)
    assert len(HMRDataset(path, map_above=0)) == NUM - 1
    assert len(reads) == 2
    assert len(list((path.parent / '.tiny.npz.columns').iterdir())) == 1  # the old one is gone
    with np.load(path) as file:
        arrays = dict(file)
    arrays['bbox'][2] = 0
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match='row 2 has no area'):
        HMRDataset(path, map_above=0)


def test_dropped_rows_are_told_every_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    arrays['bbox'][2] = 0
    np.savez(path, **arrays)
    lines: list[str] = []
    monkeypatch.setattr('whmr.datasets.hmr_dataset.print_log', lambda text, *_: lines.append(text))
    for told in ([], ['1 row(s) with wrong labels are left out, as before']):
        assert len(HMRDataset(path, map_above=0, on_bad_rows='drop')) == NUM - 1
        assert [line.split('.npz: ')[1] for line in lines] == told


def test_a_pickle_holds_no_labels(path: Path) -> None:
    """What goes to a worker that is started afresh does not grow with the file."""
    dataset = HMRDataset(path, map_above=0)
    data = pickle.dumps(dataset)
    assert len(data) < 4000 < sum(column.nbytes for column in dataset.columns.values())
    again = pickle.loads(data)
    assert all(is_mapped(column) for column in again.columns.values())
    assert_same_rows(dataset, again)


@pytest.mark.parametrize('indices', [2, -2, 0, 100])
def test_subsets_of_neighbours_stay_mapped(path: Path, indices: int) -> None:
    plain, mapped = (HMRDataset(path, map_above=above) for above in (None, 0))
    subset = mapped.get_subset(indices)
    assert isinstance(subset.columns, MappedColumns)
    assert_same_rows(plain.get_subset(indices), pickle.loads(pickle.dumps(subset)))
    if indices == -2:
        assert_same_rows(plain.get_subset([-1]), subset.get_subset(-1))
    assert_same_rows(plain.get_subset([4, 0, 4]), mapped.get_subset([4, 0, 4]))


def test_a_folder_that_cannot_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own cache takes its place; without that, labels stay in memory."""
    write = ColumnCache._write
    refused = [path.parent]

    def write_elsewhere(self, folder: Path, *args) -> None:
        if any(parent in folder.parents for parent in refused):
            raise PermissionError(13, 'Permission denied')
        write(self, folder, *args)

    monkeypatch.setattr(ColumnCache, '_write', write_elsewhere)
    dataset = HMRDataset(path, map_above=0)
    assert isinstance(dataset.columns, MappedColumns)
    assert os.listdir(path.parent.parent / 'home' / 'whmr' / 'columns')
    assert sorted(os.listdir(path.parent)) == ['images', 'tiny.npz']

    refused.append(path.parent.parent)
    lines: list[str] = []
    monkeypatch.setattr('whmr.datasets.column_cache.print_log', lambda text, *_: lines.append(text))
    other = tiny_annotation_file(path.parent / 'other', NUM)
    assert not isinstance(HMRDataset(other, map_above=0).columns, MappedColumns)
    assert len(lines) == 1 and 'Permission denied' in lines[0]


def test_a_broken_cache_is_made_again(path: Path, reads: list[str]) -> None:
    dataset = HMRDataset(path, map_above=0)
    cache = path.parent / '.tiny.npz.columns'
    (column,) = cache.glob('*/bbox.npy')
    column.write_bytes(column.read_bytes()[:150])
    again = HMRDataset(path, map_above=0)
    assert len(reads) == 2
    assert isinstance(again.columns, MappedColumns)
    assert_same_rows(HMRDataset(path, map_above=None), again)
    assert len(dataset) == NUM
    assert [folder.name for folder in cache.iterdir()] == [column.parent.name]  # nothing is left


def test_two_writers_at_once(path: Path) -> None:
    """The second finds the place taken and is content."""
    dataset = HMRDataset(path, map_above=None)
    cache = ColumnCache(path, dict(on_bad_rows='error', joint_set='spin49'))
    for _ in range(2):
        assert cache.write(dataset.columns, dict(dataset.metainfo))
    assert isinstance(HMRDataset(path, map_above=0).columns, MappedColumns)


def test_a_data_set_that_makes_its_own_rows_is_left_alone(path: Path) -> None:
    class Mine(HMRDataset):
        def load_columns(self):
            columns, meta = super().load_columns()
            return {**columns, 'bbox': columns['bbox'] + 1}, meta

    HMRDataset(path, map_above=0)
    assert not isinstance(Mine(path, map_above=0).columns, MappedColumns)
