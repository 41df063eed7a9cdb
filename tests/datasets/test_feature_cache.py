"""The files of a feature cache."""

import json

import numpy as np
import pytest

from whmr.datasets import CachedFeatures, FeatureCache, FeatureCacheError
from whmr.datasets.feature_cache import differences

KEY = {'data': {'num': 5, 'steps': ['a', 'b']}, 'seed': 0}
FIELDS = {'feat': (3,), 'rot': (1, 2, 2), 'flag': ()}


@pytest.fixture
def values(rng):
    return {
        (version, name): rng.normal(size=(5, *shape)).astype(np.float32)
        for version in range(2)
        for name, shape in FIELDS.items()
    }


@pytest.fixture
def cache(tmp_path, values):
    cache = FeatureCache(tmp_path / 'cache')
    assert not cache.exists
    cache.create(KEY, 5, num_versions=2, fields=FIELDS, part_size=2)
    for version, part in cache.missing_parts():
        rows = cache.rows_of(part)
        cache.write_part(
            version, part, {n: values[version, n][rows.start : rows.stop] for n in FIELDS}
        )
    return cache


def test_what_is_written_is_read(cache, values):
    assert cache.missing_parts() == []
    again = FeatureCache(cache.folder)
    for version in range(2):
        for index in range(5):
            row = again.read(version, index)
            for name in FIELDS:
                np.testing.assert_array_equal(row[name], values[version, name][index])
    row['feat'][:] = 0  # a copy: the file is not touched
    np.testing.assert_array_equal(again.read(1, 4)['feat'], values[1, 'feat'][4])


def test_parts_are_listed_until_they_are_written(cache):
    path = sorted(cache.folder.rglob('*.npy'))[4]
    path.unlink()
    assert cache.missing_parts() == [(1, 1)]
    assert list(cache.rows_of(2)) == [4]
    with pytest.raises(FileNotFoundError, match='part_00001'):
        FeatureCache(cache.folder).read(1, 2)
    with pytest.raises(FeatureCacheError, match='not complete'):
        CachedFeatures(cache.folder, json.dumps(KEY))


def test_another_key_is_named(cache, tmp_path):
    cache.check(KEY, 2)
    with pytest.raises(FeatureCacheError, match=r'data.steps.1: "b" there, "c" now'):
        cache.check({**KEY, 'data': {'num': 5, 'steps': ['a', 'c']}})
    with pytest.raises(FeatureCacheError, match='extra: nothing there, 1 now'):
        cache.check({**KEY, 'extra': 1})
    with pytest.raises(FeatureCacheError, match='versions'):
        cache.check(KEY, 3)
    with pytest.raises(FileNotFoundError, match='no feature cache'):
        FeatureCache(tmp_path / 'nowhere').check(KEY)
    assert differences({'a': [1, 2]}, {'a': [1]}) == ['a: [1, 2] there, [1] now']


def test_foreign_and_broken_files_are_refused(cache):
    part = cache.folder / 'version_000' / 'part_00000.npy'
    for array in (np.zeros((2, 7)), np.zeros((2, 8), np.float32), np.zeros((1, 8), np.float32)):
        np.save(part, array)
        if array.shape == (2, 8) and array.dtype == np.float32:
            FeatureCache(cache.folder).read(0, 0)
            continue
        with pytest.raises(FeatureCacheError, match='damaged'):
            FeatureCache(cache.folder).read(0, 0)
    np.save(part, np.array([{}], object), allow_pickle=True)
    with pytest.raises(FeatureCacheError, match='damaged'):
        FeatureCache(cache.folder).read(0, 0)
    with pytest.raises(FeatureCacheError, match='fields'):
        cache.write_part(0, 0, {'feat': np.zeros((2, 4))})
    (cache.folder / 'manifest.json').write_text('{"format": 99}', encoding='utf-8')
    with pytest.raises(FeatureCacheError, match='another version'):
        FeatureCache(cache.folder).check(KEY)
