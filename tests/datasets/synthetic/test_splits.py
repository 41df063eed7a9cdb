"""The splits share nothing, and name only what is bundled."""

from itertools import combinations

import pytest

from whmr.datasets.synthetic.assets import (
    load_motion_clips,
    load_panorama,
    load_panorama_lights,
)
from whmr.datasets.synthetic.splits import CALIBRATOR_PANORAMAS, SPLITS


@pytest.mark.parametrize('pair', list(combinations(SPLITS, 2)), ids='-'.join)
def test_splits_are_disjoint(pair: tuple[str, str]) -> None:
    first, second = (SPLITS[name] for name in pair)
    assert first.stream != second.stream
    assert not set(first.clips) & set(second.clips)
    assert not set(first.panoramas) & set(second.panoramas)


def test_every_bundled_source_is_used() -> None:
    used = {name for split in SPLITS.values() for name in split.panoramas}
    assert not used & set(CALIBRATOR_PANORAMAS)
    assert used | set(CALIBRATOR_PANORAMAS) == set(load_panorama_lights())
    clips = tuple(name for split in SPLITS.values() for name in split.clips)
    assert len(load_motion_clips(clips)) == 15


@pytest.mark.parametrize('split', SPLITS)
def test_sources_load(split: str) -> None:
    for frames in load_motion_clips(tuple(SPLITS[split].clips)).values():
        assert frames.shape[1] == 41
        assert (frames[:, 40] >= 0).all()
    image = load_panorama(SPLITS[split].panoramas[0])
    assert image.shape[1] == 2 * image.shape[0]


def test_lights_shine_from_above() -> None:
    # y is down: a light above the horizon has y < 0.
    assert all(light.direction[1] < 0 for light in load_panorama_lights().values())


def test_unknown_sources_are_named() -> None:
    with pytest.raises(KeyError, match='moonwalk'):
        load_motion_clips(('moonwalk',))
    with pytest.raises(FileNotFoundError, match='atlantis'):
        load_panorama('atlantis')
