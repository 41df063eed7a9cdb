"""The tool that puts restart markers into JPEGs."""

import shutil
import stat
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tools.dataset_fixtures.loading import load_tool
from whmr.datasets.transforms.jpeg_window import cut_window, read_layout

STAND_IN = """#!{python}
import sys
import cv2
import numpy as np
options, code = sys.argv[1:], sys.stdin.buffer.read()
if b'damaged' in code:
    sys.exit(1)
restart = int(options[options.index('-restart') + 1][:-1]) if '-restart' in options else 0
photo = cv2.imread({photo!r})
settings = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
sys.stdout.buffer.write(cv2.imencode('.jpg', photo, settings)[1].tobytes())
"""


@pytest.fixture(scope='module')
def tool():
    return load_tool('misc/tile_photos')


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A sequential and a progressive JPEG of one picture, and a file that is none."""
    coarse = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    photo = cv2.resize(coarse, (384, 90), interpolation=cv2.INTER_CUBIC)
    folder = tmp_path / 'photos'
    (folder / 'b').mkdir(parents=True)
    settings = [cv2.IMWRITE_JPEG_QUALITY, 90]
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    cv2.imwrite(str(folder / 'a.jpg'), photo, settings)
    cv2.imwrite(str(folder / 'b' / 'c.jpg'), photo, [*settings, cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    cv2.imwrite(str(folder / 'd.png'), photo)
    return folder


@pytest.fixture(params=['jpegtran', 'a stand-in'])
def jpegtran(request, tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program, if it is installed, or one that codes the known picture."""
    if request.param == 'jpegtran':
        if shutil.which('jpegtran') is None:
            pytest.skip('jpegtran is not installed')
        return
    program = tmp_path / 'bin' / 'jpegtran'
    program.parent.mkdir()
    text = STAND_IN.format(python=sys.executable, photo=str(tmp_path / 'photo.png'))
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv('PATH', str(program.parent), prepend=':')


def test_same_pixels_in_tiles(tool, photos: Path, tmp_path: Path, jpegtran) -> None:
    out = tmp_path / 'out'
    assert tool.main([str(photos), str(out)]) == 0
    for name in ('a.jpg', 'b/c.jpg'):
        content = (out / name).read_bytes()
        before, after = (cv2.imread(str(folder / name)) for folder in (photos, out))
        assert np.array_equal(before, after)
        window = cut_window(content, read_layout(content), (200, 40), (210, 50))
        assert window.origin == (192, 32) and not window.has_rest
    assert (out / 'd.png').samefile(photos / 'd.png')
    stamps = [path.stat().st_mtime_ns for path in sorted(out.rglob('*'))]
    assert tool.main([str(photos), str(out)]) == 0
    assert stamps == [path.stat().st_mtime_ns for path in sorted(out.rglob('*'))]


def test_what_cannot_be_recoded_is_linked(tool, photos: Path, tmp_path: Path, jpegtran) -> None:
    (photos / 'a.jpg').write_bytes(b'\xff\xd8 damaged')
    assert tool.main([str(photos), str(tmp_path / 'out')]) == 3
    assert (tmp_path / 'out' / 'a.jpg').samefile(photos / 'a.jpg')


def test_mistakes_are_one_line(tool, photos: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = str(tmp_path / 'out')
    (tmp_path / 'empty').mkdir()
    monkeypatch.setattr(shutil, 'which', lambda name: '/bin/jpegtran')
    for arguments, message in [
        ([str(tmp_path / 'none'), out], 'none: no such folder'),
        ([str(photos), str(photos / 'out')], 'must not lie in'),
        ([str(tmp_path / 'empty'), out], 'holds no file'),
    ]:
        assert tool.main(arguments) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    assert tool.main([str(photos), out]) == 2
    assert 'apt install libjpeg-turbo-progs' in capsys.readouterr().err
