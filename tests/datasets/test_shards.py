"""A data set in tars gives the samples of its single files, on one process and on two."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch

from whmr.datasets import HMRDataset, index_shards, pack_shards, save_annotations
from whmr.datasets.errors import SourceError
from whmr.fileio import tar_member
from whmr.testing import tiny_annotation_file, tiny_pipeline

NUM = 7


@pytest.fixture(scope='module')
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven people in six photos."""
    folder = tmp_path_factory.mktemp('source')
    with np.load(tiny_annotation_file(folder, NUM)) as file:
        columns = dict(file)
    columns['img_path'][5] = columns['img_path'][1]
    meta = json.loads(str(columns.pop('meta')))
    columns.pop('format_version')
    save_annotations(folder / 'tiny.npz', columns, meta)
    return folder


@pytest.fixture(scope='module')
def packed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('packed')
    pack(source, folder)
    return folder


def pack(source: Path, folder: Path, **changes):
    args = dict(photos_per_shard=4) | changes
    steps = list(pack_shards(source / 'tiny.npz', source / 'images', folder / 'tiny.npz', **args))
    return steps[-1]


def build(root: object, **changes) -> HMRDataset:
    config = dict(data_root=str(root), data_prefix=dict(img='images'), pipeline=tiny_pipeline())
    return HMRDataset('tiny.npz', **(config | changes))


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


def by_id(dataset: HMRDataset) -> dict[str, dict]:
    samples = [dataset[index] for index in range(len(dataset))]
    return {sample['data_samples'].img_id: sample for sample in samples}


def assert_same_samples(one: HMRDataset, other: HMRDataset) -> None:
    one, other = by_id(one), by_id(other)
    assert len(one) == NUM
    assert one.keys() == other.keys()
    for name, sample in one.items():
        assert torch.equal(sample['inputs']['crop'], other[name]['inputs']['crop'])
        labels = other[name]['data_samples'].gt_instances
        for field, value in sample['data_samples'].gt_instances.items():
            assert torch.equal(value, labels[field]), field


def test_shards_are_webdatasets(source: Path, packed: Path) -> None:
    """Samples lie together, named alike up to the first dot; what else there is begins with __."""
    names = sorted(path.name for path in (packed / 'images').iterdir())
    assert names == ['tiny-000000.tar', 'tiny-000001.tar']
    seen = []
    for name in names:
        with tarfile.open(packed / 'images' / name) as tar:
            first, *members = tar.getmembers()
            assert first.name == '__meta__'
            assert json.load(tar.extractfile(first))['meta']['dataset'] == 'tiny'
            for photo, labels in zip(members[::2], members[1::2], strict=True):
                stem = photo.name.partition('.')[0]
                assert (photo.name, labels.name) == (f'{stem}.png', f'{stem}.json')
                people = json.load(tar.extractfile(labels))['people']
                path = source / 'images' / people[0]['img_path']
                assert tar.extractfile(photo).read() == path.read_bytes()
                seen += [person['img_id'] for person in people]
    assert seen == [f'tiny_{i:04d}' for i in (0, 1, 5, 2, 3, 4, 6)]


def test_samples_are_those_of_single_files(source: Path, packed: Path) -> None:
    dataset = build(packed)
    assert tar_member(dataset.get_data_info(0)['img_path']).name == '00000000.png'
    assert_same_samples(build(source), dataset)


def test_a_url_is_read(source: Path, packed: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    memory = fsspec.filesystem('memory')
    try:
        memory.put(str(packed), '/bucket', recursive=True)
        dataset = build('memory://bucket')
        assert dataset.get_data_info(0)['img_path'].startswith('memory://bucket/images/tiny-000')
        assert_same_samples(build(source), dataset)
        with pytest.raises(FileNotFoundError, match='no annotation file memory://bucket/none'):
            HMRDataset('memory://bucket/none.npz')
    finally:
        memory.rm('/bucket', recursive=True)
    with pytest.raises(ImportError, match='s3:// needs fsspec and its package for s3'):
        HMRDataset('s3://bucket/tiny.npz')


def test_the_index_can_be_made_again(packed: Path) -> None:
    tars = sorted((packed / 'images').iterdir())
    columns, meta = index_shards(tars, relative_to=packed / 'images')
    with np.load(packed / 'tiny.npz') as file:
        assert json.loads(str(file['meta'])) == meta
        assert set(file.files) == {'meta', 'format_version', *columns}
        for name, column in columns.items():
            assert np.array_equal(file[name], column), name
            assert file[name].dtype == column.dtype


def test_an_interrupted_run_goes_on(source: Path, packed: Path, tmp_path: Path) -> None:
    steps = pack_shards(
        source / 'tiny.npz', source / 'images', tmp_path / 'tiny.npz', photos_per_shard=4
    )
    next(steps)
    steps.close()
    assert list(content(tmp_path)) == ['images/tiny-000000.tar']
    before = (tmp_path / 'images' / 'tiny-000000.tar').stat().st_mtime_ns
    summary = pack(source, tmp_path)
    assert (summary.shards, summary.kept, summary.photos, summary.people) == (2, 1, 6, NUM)
    assert (tmp_path / 'images' / 'tiny-000000.tar').stat().st_mtime_ns == before
    assert content(tmp_path) == content(packed)
    # Another cut is another run; a tar that is cut off is made again.
    assert pack(source, tmp_path, photos_per_shard=3).kept == 0
    assert pack(source, tmp_path, photos_per_shard=3).kept == 2
    shard = tmp_path / 'images' / 'tiny-000001.tar'
    whole = shard.read_bytes()
    shard.write_bytes(whole[:3000])
    assert pack(source, tmp_path, photos_per_shard=3).kept == 1
    assert shard.read_bytes() == whole


def test_photos_that_cannot_be_read_are_left_out(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'source'
    (folder / 'images').mkdir(parents=True)
    for name, data in content(source).items():
        (folder / name).write_bytes(data)
    (folder / 'images' / '0001.png').write_bytes(b'')
    (folder / 'images' / '0003.png').unlink()
    for kept in (0, 1):  # a tar that lacks photos is tried again
        summary = pack(folder, tmp_path / 'packed')
        assert (summary.kept, summary.photos, summary.people) == (kept, 4, NUM - 3)
        assert [line.split(':')[0] for line in summary.dropped] == ['0001.png', '0003.png']
    assert len(build(tmp_path / 'packed')) == NUM - 3
    for path in (folder / 'images').iterdir():
        path.unlink()
    with pytest.raises(SourceError, match=r'no photo can be read; 0000\.png: cannot be read'):
        pack(folder, tmp_path / 'empty')


def test_other_tars_are_refused(packed: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / 'a.tar', 'w') as tar:
        tar.add(packed / 'tiny.npz', 'labels.npz')
    with pytest.raises(SourceError, match='does not begin with __meta__'):
        index_shards([tmp_path / 'a.tar'], relative_to=tmp_path)
    with pytest.raises(SourceError, match=r'b\.tar: is missing, cut off or no tar'):
        index_shards([tmp_path / 'b.tar'], relative_to=tmp_path)
    with pytest.raises(SourceError, match='hold no person'):
        index_shards([], relative_to=tmp_path)
    with pytest.raises(ValueError, match='is the file that is packed'):
        next(pack_shards(packed / 'tiny.npz', packed / 'images', packed / 'tiny.npz'))


@pytest.mark.slow
def test_two_processes_share_a_mixture(source: Path, packed: Path, tmp_path: Path, repo_root: Path):
    """Disjoint samples, the order of one process, and of single files; resumed: the same order."""
    script = Path(__file__).with_name('shard_runs.py')
    result = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
            *('--nproc-per-node=2', str(script), str(source), str(packed), str(tmp_path)),
        ],
        env={
            **os.environ,
            'PYTHONPATH': str(repo_root),
            'CUDA_VISIBLE_DEVICES': '-1',
            'XDG_CACHE_HOME': str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    ranks = [json.loads((tmp_path / f'rank{rank}.json').read_text()) for rank in range(2)]
    for rank in ranks:
        assert rank['shards'] == rank['files']  # names, labels and pixels
        assert rank['resumed'] == rank['shards'][3:]
        assert rank['next epoch'] != rank['shards']
    drawn = [{index for index, *_ in rank['shards']} for rank in ranks]
    assert drawn[0].isdisjoint(drawn[1])
    assert sorted(drawn[0] | drawn[1]) == list(range(12))
    ids = [name for rank in ranks for _, name, *_ in rank['shards']]
    assert set(ids) == {f'tiny_{i:04d}' for i in range(NUM)}
