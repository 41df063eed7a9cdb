"""The synthetic world as a data set."""

import cv2
import numpy as np
import pytest

from whmr.datasets.synthetic import SyntheticWorld, SyntheticWorldGenerator
from whmr.registry import DATASETS

NUMBER = 6


@pytest.fixture
def world(root, images, monkeypatch) -> SyntheticWorld:
    """A world of tiny images, already on disk; making more fails the test."""
    monkeypatch.setattr(SyntheticWorldGenerator, '__init__', lambda self, settings: None)
    monkeypatch.setattr(SyntheticWorldGenerator, '__call__', lambda self, index: images[index])
    world = build(root)
    monkeypatch.setattr(SyntheticWorldGenerator, '__call__', None)
    return world


def build(root, **changes) -> SyntheticWorld:
    arguments = dict(split='train', num_images=NUMBER, image_size=(128, 96), data_root=str(root))
    return DATASETS.build(dict(type='SyntheticWorld', **arguments, **changes))


def test_rows_hold_the_whole_contract(world, images) -> None:
    assert len(world) == sum(len(image.columns['bbox']) for image in images[:NUMBER])
    assert world.metainfo['topology'] == 'free_body'
    row = world.get_data_info(0)
    flags = ['has_keypoints_3d', 'has_smpl', 'has_cam_t', 'has_world', 'has_world2cam']
    assert all(row[flag] for flag in [*flags, 'has_focal_length', 'has_pelvis'])
    assert row['ori_shape'] == (96, 128)
    assert row['dataset'] == 'synthetic_world'
    assert row['visibility'].shape == (49,)
    assert row['visibility'].dtype == bool
    label = images[0].columns
    np.testing.assert_allclose(row['keypoints_2d'], label['keypoints_2d'][0])
    np.testing.assert_allclose(row['cam_t'], label['cam_t'][0])
    np.testing.assert_allclose(
        row['global_orient'], row['world2cam_rotmat'] @ row['global_orient_world'], atol=1e-5
    )
    assert cv2.imread(row['img_path']).shape == (96, 128, 3)


def test_people_of_one_image_share_it(world) -> None:
    rows = [world.get_data_info(i) for i in range(len(world))]
    numbers = [row['img_id'] for row in rows]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == NUMBER
    assert [row['sample_idx'] for row in rows] == list(range(len(world)))


def test_second_start_makes_nothing(world, root) -> None:
    again = build(root)  # the generator cannot be called any more
    assert len(again) == len(world)
    for name, column in world.columns.items():
        assert np.array_equal(again.columns[name], column), name


def test_fewer_images_are_the_first_rows(world, root) -> None:
    small = DATASETS.build(
        dict(type='SyntheticWorld', num_images=2, image_size=[128, 96], data_root=str(root))
    )
    rows = len(small)
    assert 2 <= rows < len(world)
    assert np.array_equal(small.columns['bbox'], world.columns['bbox'][:rows])


@pytest.mark.parametrize('verify', ['size', 'content'])
def test_broken_images_are_made_again(world, root, images, monkeypatch, verify) -> None:
    path = world.cache.image_path(3)
    data = path.read_bytes()
    broken = data[:-1] if verify == 'size' else bytes([data[0] ^ 1]) + data[1:]
    path.write_bytes(broken)
    monkeypatch.setattr(SyntheticWorldGenerator, '__call__', lambda self, index: images[index])
    build(root, verify=verify)
    assert path.read_bytes() == data


def test_broken_table_is_put_together_again(world, root) -> None:
    path = world.cache.folder / f'annotations_{NUMBER}.npz'
    data = path.read_bytes()
    path.write_bytes(data[:-50])
    assert len(build(root)) == len(world)
    assert path.read_bytes() == data


def test_indices_and_subsets_keep_visibility(world, root) -> None:
    part = build(root, indices=[2, 0])
    assert len(part) == 2
    assert np.array_equal(part.get_data_info(0)['visibility'], world.get_data_info(2)['visibility'])
    subset = world.get_subset(3)
    assert np.array_equal(
        subset.get_data_info(1)['visibility'], world.get_data_info(1)['visibility']
    )


def test_lazy_world_makes_nothing_before_its_first_use(root, monkeypatch) -> None:
    monkeypatch.setattr(SyntheticWorldGenerator, '__init__', None)
    lazy = build(root, lazy_init=True)
    assert not lazy.cache.folder.exists()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [(dict(verify='all'), "verify must be 'size' or 'content'"), (dict(seed=-1), 'seed must lie')],
)
def test_wrong_arguments_are_named(root, changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        build(root, **changes)


@pytest.mark.parametrize('rank', [0, 1])
def test_every_process_makes_its_share_and_then_waits(root, images, monkeypatch, rank) -> None:
    events = []

    def make(self, index: int):
        events.append(index)
        return images[index]

    module = 'whmr.datasets.synthetic.synthetic_world'
    monkeypatch.setattr(SyntheticWorldGenerator, '__init__', lambda self, settings: None)
    monkeypatch.setattr(SyntheticWorldGenerator, '__call__', make)
    monkeypatch.setattr(f'{module}.get_dist_info', lambda: (rank, 2))
    monkeypatch.setattr(f'{module}.barrier', lambda: events.append('barrier'))
    world = build(root)
    share = list(range(rank, NUMBER, 2))
    assert events[: len(share) + 1] == [*share, 'barrier']
    # The other process is not there in this test: what it left out is made after waiting.
    assert sorted(events[len(share) + 1 :]) == sorted(set(range(NUMBER)) - set(share))
    events.clear()
    assert len(build(root)) == len(world)
    assert events == ['barrier']  # as often as in a process that had something to do
