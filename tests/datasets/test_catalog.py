"""The catalog names every set of the spec, and missing files are listed at once."""

import importlib.util
from pathlib import Path

import pytest

from whmr.datasets import CATALOG, check_available, require_available
from whmr.datasets.catalog import find_info, missing_file_message
from whmr.engine.config import load_config
from whmr.keypoints import JOINT_SETS

ROOT = Path(__file__).resolve().parents[2]
PAPER = {
    *('h36m', '3dpw', 'mpi_inf_3dhp', 'mpii', 'coco', 'ava', 'aic', 'insta', 'agora'),
    *('spec_syn', 'spec_mtp', 'humman'),
}


def test_every_named_set_is_there_and_complete() -> None:
    assert len(PAPER) == 12
    assert set(CATALOG) >= PAPER | {'lsp', 'lspet'}
    for name, info in CATALOG.items():
        assert info.name == name
        assert info.root == f'data/{name}'
        assert info.home.startswith('http')
        assert all([info.title, info.citation, info.section, info.licence, info.images])
        assert ('not in the paper' in info.section) == (name not in PAPER)
        assert info.splits and info.files
        assert info.joint_set in JOINT_SETS
        names = [file.name for file in info.files]
        assert len(set(names)) == len(names)
        for file in info.files:
            stem, split = file.name.removesuffix('.npz').rsplit('_', 1)
            assert stem.startswith(name) and split in info.splits and file.labels


@pytest.mark.parametrize('name', CATALOG)
def test_the_named_converters_exist_and_know_the_options(name: str, capsys) -> None:
    for file in CATALOG[name].files:
        script = ROOT / 'tools' / 'dataset_converters' / f'{file.converter}.py'
        assert script.is_file(), f'{file.name}: no {script.name}'
        text = script.read_text(encoding='utf-8')
        common = (ROOT / 'whmr' / 'datasets' / 'conversion').glob('*.py')
        text += ''.join(path.read_text(encoding='utf-8') for path in common)
        for word in file.options.split():
            assert not word.startswith('--') or f"'{word}'" in text, f'{script.name}: {word}'


def test_the_page_is_up_to_date() -> None:
    tool = ROOT / 'tools' / 'misc' / 'build_data_page.py'
    spec = importlib.util.spec_from_file_location('build_data_page', tool)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(['--check']) == 0, 'run tools/misc/build_data_page.py'
    page = module.render()
    assert all(info.title in page and info.citation in page for info in CATALOG.values())


def paths_of(dataset: dict) -> list[tuple[str, str, str]]:
    """(folder, photos, file) of every set of a mixture."""
    if 'datasets' in dataset:
        return [path for child in dataset['datasets'] for path in paths_of(child)]
    return [(dataset['data_root'], dataset['data_prefix']['img'], dataset['ann_file'])]


@pytest.mark.parametrize('pattern', ['datasets/mixture_*.py', 'evaluation/*.py'])
def test_configs_name_files_of_the_catalog(pattern: str) -> None:
    known = {
        (info.root, file.images or info.images, file.name)
        for info in CATALOG.values()
        for file in info.files
    }
    found = 0
    for path in sorted((ROOT / 'configs' / '_base_').glob(pattern)):
        cfg = load_config(path)
        key = 'mixture_dataset' if 'mixture' in path.name else '_protocol_set'
        for entry in paths_of(cfg[key]):
            assert entry in known, f'{path.name}: {entry}'
            found += 1
    assert found >= 7


def test_a_missing_file_names_its_own_converter() -> None:
    text = missing_file_message('data/coco/coco_cliff_train.npz')
    assert 'cocodataset.org' in text and 'labels from https://github.com/huawei-noah' in text
    assert 'tools/dataset_converters/cliff.py DOWNLOADS/coco data/coco --labels' in text
    assert 'converters/3dpw.py' in missing_file_message('data/3dpw/3dpw_test.npz')
    assert 'converters/h36m.py' in missing_file_message('data/h36m/my_own.npz')


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
