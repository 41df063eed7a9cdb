"""The browser draws the labels where they are."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from whmr.models import HMRDataPreprocessor
from whmr.testing import tiny_annotation_file, tiny_batch, tiny_pipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    path = ROOT / 'tools' / 'analysis' / 'browse_dataset.py'
    spec = importlib.util.spec_from_file_location('browse_dataset', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def preprocessor() -> HMRDataPreprocessor:
    return HMRDataPreprocessor(dict(type='FreeBody'), render_maps=dict(shape=(64, 48)))


def panels_of(tool, preprocessor, *, without: tuple[str, ...] = ()) -> tuple[dict, object]:
    """Panels of one sample on a black crop, with some labels taken away."""
    batch = tiny_batch(1, (64, 48), body=preprocessor.body_model, seed=4)
    sample = batch['data_samples'][0]
    for flag in without:
        for container in (sample.gt_instances, sample.gt_camera):
            if flag in container:
                container.set_field(torch.tensor([False]), flag)
    targets = preprocessor(batch, training=True)['targets']
    crop = np.zeros((64, 48, 3), np.uint8)
    return tool.crop_panels(crop, sample, targets, 0, preprocessor.body_model), targets


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize('without', [(), ('has_cam_t',)], ids=['own camera', 'fitted camera'])
def test_mesh_maps_and_keypoints_lie_on_each_other(tool, preprocessor, without) -> None:
    panels, targets = panels_of(tool, preprocessor, without=without)
    assert all(panel.shape[0] == tool.HEIGHT for panel in panels.values())
    mesh, iuv, depth = (panels[name].any(-1) for name in ('mesh', 'IUV', 'depth'))
    depth[tool.HEIGHT - 24 :] = iuv[tool.HEIGHT - 24 :]  # the line of text
    assert mesh.mean() > 0.05
    assert overlap(mesh, iuv) > 0.85
    assert overlap(depth, iuv) > 0.99
    assert not panels['crop'].any()
    # Joints inside the body: knees, elbows, neck.
    points = targets.keypoints_2d_crop[0].numpy() * 32 + [24, 32]
    for index in (25 + 1, 25 + 4, 25 + 7, 25 + 10, 25 + 12):
        x, y = np.floor(points[index] * tool.HEIGHT / 64).astype(int)
        if 0 <= x < mesh.shape[1] and 0 <= y < mesh.shape[0]:
            near = mesh[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9]
            assert near.any(), index
            color = tuple(panels['keypoints'][y, x])
            assert color != (0, 0, 0)


def test_missing_labels_are_said(tool, preprocessor) -> None:
    panels, _ = panels_of(tool, preprocessor, without=('has_smpl', 'has_world'))
    for name in ('mesh', 'world', 'IUV'):
        assert (panels[name].reshape(-1, 3) == 225).all(1).mean() > 0.9
    assert panels['keypoints'].any()


def test_left_and_right_have_their_colours(tool) -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    keypoints, conf = np.zeros((49, 2)), np.zeros(49)
    keypoints[25], keypoints[30], conf[[25, 30]] = (20.5, 50.5), (80.5, 50.5), 1
    drawn = tool.draw_keypoints(picture, keypoints, conf)  # right ankle, left ankle
    assert tuple(drawn[50, 20]) == tool.RIGHT and tuple(drawn[50, 80]) == tool.LEFT


def test_horizon_of_a_level_and_of_a_tilted_camera(tool, preprocessor) -> None:
    """A level camera's horizon is the principal point's row; one that looks down has it higher."""
    sample = tiny_batch(1, body=preprocessor.body_model)['data_samples'][0]
    camera = sample.gt_camera
    camera.world2cam_rotmat = torch.eye(3)[None]
    photo = np.zeros((120, 160, 3), np.uint8)
    row = float(camera.intrinsics[0, 1, 2]) * tool.HEIGHT / 120
    red = np.argwhere(tool.photo_panel(photo, sample)[..., 0] > 200)
    assert red[:, 0].mean() == pytest.approx(row, abs=1.5)
    angle = torch.tensor(0.1)
    c, s = angle.cos(), angle.sin()
    camera.world2cam_rotmat = torch.tensor([[[1.0, 0, 0], [0, c, -s], [0, s, c]]])
    red = np.argwhere(tool.photo_panel(photo, sample)[..., 0] > 200)
    up = float(camera.intrinsics[0, 1, 1] * angle.tan()) * tool.HEIGHT / 120
    assert red[:, 0].mean() == pytest.approx(row - up, abs=1.5)


def write_config(folder: Path) -> Path:
    tiny_annotation_file(folder / 'data', 3)
    dataset = dict(
        type='HMRDataset',
        ann_file='tiny.npz',
        data_root=str(folder / 'data'),
        data_prefix=dict(img='images'),
        pipeline=tiny_pipeline((64, 48), full_side=60, train=True),
    )
    config = folder / 'config.py'
    model = dict(data_preprocessor=dict(
        type='HMRDataPreprocessor', body_model=dict(type='FreeBody')
    ))  # fmt: skip
    config.write_text(f'model = {model}\ntrain_dataloader = dict(dataset={dataset})\n')
    return config


def test_pages_of_a_config(tool, tmp_path: Path, capsys) -> None:
    config = write_config(tmp_path)
    out = tmp_path / 'out'
    options = [str(config), '--out-dir', str(out), '--num', '2', '--seed', '3']
    assert tool.main(options) == 0, capsys.readouterr().err
    sheet = cv2.imread(str(out / 'sheet.png'))
    assert sheet.shape[0] == tool.TITLE + 2 * (tool.HEIGHT + 4)
    text = (out / 'index.html').read_text(encoding='utf-8')
    assert len(re.findall(r'<section>', text)) == 2
    names = re.findall(r'<figcaption>(.*?)</figcaption>', text)
    assert names == 2 * [
        'crop',
        'keypoints',
        'mesh',
        'IUV',
        'depth',
        'world',
        'whole photo, horizon',
    ]
    assert 'labels</dt><dd>smpl, keypoints_3d, cam_t, world, world2cam' in text
    first = (out / 'index.html').read_bytes()
    assert tool.main(options) == 0
    assert (out / 'index.html').read_bytes() == first  # the same samples and augmentation


def test_what_is_missing_is_said(tool, tmp_path: Path, capsys) -> None:
    config = write_config(tmp_path)
    assert tool.main([str(config), '--out-dir', str(tmp_path), '--split', 'val']) == 2
    assert 'has no val_dataloader' in capsys.readouterr().err
    (tmp_path / 'data' / 'tiny.npz').unlink()
    assert tool.main([str(config), '--out-dir', str(tmp_path)]) == 2
    assert 'tiny.npz' in capsys.readouterr().err
    assert not (tmp_path / 'index.html').exists()
