"""The tool that makes a synthetic world: its share of the images, and errors in one line."""

import errno
import importlib.util
import os
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'misc' / 'build_synthetic_world.py'
SMALL = ['--image-size', '64', '48', '--max-people', '1', '--max-boxes', '0']


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('build_synthetic_world_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_machines_share_the_work(tool, tmp_path: Path) -> None:
    for rank in (0, 1):
        share = ['--rank', str(rank), '--world-size', '2', '--data-root', str(tmp_path)]
        assert tool.main(['val', '3', *SMALL, *share]) == 0
        assert len(list(tmp_path.rglob('*.jpg'))) == 2 + rank


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['train', '0'], 'num_images=0'),
        (['train', '2', '--image-size', '2', '2'], 'image_size must be'),
        (['train', '2', '--rank', '3', '--world-size', '2'], 'rank must lie'),
        (['train', '2', '--num-workers', '-1'], 'num_workers'),
    ],
)
def test_wrong_arguments_are_one_line(tool, tmp_path, capsys, arguments, message) -> None:
    assert tool.main([*arguments, '--data-root', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and message in error and error.count('\n') == 1


def test_a_disk_that_cannot_be_written_is_one_line(tool, tmp_path, capsys, monkeypatch) -> None:
    blocked = tmp_path / 'file'
    blocked.write_text('x')
    assert tool.main(['train', '2', *SMALL, '--data-root', str(blocked / 'x')]) == 1
    error = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
    assert len(error) == 1 and str(blocked) in error[0] and 'Not a directory' in error[0]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'replace', full)
    assert tool.main(['train', '2', *SMALL, '--data-root', str(tmp_path / 'full')]) == 1
    error = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
    assert len(error) == 1 and 'No space left on device' in error[0]
    assert [path for path in (tmp_path / 'full').rglob('*') if path.is_file()] == []
