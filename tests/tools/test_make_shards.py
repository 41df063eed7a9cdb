"""The tool that packs shards, from the command line."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from whmr.datasets import HMRDataset
from whmr.testing import tiny_annotation_file, tiny_pipeline


@pytest.fixture(scope='module')
def tool(repo_root: Path) -> ModuleType:
    path = repo_root / 'tools' / 'misc' / 'make_shards.py'
    spec = importlib.util.spec_from_file_location('make_shards', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pack_and_index(tool: ModuleType, tmp_path: Path) -> None:
    ann_file, out = tiny_annotation_file(tmp_path / 'tiny', 3), tmp_path / 'packed'
    command = [str(ann_file), str(out), '--photos-per-shard', '2']
    assert tool.main(command) == 0
    before = (out / 'tiny.npz').read_bytes()
    pipeline, prefix = tiny_pipeline(), dict(img='images')
    dataset = HMRDataset('tiny.npz', data_root=out, data_prefix=prefix, pipeline=pipeline)
    assert dataset[2]['data_samples'].img_id == 'tiny_0002'
    (out / 'tiny.npz').unlink()
    assert tool.main(['tiny.npz', str(out), '--index']) == 0
    again = HMRDataset('tiny.npz', data_root=out, data_prefix=prefix, pipeline=pipeline)
    assert again.get_data_info(2)['img_path'] == dataset.get_data_info(2)['img_path']
    assert tool.main(command) == 0
    assert (out / 'tiny.npz').read_bytes() == before
    (tmp_path / 'tiny' / 'images' / '0001.png').write_bytes(b'')
    assert tool.main([str(ann_file), str(tmp_path / 'other')]) == 3


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (['--photos', 'none'], 'none: no such folder; say where the photos are with --photos'),
        (['--photos-per-shard', '0'], 'photos_per_shard must be positive'),
        (['--index'], 'the shards hold no person'),
    ],
)
def test_mistakes_are_one_line(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture, changes: list, message: str
) -> None:
    ann_file = tiny_annotation_file(tmp_path / 'tiny', 1)
    assert tool.main([str(ann_file), str(tmp_path / 'out'), *changes]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1
    assert tool.main([str(tmp_path / 'no.npz'), str(tmp_path), '--photos', str(tmp_path)]) == 2
    assert 'no.npz' in capsys.readouterr().err
