"""Small people with labels that agree with each other: for tests, here and in plug-ins."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from whmr.body_models import BodyModel, FreeBody
from whmr.datasets import HMRDataset, save_annotations
from whmr.geometry import (
    axis_angle_to_rotmat,
    euler_to_rotmat,
    pitch_roll_to_rotmat,
    rotmat_to_axis_angle,
)

DATASET = 'tiny'


def tiny_columns(
    num: int = 4,
    *,
    seed: int = 0,
    ori_shape: tuple[int, int] = (120, 160),
    body: BodyModel | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Columns and meta of random people, every label there and exact.

    Upright people (some leaning) with mild poses are seen by random cameras (pitch, roll, focal
    length, principal point); all labels follow from the body and the camera.

    Args:
        num: How many people, each in a photo of its own.
        seed: Seed of everything that is random.
        ori_shape: Height and width of the photos.
        body: The body of the labels; default the free body.

    Shapes: as in `whmr.datasets.annotations`.
    """
    body = FreeBody() if body is None else body
    rng = np.random.default_rng(seed)
    height, width = ori_shape

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, (num, *shape)))

    betas = uniform(-1, 1, body.num_betas)
    body_pose = uniform(-0.2, 0.2, 23, 3)
    world2cam = pitch_roll_to_rotmat(uniform(-0.3, 0.5), uniform(-0.3, 0.3))
    facing = axis_angle_to_rotmat(torch.tensor([np.pi, 0.0, 0.0]).double())
    tilt = uniform(-0.3, 0.3)
    orient_world = euler_to_rotmat(tilt, uniform(-np.pi, np.pi), tilt.flip(0)) @ facing
    orient = world2cam @ orient_world
    out = body(betas.float(), orient[:, None].float(), body_pose.float())
    vertices, joints = out.vertices.double(), body.joints49(out.joints).double()
    pelvis = out.joints[:, 0].double()
    focal = uniform(0.9, 1.4) * np.hypot(height, width)
    center = torch.tensor([width / 2, height / 2]) + uniform(-3, 3, 2)
    depth = focal * 1.8 / (uniform(0.5, 0.7) * height)
    aim = (uniform(-0.1, 0.1, 2) * torch.tensor([width, height])) * (depth / focal)[:, None]
    cam_t = torch.cat([aim, depth[:, None]], 1) - pelvis * torch.tensor([1.0, 1.0, 0.0])
    intrinsics = torch.eye(3, dtype=torch.float64).repeat(num, 1, 1)
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    intrinsics[:, :2, 2] = center

    def project(points: torch.Tensor) -> torch.Tensor:
        placed = (points + cam_t[:, None]) @ intrinsics.mT
        return placed[..., :2] / placed[..., 2:]

    outline = project(vertices)
    columns = {
        'img_path': np.array([f'{index:04d}.png' for index in range(num)]),
        'img_id': np.array([f'{DATASET}_{index:04d}' for index in range(num)]),
        'ori_shape': np.tile(np.int32(ori_shape), (num, 1)),
        'bbox': torch.cat([outline.amin(1), outline.amax(1)], 1).numpy(),
        'keypoints_2d': project(joints).numpy(),
        'keypoints_2d_conf': np.ones(joints.shape[:2]),
        'keypoints_3d': (joints - pelvis[:, None]).numpy(),
        'keypoints_3d_conf': np.ones(joints.shape[:2]),
        'global_orient': rotmat_to_axis_angle(orient).numpy(),
        'body_pose': body_pose.flatten(1).numpy(),
        'betas': betas.numpy(),
        'cam_t': cam_t.numpy(),
        'pelvis': pelvis.numpy(),
        'global_orient_world': rotmat_to_axis_angle(orient_world).numpy(),
        'world2cam_rotmat': world2cam.numpy(),
        'intrinsics': intrinsics.numpy(),
    }
    meta = {'dataset': DATASET, 'topology': body.topology, 'joint_set': 'spin49'}
    return {k: v.astype('f4') if v.dtype == 'f8' else v for k, v in columns.items()}, meta


def tiny_photo(index: int, ori_shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """A smooth random picture.

    Args:
        index: Which one.
        ori_shape: Its height and width.

    Shapes: returns: (H, W, 3) uint8 BGR.
    """
    coarse = np.random.default_rng(index).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, ori_shape[::-1], interpolation=cv2.INTER_CUBIC)


class TinyDataset(HMRDataset):
    """`tiny_columns` as a data set whose photos are made in memory.

    Args:
        num: How many people.
        seed: Seed of the labels.
        ori_shape: Height and width of the photos.
        pipeline: Transforms.
        test_mode: As in `HMRDataset`.
        body: The body of the labels; default a new free body (which takes 0.2 s to make).

    Shapes: as in `HMRDataset`, and `img` (H, W, 3) uint8 BGR.
    """

    def __init__(
        self,
        num: int = 4,
        seed: int = 0,
        *,
        ori_shape: tuple[int, int] = (120, 160),
        pipeline: Sequence[dict] = (),
        test_mode: bool = False,
        body: BodyModel | None = None,
    ) -> None:
        self._tiny = {'num': num, 'seed': seed, 'ori_shape': ori_shape, 'body': body}
        super().__init__(pipeline=pipeline, test_mode=test_mode)

    def load_columns(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The columns of `tiny_columns`.

        Shapes: as in `whmr.datasets.annotations`.
        """
        return tiny_columns(**self._tiny)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One person, photo included.

        Args:
            idx: The row.

        Shapes: as in the class.
        """
        row = super().get_data_info(idx)
        row['img'] = tiny_photo(row['sample_idx'], row['ori_shape'])
        return row


def tiny_rows(
    num: int = 4,
    *,
    seed: int = 0,
    ori_shape: tuple[int, int] = (120, 160),
    body: BodyModel | None = None,
) -> list[dict[str, Any]]:
    """Rows as a pipeline gets them, with `img` in memory.

    Args:
        num: How many people.
        seed: Seed of the labels.
        ori_shape: Height and width of the photos.
        body: The body of the labels; default a new free body.

    Shapes: as in `HMRDataset`, and `img` (H, W, 3) uint8 BGR.
    """
    dataset = TinyDataset(num, seed, ori_shape=ori_shape, body=body)
    return [dataset.get_data_info(index) for index in range(num)]


def tiny_annotation_file(
    folder: str | Path, num: int = 4, *, seed: int = 0, ori_shape: tuple[int, int] = (120, 160)
) -> Path:
    """Write an annotation file `tiny.npz` and its photos in `images/`.

    Args:
        folder: Where; use it as `data_root`, with `data_prefix=dict(img='images')`.
        num: How many people.
        seed: Seed of the labels.
        ori_shape: Height and width of the photos.

    Returns:
        Path of the annotation file.

    Shapes: as in `whmr.datasets.annotations`.
    """
    folder = Path(folder)
    columns, meta = tiny_columns(num, seed=seed, ori_shape=ori_shape)
    for index, name in enumerate(columns['img_path']):
        mmcv.imwrite(tiny_photo(index, ori_shape), str(folder / 'images' / str(name)))
    save_annotations(folder / 'tiny.npz', columns, meta)
    return folder / 'tiny.npz'


def tiny_pipeline(
    crop_shape: tuple[int, int] = (64, 48), *, full_side: int | None = None, train: bool = False
) -> list[dict[str, Any]]:
    """The transforms from a row to a packed sample.

    Args:
        crop_shape: Height and width of the network input.
        full_side: Shorter side of the whole photo; None = no whole photo.
        train: With random augmentation.

    Shapes: none.
    """
    motion = [{'type': 'RandomFlip'}, {'type': 'RandomRoll'}]
    motion += [{'type': 'RandomBoxScale'}, {'type': 'RandomBoxShift'}]
    full = [] if full_side is None else [{'type': 'ResizeFull', 'short_side': full_side}]
    return [
        {'type': 'LoadImage'},
        {'type': 'GetBox'},
        *(motion if train else []),
        {'type': 'CropPerson', 'crop_shape': crop_shape},
        *full,
        {'type': 'PackHMRInputs'},
    ]


def tiny_batch(
    num: int = 2,
    crop_shape: tuple[int, int] = (64, 48),
    *,
    full_side: int | None = None,
    labelled: bool = True,
    train: bool = False,
    seed: int = 0,
    body: BodyModel | None = None,
) -> dict[str, Any]:
    """A batch as the data loader hands it to the data preprocessor.

    Args:
        num: How many people.
        crop_shape: Height and width of the network input.
        full_side: Shorter side of the whole photo; None = no whole photo.
        labelled: With labels; False = as in inference.
        train: With random augmentation (numpy's global random numbers).
        seed: Seed of the labels.
        body: The body of the labels; default a new free body.

    Returns:
        `inputs` (dict of lists of tensors) and `data_samples` (list).

    Shapes: as in `PackHMRInputs`.
    """
    dataset = TinyDataset(
        num,
        seed,
        pipeline=tiny_pipeline(crop_shape, full_side=full_side, train=train),
        body=body,
    )
    rows = [dataset.get_data_info(index) for index in range(num)]
    if not labelled:
        rows = [{key: row[key] for key in ('img', 'img_path', 'ori_shape', 'bbox')} for row in rows]
    return pseudo_collate([dataset.pipeline(row) for row in rows])
