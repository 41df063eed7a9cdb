"""A file is there whole or not at all, whatever stops its writer."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from whmr.fileio import atomic_path, remove_partial_files, write_bytes, write_files, write_text


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_and_its_folders_are_made_with_usual_rights(tmp_path: Path) -> None:
    write_text(tmp_path / 'a' / 'b.txt', 'naïve')
    assert (tmp_path / 'a' / 'b.txt').read_bytes() == 'naïve'.encode()
    plain = tmp_path / 'plain'
    plain.write_bytes(b'')
    assert (tmp_path / 'a' / 'b.txt').stat().st_mode == plain.stat().st_mode


def test_the_temporary_path_has_the_folder_and_the_ending_of_the_file(tmp_path: Path) -> None:
    with atomic_path(tmp_path / 'a.npz') as partial:
        partial.write_bytes(b'1')
        assert partial.parent == tmp_path
        assert partial.suffix == '.npz'
        assert not (tmp_path / 'a.npz').exists()
    assert content(tmp_path) == {'a.npz': b'1'}


@pytest.mark.parametrize('step', ['fsync', 'replace'])
@pytest.mark.parametrize(
    'write',
    [
        lambda path: write_bytes(path, b'new'),
        lambda path: write_text(path, 'new'),
        lambda path: write_files({path.with_name('other'): b'new', path: b'new'}),
    ],
)
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, write: Callable[[Path], None]
) -> None:
    write_bytes(tmp_path / 'a.pth', b'old')
    monkeypatch.setattr(os, step, no_space)
    with pytest.raises(
        OSError, match=r'could not write [^:]*: No space left.* free some'
    ) as caught:
        write(tmp_path / 'a.pth')
    assert caught.value.errno == errno.ENOSPC
    assert content(tmp_path) == {'a.pth': b'old'}


def test_several_files_are_written_together(tmp_path: Path, monkeypatch) -> None:
    write_files({tmp_path / 'a': b'1', tmp_path / 'b': b'2'})
    assert content(tmp_path) == {'a': b'1', 'b': b'2'}
    real, written = Path.write_bytes, []

    def full_at_the_second(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) == 2:
            no_space()
        real(path, data)

    monkeypatch.setattr(Path, 'write_bytes', full_at_the_second)
    with pytest.raises(OSError, match='b: No space'):
        write_files({tmp_path / 'a': b'new', tmp_path / 'b': b'new'})
    assert content(tmp_path) == {'a': b'1', 'b': b'2'}


def test_an_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / 'a', b'old')
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / 'a') as partial:
        partial.write_bytes(b'half')
        raise KeyboardInterrupt
    assert content(tmp_path) == {'a': b'old'}


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / 'a').write_bytes(b'')
    with pytest.raises(OSError, match=r'could not write .*a/b: '):
        write_bytes(tmp_path / 'a' / 'b', b'')


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_path(tmp_path / 'deep' / 'a.npz') as partial:
        partial.write_bytes(b'half')
        left = tmp_path / 'deep' / partial.name
        kept = left.read_bytes()
        raise RuntimeError
    left.write_bytes(kept)
    (tmp_path / 'a.npz').write_bytes(b'whole')
    remove_partial_files(tmp_path, older_than=60)
    assert left.exists()
    os.utime(left, (time.time() - 61,) * 2)
    remove_partial_files(tmp_path, older_than=60)
    assert not left.exists()
    assert content(tmp_path / 'deep') == {}
    assert (tmp_path / 'a.npz').exists()
