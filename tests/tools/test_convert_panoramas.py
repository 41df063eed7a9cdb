"""A folder of panoramas becomes a data set with splits; what is no panorama is named."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from whmr.datasets import PanoramaViews

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    path = ROOT / 'tools' / 'dataset_converters' / 'panoramas.py'
    spec = importlib.util.spec_from_file_location('convert_panoramas', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Twenty small panoramas, two of them in a folder; a photo, and a broken file."""
    folder = tmp_path / 'source'
    (folder / 'sea').mkdir(parents=True)
    for number in range(20):
        name = f'sea/{number:02d}.png' if number < 2 else f'{number:02d}.jpg'
        cv2.imwrite(str(folder / name), np.full((64, 128, 3), 10 * number, np.uint8))
    cv2.imwrite(str(folder / 'photo.jpg'), np.zeros((60, 90, 3), np.uint8))
    (folder / 'broken.png').write_bytes(b'no picture')
    return folder


def test_a_folder_becomes_a_data_set(tool, source: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / 'out'
    assert tool.main([str(source), str(out), '--width', '64']) == 0
    text = capsys.readouterr().out
    assert 'photo.jpg: 90 x 60 is not twice as wide as high' in text
    assert 'broken.png: not a picture' in text
    splits = json.loads((out / 'splits.json').read_text(encoding='utf-8'))
    assert {split: len(names) for split, names in splits.items()} == dict(train=16, val=2, test=2)
    assert len({name for names in splits.values() for name in names}) == 20
    assert cv2.imread(str(out / 'sea' / '01.jpg')).shape == (32, 64, 3)
    dataset = PanoramaViews(out, 4, split='val', image_size=(32, 32), effects=False)
    colors = {int(name[:2]) * 10 for name in (Path(p).name for p in splits['val'])}
    for row in (dataset.get_data_info(i) for i in range(4)):
        assert min(abs(float(row['img'].mean()) - color) for color in colors) < 2


def test_what_is_written_is_kept(tool, source: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    tool.main([str(source), str(out)])
    first = (out / '05.jpg').read_bytes()
    (out / '05.jpg').write_bytes(b'mine')
    assert tool.main([str(source), str(out)]) == 0
    assert (out / '05.jpg').read_bytes() == b'mine'
    assert tool.main([str(source), str(out), '--overwrite']) == 0
    assert (out / '05.jpg').read_bytes() == first


@pytest.mark.parametrize('suffix', ['.csv', '.json'])
def test_splits_may_be_given(tool, source: Path, tmp_path: Path, suffix: str) -> None:
    given, out = tmp_path / f'splits{suffix}', tmp_path / 'out'
    splits = dict(train=['sea/00.png', '07.jpg'], val=['08.jpg'])
    lines = [f'{name},{split}' for split, names in splits.items() for name in names]
    given.write_text('\n'.join(lines) if suffix == '.csv' else json.dumps(splits))
    assert tool.main([str(source), str(out), '--split-file', str(given)]) == 0
    written = json.loads((out / 'splits.json').read_text(encoding='utf-8'))
    assert written == dict(train=['sea/00.jpg', '07.jpg'], val=['08.jpg'])
    assert not (out / '09.jpg').exists()


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('s.csv', 'photo.jpg,train', "first 'photo.jpg'"),
        ('s.csv', 'no comma', 'line 1 is not `name,split`'),
        ('s.json', '[1, 2]', 'a list of names for each split'),
        ('s.json', '{', 'no JSON'),
    ],
)
def test_wrong_splits_are_refused(
    tool, source: Path, tmp_path: Path, capsys, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    arguments = [str(source), str(tmp_path / 'out'), '--split-file', str(tmp_path / name)]
    assert tool.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_panoramas_is_refused(tool, tmp_path: Path, capsys) -> None:
    assert tool.main([str(tmp_path), str(tmp_path / 'out')]) == 2
    assert 'no panorama in it' in capsys.readouterr().err


def test_pictures_of_one_name_are_not_mixed_up(tool, tmp_path: Path, capsys) -> None:
    source, out = tmp_path / 'source', tmp_path / 'out'
    source.mkdir()
    for name, value in (('a.jpg', 40), ('a.png', 200), ('b.png', 90)):
        cv2.imwrite(str(source / name), np.full((64, 128, 3), value, np.uint8))
    assert tool.main([str(source), str(out)]) == 0
    assert 'left out: a.png: becomes the same file as a.jpg' in capsys.readouterr().out
    splits = json.loads((out / 'splits.json').read_text(encoding='utf-8'))
    assert sorted(name for names in splits.values() for name in names) == ['a.jpg', 'b.jpg']
    assert abs(float(cv2.imread(str(out / 'a.jpg')).mean()) - 40) < 2


def test_a_data_set_inside_its_source_is_refused(tool, source: Path, capsys) -> None:
    assert tool.main([str(source), str(source / 'out')]) == 2
    assert 'must not lie in' in capsys.readouterr().err
