"""The world on disk: whole or not there, resumable, split over processes, never mixed."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whmr.datasets.synthetic import (
    SyntheticWorldCache,
    SyntheticWorldGenerator,
    SyntheticWorldTable,
    generate_images,
)

NUMBER = 4


@pytest.fixture
def shortcut(monkeypatch: pytest.MonkeyPatch, images) -> list[int]:
    """Hand out images made once instead of rendering; gives the indices that were asked for."""
    asked = []

    def make(self, index: int):
        asked.append(index)
        return images[index]

    monkeypatch.setattr(SyntheticWorldGenerator, '__init__', lambda self, settings: None)
    monkeypatch.setattr(SyntheticWorldGenerator, '__call__', make)
    return asked


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def test_makes_each_image_once(root, settings, shortcut) -> None:
    assert generate_images(settings, root, range(NUMBER)) == NUMBER
    assert generate_images(settings, root, range(NUMBER)) == 0
    assert generate_images(settings, root, range(NUMBER + 2)) == 2
    assert shortcut == [0, 1, 2, 3, 4, 5]
    cache = SyntheticWorldCache(root, settings)
    assert all(cache.is_whole(index) for index in range(NUMBER + 2))
    assert not cache.is_whole(NUMBER + 2)


def test_ranks_together_make_the_whole(root, settings, shortcut) -> None:
    whole, parts = root / 'whole', root / 'parts'
    generate_images(settings, whole, range(5))
    made = [generate_images(settings, parts, range(5), rank=r, world_size=3) for r in (2, 0, 1)]
    assert sorted(made) == [1, 2, 2]
    assert content(whole) == content(parts)


@pytest.mark.slow
def test_worker_processes_make_the_same_bytes(root, settings, images) -> None:
    assert generate_images(settings, root, range(3), num_workers=2) == 3
    cache = SyntheticWorldCache(root, settings)
    for index in range(3):
        assert cache.image_path(index).read_bytes() == images[index].jpeg
        columns = cache.read(index)
        for name, column in images[index].columns.items():
            assert np.array_equal(columns[name], column)


@pytest.mark.slow
def test_error_in_a_worker_reaches_the_caller(root, settings) -> None:
    root.mkdir()
    SyntheticWorldCache(root, settings).folder.mkdir()
    blocked = SyntheticWorldCache(root, settings).folder / 'images'
    blocked.write_text('a file where a folder is needed')
    with pytest.raises(OSError, match='images'):
        generate_images(settings, root, range(2), num_workers=1)


def damage_truncate(cache: SyntheticWorldCache) -> None:
    path = cache.image_path(1)
    path.write_bytes(path.read_bytes()[:100])


def damage_flip(cache: SyntheticWorldCache) -> None:
    path = cache.image_path(1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def damage_remove(cache: SyntheticWorldCache) -> None:
    cache.image_path(1).unlink()


def damage_labels(cache: SyntheticWorldCache) -> None:
    path = cache.label_path(1)
    path.write_bytes(path.read_bytes()[:-200])


def damage_label_bytes(cache: SyntheticWorldCache) -> None:
    path = cache.label_path(1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    'damage', [damage_truncate, damage_flip, damage_remove, damage_labels, damage_label_bytes]
)
def test_broken_entries_are_made_again(root, settings, shortcut, damage) -> None:
    generate_images(settings, root, range(3))
    cache = SyntheticWorldCache(root, settings)
    before = content(cache.folder)
    damage(cache)
    assert not cache.is_whole(1)
    assert generate_images(settings, root, range(3)) == 1
    assert shortcut[-1] == 1
    assert content(cache.folder) == before


def test_interruption_keeps_what_is_whole(root, settings, images, monkeypatch) -> None:
    calls = []

    def stop_at_third(self, index: int):
        calls.append(index)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return images[index]

    monkeypatch.setattr(SyntheticWorldGenerator, '__init__', lambda self, settings: None)
    monkeypatch.setattr(SyntheticWorldGenerator, '__call__', stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        generate_images(settings, root, range(NUMBER))
    assert generate_images(settings, root, range(NUMBER)) == 2
    assert calls == [0, 1, 2, 2, 3]


@pytest.mark.parametrize('step', ['write_bytes', 'replace'])
def test_full_disk_leaves_no_half_file(root, settings, shortcut, monkeypatch, step) -> None:
    generate_images(settings, root, range(1))
    cache = SyntheticWorldCache(root, settings)
    before = content(cache.folder)

    def full(*args, **kwargs):
        if step == 'write_bytes':
            with open(args[0], 'wb') as file:  # a part gets written
                file.write(args[1][:10])
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        target = Path if step == 'write_bytes' else os
        patch.setattr(target, step, full)
        with pytest.raises(OSError, match='free some space') as error:
            generate_images(settings, root, range(2))
        assert error.value.errno == errno.ENOSPC
    assert content(cache.folder) == before
    assert generate_images(settings, root, range(2)) == 1


def test_changed_settings_never_share_a_folder(settings) -> None:
    others = [
        replace(settings, **change)
        for change in (
            dict(seed=1),
            dict(split='val'),
            dict(image_size=(96, 128)),
            dict(max_people=2),
            dict(max_boxes=0),
            dict(clip_share=0.5),
            dict(panorama_share=0.5),
            dict(supersample=1),
            dict(effects=False),
        )
    ]
    names = {item.folder_name() for item in [settings, *others]}
    assert len(names) == 10


def test_another_generator_version_has_another_folder(settings, monkeypatch) -> None:
    before = settings.folder_name()
    monkeypatch.setattr('whmr.datasets.synthetic.settings.GENERATOR_VERSION', 10**6)
    assert settings.folder_name() != before


def test_stale_leftovers_are_removed(root, settings, shortcut) -> None:
    generate_images(settings, root, range(1))
    cache = SyntheticWorldCache(root, settings)
    old, new = (cache.folder / f'images/0000/.{name}.partial.jpg' for name in ('old', 'new'))
    for path in (old, new):
        path.write_bytes(b'half')
    os.utime(old, (0, 0))
    generate_images(settings, root, range(2))
    assert not old.exists()
    assert new.exists()  # its writer may still live


def test_table_names_a_missing_entry(root, settings, shortcut) -> None:
    generate_images(settings, root, range(2))
    cache = SyntheticWorldCache(root, settings)
    with pytest.raises(FileNotFoundError, match=r'0000002\.npz: missing or broken'):
        SyntheticWorldTable(cache, 3).write()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(dict(rank=2, world_size=2), 'rank must lie'), (dict(num_workers=-1), 'num_workers')],
)
def test_wrong_shares_are_named(root, settings, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        generate_images(settings, root, range(2), **arguments)
