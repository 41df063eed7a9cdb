"""Columns on disk."""

from pathlib import Path

import numpy as np
import pytest

from whmr.apis.video_columns import ColumnFiles


def test_columns_become_the_arrays_of_one_file(tmp_path: Path, rng: np.random.Generator) -> None:
    (tmp_path / 'columns').mkdir()
    columns = ColumnFiles(tmp_path / 'columns')
    rows = [rng.normal(size=(count, 2, 3)).astype(np.float32) for count in (0, 4, 1)]
    for part in rows:
        columns.append({'turns': part, 'number': np.arange(len(part)), 'name': np.array(['b'])})
    constants = {'format': np.array('text'), 'faces': np.arange(6).reshape(2, 3)}
    columns.write_npz(tmp_path / 'all.npz', constants)
    with np.load(tmp_path / 'all.npz', allow_pickle=False) as file:
        assert set(file.files) == {'turns', 'number', 'name', 'format', 'faces'}
        np.testing.assert_array_equal(file['turns'], np.concatenate(rows))
        assert file['turns'].dtype == np.float32
        assert file['number'].tolist() == [0, 1, 2, 3, 0]
        assert file['name'].tolist() == ['b'] * 3
        assert str(file['format']) == 'text'
        np.testing.assert_array_equal(file['faces'], constants['faces'])


@pytest.mark.parametrize('other', [np.zeros((1, 3)), np.zeros((1, 2), np.float32)])
def test_rows_of_another_kind_are_refused(tmp_path: Path, other: np.ndarray) -> None:
    columns = ColumnFiles(tmp_path)
    columns.append({'place': np.zeros((1, 2))})
    with pytest.raises(ValueError, match='place: rows of'):
        columns.append({'place': other})


def test_an_old_file_stays_if_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / 'columns').mkdir()
    target = tmp_path / 'all.npz'
    target.write_bytes(b'old')
    columns = ColumnFiles(tmp_path / 'columns')
    columns.append({'place': np.zeros((1, 2))})
    (tmp_path / 'columns' / 'place').unlink()
    with pytest.raises(OSError, match=r'all\.npz'):
        columns.write_npz(target, {})
    assert target.read_bytes() == b'old'
    assert {path.name for path in tmp_path.iterdir()} == {'all.npz', 'columns'}
