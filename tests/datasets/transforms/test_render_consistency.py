"""Pixels that went through augmentation are a render of the augmented labels."""

import copy
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from whmr.body_models import FreeBody
from whmr.datasets import SyntheticWorld
from whmr.datasets.transforms import (
    CropPerson,
    GetBox,
    RandomBoxScale,
    RandomBoxShift,
    RandomFlip,
    RandomRoll,
    apply_flip,
    apply_roll,
)
from whmr.geometry import apply_affine, invert_affine
from whmr.rendering import rasterize

CROP = (256, 192)
FINE = 3  # samples per pixel side
LABELS = ('keypoints_2d', 'keypoints_2d_conf', 'keypoints_3d', 'keypoints_3d_conf', 'visibility')
LABELS += ('global_orient', 'body_pose', 'betas', 'cam_t', 'pelvis', 'global_orient_world')
LABELS += ('world2cam_rotmat', 'intrinsics', 'bbox', 'bbox_center', 'bbox_size')

Steps = list[Callable[[dict], dict]]
AUGMENTATIONS: dict[str, Steps] = {
    'crop': [],
    'flip': [RandomFlip(prob=1.0)],
    'roll': [RandomRoll(prob=1.0, sigma_deg=40.0)],
    'scale': [RandomBoxScale(sigma=0.4)],
    'shift': [RandomBoxShift(max_shift=0.2)],
    'flip, roll': [RandomFlip(prob=1.0), RandomRoll(prob=1.0, sigma_deg=40.0)],
    'roll, flip, scale, shift': [
        RandomRoll(prob=1.0),
        RandomFlip(prob=1.0),
        RandomBoxScale(),
        RandomBoxShift(),
    ],
}


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def colors(body: FreeBody) -> np.ndarray:
    """A colour for each vertex by its place in the rest pose; left and right differ."""
    rest = body(torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 69)).vertices[0].numpy()
    low, high = rest.min(0), rest.max(0)
    return 60 + 180 * (rest - low) / (high - low)


@pytest.fixture(scope='module')
def people(
    tmp_path_factory: pytest.TempPathFactory, body: FreeBody, colors: np.ndarray
) -> list[dict]:
    """Rows of SyntheticWorld; the person in each photo is painted over in the vertex colours."""
    world = SyntheticWorld(
        'test',
        2,
        image_size=(640, 480),
        data_root=tmp_path_factory.mktemp('worlds'),
        max_people=1,
        max_boxes=0,
        panorama_share=0.0,
        supersample=1,
        effects=False,
    )
    rows = []
    for index in range(2):
        row = GetBox(padding=1.1)(world.get_data_info(index))
        mask, picture = draw(row, body, colors, row['intrinsics'], row['ori_shape'])
        photo = cv2.imread(row['img_path'])
        row['img'] = (photo * (1 - mask) + picture * mask).round().astype(np.uint8)
        row['mask'] = np.uint8(255 * mask.round(6))
        rows.append(row)
    return rows


def draw(
    row: dict, body: FreeBody, colors: np.ndarray, intrinsics: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel the body of the labels covers (h, w, 1), and its colour (h, w, 3)."""
    args = [torch.from_numpy(row[k])[None] for k in ('betas', 'global_orient', 'body_pose')]
    vertices = body(*args).vertices + torch.from_numpy(row['cam_t'])
    fine = torch.from_numpy(np.diag([FINE, FINE, 1.0]) @ intrinsics)[None]
    seen = rasterize(vertices, body.faces, fine.float(), (shape[0] * FINE, shape[1] * FINE))
    face, weight = seen.face_id[0].numpy(), seen.barycentric[0].numpy()
    there = (face >= 0)[..., None]
    picture = (colors[body.faces.numpy()[face]] * weight[..., None]).sum(2) * there
    cells = (shape[0], FINE, shape[1], FINE, -1)
    mask = there.reshape(cells).mean((1, 3))
    return mask, picture.reshape(cells).mean((1, 3)) / np.maximum(mask, 1e-6)


def augmented(row: dict, name: str, seed: int) -> dict:
    np.random.seed(seed)  # noqa: NPY002 - transforms draw from this one
    row = copy.deepcopy(row)
    for step in AUGMENTATIONS[name]:
        row = step(row)
    return CropPerson(CROP)(row)


def crop_camera(row: dict) -> np.ndarray:
    full2crop = np.eye(3)
    full2crop[:2] = invert_affine(row['crop2full'])
    return full2crop @ row['intrinsics'].astype('f8')


@pytest.mark.parametrize('name', AUGMENTATIONS)
@pytest.mark.parametrize('person', [0, 1])
def test_the_crop_shows_a_render_of_the_labels(
    people: list[dict], body: FreeBody, colors: np.ndarray, name: str, person: int
) -> None:
    row = augmented(people[person], name, seed=person)
    masked = augmented({**people[person], 'img': people[person]['mask']}, name, seed=person)
    inside = augmented({**people[person], 'img': np.full((480, 640), 255, np.uint8)}, name, person)
    if row.get('flipped'):  # the vertex that was on the left is now on the right
        colors = colors[body.mirror.numpy()]
    drawn, picture = draw(row, body, colors, crop_camera(row), CROP)
    whole = inside['crop'] == 255  # the photo ends within the crop of a moved box
    moved, drawn = masked['crop'] > 127, drawn[..., 0]
    common, either = (moved & (drawn > 0.5))[whole], (moved | (drawn > 0.5))[whole]
    assert common.sum() > 3000
    assert common.sum() / either.sum() > 0.98
    sure = (masked['crop'] == 255) & (drawn == 1) & whole
    gap = np.abs(row['crop'].astype(float) - picture)[sure]
    assert gap.mean() < 1.5
    assert (gap.max(1) > 12).mean() < 0.03  # where one limb passes before another

    placed = row['keypoints_3d'] + row['pelvis'] + row['cam_t']
    pixels = placed @ crop_camera(row).T
    wanted = apply_affine(invert_affine(row['crop2full']), row['keypoints_2d'].astype('f8'))
    assert np.abs(pixels[:, :2] / pixels[:, 2:] - wanted).max() < 0.05


def test_the_comparison_sees_a_label_that_is_off(
    people: list[dict], body: FreeBody, colors: np.ndarray
) -> None:
    """Two pixels, three degrees or the other side: too much for the test above."""
    row = augmented(people[0], 'crop', 0)
    moved = augmented({**people[0], 'img': people[0]['mask']}, 'crop', 0)['crop'] > 127
    camera, turned = crop_camera(row), apply_roll(copy.deepcopy(row), np.deg2rad(3))
    shifted = camera + [[0, 0, 2], [0, 0, 0], [0, 0, 0]]
    for labels, k in ((row, shifted), (turned, camera), (apply_flip(copy.deepcopy(row)), camera)):
        drawn = draw(labels, body, colors, k, CROP)[0][..., 0] > 0.5
        assert (moved & drawn).sum() / (moved | drawn).sum() < 0.98


@pytest.mark.parametrize('name', AUGMENTATIONS)
def test_undoing_the_motion_restores_labels_and_pixels(people: list[dict], name: str) -> None:
    for row in people:
        plain, row = augmented(row, 'crop', 0), augmented(row, name, seed=5)
        if row.get('flipped'):
            first = name.startswith('flip')  # then the roll is undone before the flip
            turn = row['full2aug'][:2, :2] @ np.diag([-1.0, 1.0])
            angle = np.arctan2(turn[1, 0], turn[0, 0])
            row = (
                apply_flip(apply_roll(row, -angle)) if first else apply_roll(apply_flip(row), angle)
            )
        elif 'full2aug' in row:
            row = apply_roll(row, -np.arctan2(row['full2aug'][1, 0], row['full2aug'][0, 0]))
        if 'full2aug' in row:
            assert np.allclose(row['full2aug'], np.eye(3), atol=1e-6)
        moved_box = 'scale' in name or 'shift' in name
        for label in LABELS:
            if not (moved_box and label.startswith('bbox_')):
                assert np.allclose(row[label], plain[label], atol=2e-3), label
        turned = row['world2cam_rotmat'] @ row['global_orient_world'][0]
        assert np.allclose(turned, row['global_orient'][0], atol=1e-5)
        if moved_box:
            row.update(bbox_center=plain['bbox_center'], bbox_size=plain['bbox_size'])
        again = CropPerson(CROP)(row)
        assert np.allclose(again['crop2full'], plain['crop2full'], atol=1e-6)
        assert np.abs(again['crop'].astype(int) - plain['crop']).max() <= 1
