"""Files behind URLs are read in parts, and fetched once."""

from pathlib import Path

import fsspec
import pytest

from whmr.fileio import (
    file_exists,
    is_url,
    local_copy,
    read_file,
    read_tar_member,
    tar_member,
    user_cache_folder,
)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    memory = fsspec.filesystem('memory')
    memory.pipe('/remote/a.tar', b'0123456789')
    yield 'memory://remote/a.tar'
    memory.rm('/remote', recursive=True)


def test_what_is_a_url() -> None:
    assert all(is_url(path) for path in ('s3://a/b', 'http://a', 'file:///a', 'memory://a'))
    assert not any(is_url(path) for path in ('a/b', '/a/b', 'C:/a', Path('a'), '', '://a'))


def test_parts_of_files(url: str, tmp_path: Path) -> None:
    (tmp_path / 'a.tar').write_bytes(b'0123456789')
    for path in (url, str(tmp_path / 'a.tar')):
        assert read_file(path) == b'0123456789'
        assert read_file(path, 2, 5) == b'234'
        assert read_file(path, 7) == b'789'
        assert read_tar_member(tar_member(f'{path}/3-6/x.jpg')) == b'345'
        with pytest.raises(OSError, match='ends at byte 10'):
            read_tar_member(tar_member(f'{path}/8-12/x.jpg'))
        assert file_exists(path)
        assert not file_exists(f'{path}.no')
        with pytest.raises(FileNotFoundError):
            read_file(f'{path}.no')


def test_a_copy_is_fetched_once(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_cache_folder() == tmp_path / 'cache' / 'whmr'
    copy = local_copy(url)
    assert copy.read_bytes() == b'0123456789'
    assert copy.name == 'a.tar' and user_cache_folder() in copy.parents
    copy.write_bytes(b'mine')
    assert local_copy(url) == copy
    assert copy.read_bytes() == b'mine'  # not fetched again
    fsspec.filesystem('memory').pipe('/remote/a.tar', b'another content')
    assert local_copy(url).read_bytes() == b'another content'
    assert local_copy(tmp_path / 'none') == tmp_path / 'none'


def test_protocols_that_nobody_knows() -> None:
    with pytest.raises(ImportError, match='s3:// needs fsspec and its package for s3'):
        read_file('s3://bucket/a')
    with pytest.raises(OSError, match='use a path or a URL that fsspec knows'):
        read_file('nobody://a/b')
