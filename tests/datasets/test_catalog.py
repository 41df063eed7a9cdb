"""The catalog names every set of the spec, and missing files are listed at once."""

from pathlib import Path

import pytest

from whmr.datasets import CATALOG, check_available, require_available
from whmr.datasets.catalog import find_info, missing_file_message

TRAINING = {
    'h36m',
    'mpii',
    'coco',
    'mpi_inf_3dhp',
    'ava',
    'aic',
    'insta',
    'agora',
    '3dpw',
    'humman',
}
TRAINING |= {'spec_syn', 'lsp', 'lspet'}


def test_every_named_set_is_there_and_complete() -> None:
    assert set(CATALOG) == TRAINING | {'spec_mtp'}
    for name, info in CATALOG.items():
        assert info.name == name
        assert info.root == f'data/{name}'
        assert info.home.startswith('http')
        assert all([info.title, info.paper, info.licence, info.labels, info.images])
        assert info.files
        assert all(file.startswith(name) and file.endswith('.npz') for file in info.files)


def test_a_set_is_told_by_its_folder() -> None:
    assert find_info('data/3dpw/3dpw_test.npz').title == '3DPW'
    assert find_info('/disk/coco/annotations/coco_train.npz').name == 'coco'
    assert find_info('data/mine/coco.npz') is None
    assert 'cocodataset.org' in missing_file_message('data/coco/coco_train.npz')


def test_all_missing_files_are_listed_in_one_error(tmp_path: Path) -> None:
    there = tmp_path / 'there.npz'
    there.touch()
    configs = [
        dict(type='HMRDataset', ann_file='there.npz', data_root=str(tmp_path)),
        dict(type='HMRDataset', ann_file='h36m_train.npz', data_root='data/h36m'),
        dict(type='SyntheticWorld', length=5),
        dict(
            type='ConcatDataset',
            datasets=[
                dict(type='HMRDataset', ann_file='agora_train.npz', data_root='data/agora'),
                dict(type='RepeatDataset', times=2, dataset=dict(ann_file='/no/mine.npz')),
                dict(type='HMRDataset', ann_file='h36m_train.npz', data_root='data/h36m'),
            ],
        ),
    ]
    missing = ['data/h36m/h36m_train.npz', 'data/agora/agora_train.npz', '/no/mine.npz']
    assert check_available(configs) == missing
    with pytest.raises(FileNotFoundError) as caught:
        require_available(configs)
    text = str(caught.value)
    assert text.startswith('3 annotation file(s) are missing:')
    assert all(path in text for path in missing)
    assert 'agora.is.tue.mpg.de' in text
    assert '--embedded' in text
    require_available(configs[:1])
