"""Every world direction lies on the pixel that the labels say, before and after augmentation."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from whmr.datasets import PanoramaViews
from whmr.datasets.equirectangular import Equirectangular
from whmr.datasets.synthetic.cameras import MAX_ANGLE, VFOV_RANGE, make_camera
from whmr.datasets.synthetic.splits import CALIBRATOR_PANORAMAS
from whmr.geometry import focal_to_vfov, project_full, rotmat_to_pitch_roll
from whmr.models import CameraEstimator, HMRDataPreprocessor
from whmr.registry import DATASETS

HEIGHT = 512


def turn(yaw: float) -> np.ndarray:
    """Moves +z toward +x."""
    cosine, sine = np.cos(yaw), np.sin(yaw)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def direction_panorama(height: int = HEIGHT) -> np.ndarray:
    """A float panorama whose colours are the directions."""
    polar = ((np.arange(height) + 0.5) / height - 0.5) * np.pi
    azimuth = ((np.arange(2 * height) + 0.5) / height - 1) * np.pi
    around = np.stack([np.sin(azimuth), 0 * azimuth, np.cos(azimuth)], 1)
    flat = np.cos(polar)[:, None, None] * around
    return (flat + np.sin(polar)[:, None, None] * np.array([0.0, 1.0, 0.0])).astype(np.float32)


def pixels(world: np.ndarray, rotation: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Where the library's projection puts world points; principal point from the intrinsics."""
    in_camera = torch.from_numpy(world @ np.asarray(rotation, np.float64).T)[None]
    k = torch.from_numpy(np.asarray(intrinsics, np.float64))[None]
    shape = torch.zeros(1, 2, dtype=torch.float64)
    nowhere = torch.zeros(1, 3, dtype=torch.float64)
    return project_full(in_camera, nowhere, k[:, 0, 0], shape, k[:, :2, 2])[0].numpy()


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """A folder with the painted panorama."""
    path = tmp_path_factory.mktemp('panoramas')
    colors = np.floor((direction_panorama() + 1) * 127.5 + 0.5).astype(np.uint8)
    cv2.imwrite(str(path / 'painted.png'), colors[..., ::-1])
    return path


def build(panoramas: str | Path | list[str], **changes) -> PanoramaViews:
    config = dict(type='PanoramaViews', panoramas=panoramas, effects=False)
    return DATASETS.build({**config, **changes})


@pytest.mark.parametrize('yaw', [0.0, 0.7, -2.9])
@pytest.mark.parametrize(('pitch', 'roll', 'vfov'), [(0.0, 0.0, 1.0), (0.5, -0.4, 0.6)])
def test_each_pixel_shows_its_direction(pitch: float, roll: float, vfov: float, yaw: float) -> None:
    shape = (96, 120)
    camera = make_camera(pitch, roll, vfov, shape)
    view = Equirectangular(direction_panorama()).view(
        camera.world2cam_rotmat, camera.intrinsics, shape, yaw=yaw
    )
    world = (view @ turn(yaw).T).reshape(-1, 3)
    found = pixels(world, camera.world2cam_rotmat, camera.intrinsics)
    grid = np.stack(np.meshgrid(np.arange(120), np.arange(96)), -1).reshape(-1, 2) + 0.5
    assert np.abs(found - grid).max() < 0.05


def test_a_coarse_view_averages_fine_texture() -> None:
    stripes = np.zeros((512, 1024, 3), np.uint8)
    stripes[:, ::2] = 255
    camera = make_camera(0.0, 0.0, 1.2, (32, 32))
    view = Equirectangular(stripes).view(camera.world2cam_rotmat, camera.intrinsics, (32, 32))
    assert np.abs(view.astype(int) - 127).max() <= 1


def test_the_seam_is_not_seen() -> None:
    ramp = np.abs(np.arange(256) - 127.5).astype(np.uint8)  # equal at both ends
    panorama = np.repeat(np.repeat(ramp[None, :, None], 128, 0), 3, 2)
    camera = make_camera(0.0, 0.0, 0.6, (64, 64))
    view = Equirectangular(panorama).view(
        camera.world2cam_rotmat, camera.intrinsics, (64, 64), yaw=np.pi
    )
    assert np.abs(np.diff(view[32, :, 0].astype(int))).max() <= 1
    assert view.min() > 100


@pytest.mark.parametrize('flip', [0.0, 1.0], ids=['', 'flip'])
@pytest.mark.parametrize('roll', [0.0, 1.0], ids=['', 'roll'])
def test_labels_and_pixels_agree_after_the_pipeline(folder: Path, flip: float, roll: float) -> None:
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBox'),
        dict(type='RandomFlip', prob=flip),
        dict(type='RandomRoll', prob=roll, sigma_deg=10.0),
        dict(type='ResizeFull', short_side=96),
        dict(type='PackHMRInputs'),
    ]
    dataset = build(folder, num_views=4, image_size=[256, 192], pipeline=pipeline)
    for sample in (dataset[i] for i in range(4)):
        camera = sample['data_samples'].gt_camera
        assert bool(camera.has_world2cam)
        assert bool(camera.has_focal_length)
        full = sample['inputs']['full'].numpy().transpose(1, 2, 0)[..., ::-1]
        # The border of a rolled photo fades to black.
        inside = cv2.erode(full.any(-1).astype(np.uint8), np.ones((3, 3)), borderValue=0) > 0
        up = full[inside][:, 1] / 127.5 - 1
        # Up is the only direction that yaw and mirror leave alone, so its share of each ray is
        # what the labels must explain.
        grid = np.argwhere(inside)[:, ::-1] * 2.0 + 1.0
        k, rotation = camera.intrinsics[0].numpy(), camera.world2cam_rotmat[0].numpy()
        rays = np.column_stack([(grid - k[:2, 2]) / k[[0, 1], [0, 1]], np.ones(len(grid))])
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        error = np.abs((rays @ rotation)[:, 1] - up)
        assert error.max() < 0.02
        assert error.mean() < 0.006  # colours of 8 bits tell it to about 0.004


def test_rows_are_those_of_a_calibrator() -> None:
    sizes = [(64, 48), (48, 64)]
    dataset = build(list(CALIBRATOR_PANORAMAS), num_views=200, image_size=sizes)
    assert len(dataset) == 200
    rows = [dataset.get_data_info(i) for i in range(200)]
    assert {row['ori_shape'] for row in rows} == {(48, 64), (64, 48)}
    assert {row['img_path'].split('/')[0] for row in rows} == set(CALIBRATOR_PANORAMAS)
    for row in rows:
        flags = {name for name in row if name.startswith('has_') and row[name]}
        assert flags == {'has_world2cam', 'has_focal_length'}
        assert row['img'].shape == (*row['ori_shape'], 3)
        assert row['bbox'].tolist() == [0, 0, *row['ori_shape'][::-1]]
        pitch, roll = rotmat_to_pitch_roll(torch.from_numpy(row['world2cam_rotmat']))
        assert max(abs(float(pitch)), abs(float(roll))) < MAX_ANGLE
        focal = torch.tensor(row['intrinsics'][1, 1])
        assert VFOV_RANGE[0] < float(focal_to_vfov(focal, row['ori_shape'][0])) < VFOV_RANGE[1]


@pytest.mark.parametrize('effects', [False, True])
def test_a_view_depends_on_seed_and_index_alone(effects: bool) -> None:
    arguments = dict(image_size=(64, 48), effects=effects, num_cached=1)
    first = build(['blender_sunset', 'pmndrs_city'], num_views=9, **arguments)
    longer = build(['blender_sunset', 'pmndrs_city'], num_views=12, **arguments)
    subset = pickle.loads(pickle.dumps(longer.get_subset([3, 7])))
    for mine, row in ((0, 3), (1, 7)):
        view = first.get_data_info(row)
        for other in (longer.get_data_info(row), subset.get_data_info(mine)):
            assert np.array_equal(view['img'], other['img'])
            assert np.array_equal(view['intrinsics'], other['intrinsics'])
    other_seed = build(['blender_sunset', 'pmndrs_city'], num_views=9, seed=1, **arguments)
    assert not np.array_equal(view['img'], other_seed.get_data_info(7)['img'])


def test_a_calibrator_trains_on_views_of_several_sizes() -> None:
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBox'),
        dict(type='RandomFlip'),
        dict(type='ResizeFull', short_side=32),
        dict(type='PhotometricJitter'),
        dict(type='PackHMRInputs'),
    ]
    sizes = [(64, 48), (48, 64)]
    dataset = build(
        ['blender_night'], num_views=4, image_size=sizes, effects=True, pipeline=pipeline
    )
    backbone = dict(type='TimmBackbone', model_name='tf_efficientnet_lite0')
    model = CameraEstimator(
        camera=dict(type='CamCalib', backbone=backbone, num_bins=16),
        data_preprocessor=HMRDataPreprocessor(),
    )
    batch = pseudo_collate([dataset[i] for i in range(4)])
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert sorted(losses) == ['loss_pitch', 'loss_roll', 'loss_vfov']
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())


def test_a_folder_may_have_splits(folder: Path, tmp_path: Path) -> None:
    for name in ('a', 'b', 'c'):
        (tmp_path / f'{name}.png').write_bytes((folder / 'painted.png').read_bytes())
    (tmp_path / 'splits.json').write_text(json.dumps(dict(train=['a.png', 'b.png'], val=['c.png'])))
    names = {split: build(tmp_path, split=split).sources for split in ('train', 'val')}
    assert [path.stem for path in names['train']] == ['a', 'b']
    assert [path.stem for path in names['val']] == ['c']
    assert len(build(tmp_path).sources) == 3
    with pytest.raises(ValueError, match=r"no split 'test', only \['train', 'val'\]"):
        build(tmp_path, split='test')
    (tmp_path / 'c.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'c\.png: missing'):
        build(tmp_path, split='val')


def test_what_is_no_panorama_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no panorama'):
        build(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'splits\.json: missing'):
        build(folder, split='train')
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        build(tmp_path / 'nowhere')
    cv2.imwrite(str(tmp_path / 'photo.png'), np.zeros((60, 90, 3), np.uint8))
    with pytest.raises(ValueError, match='twice as wide as high, this is 90 x 60'):
        build(tmp_path)
    (tmp_path / 'photo.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match='not a picture'):
        build(tmp_path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(panoramas=['atlantis']), 'atlantis'),
        (dict(panoramas=['blender_night'], split='train'), 'split is for a folder'),
        (dict(panoramas=['blender_night'], num_views=0), 'num_views'),
        (dict(panoramas=['blender_night'], cameras='wild'), 'wild'),
        (dict(panoramas=['blender_night'], image_size=(64, 8)), 'at least 32 px'),
    ],
)
def test_wrong_arguments_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)
