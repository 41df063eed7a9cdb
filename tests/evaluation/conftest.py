"""The free body, and samples whose errors are known in closed form."""

import logging
import math
from collections.abc import Callable

import pytest
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from whmr.body_models import FreeBody
from whmr.geometry import euler_to_rotmat, intrinsics_matrix, pitch_roll_to_rotmat
from whmr.structures import HMRDataSample

UPRIGHT = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


@pytest.fixture(scope='session')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture
def make_sample(body: FreeBody) -> Callable[..., HMRDataSample]:
    """A person whose prediction is off by what is asked for, and by nothing else."""

    def make(
        index: int = 0,
        *,
        offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
        tilt: float = 0.0,
        yaw: float = 0.0,
        offset_2d: float = 0.0,
        focal_ratio: float = 1.0,
        pitch_error: float = 0.0,
        labelled: bool = True,
    ) -> HMRDataSample:
        generator = torch.Generator().manual_seed(index)
        rand = lambda *shape: torch.rand(*shape, generator=generator) - 0.5  # noqa: E731
        pose, betas = 0.6 * rand(1, 23, 3), 2 * rand(1, body.num_betas)
        world2cam = pitch_roll_to_rotmat(0.5 * rand(1), 0.3 * rand(1))
        zero = torch.zeros(1)
        true_world = euler_to_rotmat(zero, 3 * rand(1), zero) @ UPRIGHT
        turn = euler_to_rotmat(zero, zero + yaw, zero) @ euler_to_rotmat(zero + tilt, zero, zero)

        def instances(world: Tensor) -> InstanceData:
            orient_world, orient = world[None], (world2cam @ world)[None]
            return InstanceData(
                vertices=body(betas, orient, pose).vertices,
                vertices_world=body(betas, orient_world, pose).vertices,
                global_orient_world=orient_world,
            )

        sample = HMRDataSample(
            metainfo={
                'img_id': f'image{index}',
                'sample_idx': index,
                'dataset': 'known',
                'topology': body.topology,
            }
        )
        gt, pred = instances(true_world), instances(turn @ true_world)
        shift = torch.tensor(offset)
        pred.vertices, pred.vertices_world = pred.vertices + shift, pred.vertices_world + shift
        gt.keypoints_2d = 200 * (rand(1, 49, 2) + 0.5)
        gt.keypoints_2d_conf = torch.ones(1, 49) * labelled
        pred.keypoints_2d = gt.keypoints_2d + torch.tensor([0.6, 0.8]) * offset_2d
        # Neither the OpenPose half nor an unlabelled joint may count.
        pred.keypoints_2d[:, :25] = 1e4
        gt.keypoints_2d_conf[:, 25] = 0
        pred.keypoints_2d[:, 25] = 1e4
        pred.focal_length = torch.full((1,), 1000.0 * focal_ratio)
        gt.has_smpl = gt.has_world = torch.tensor([labelled])
        sample.gt_instances, sample.pred_instances = gt, pred
        sample.gt_camera = InstanceData(
            intrinsics=intrinsics_matrix(torch.full((1,), 1000.0), torch.zeros(1, 2)),
            world2cam_rotmat=world2cam,
            has_focal_length=torch.tensor([labelled]),
            has_world2cam=torch.tensor([labelled]),
        )
        lean = euler_to_rotmat(zero + math.radians(pitch_error), zero, zero)
        sample.pred_camera = InstanceData(world2cam_rotmat=lean @ world2cam)
        return sample

    return make


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Everything that metrics have logged so far."""
    lines: list[str] = []

    def keep(text: str, *, logger: str, level: int = logging.INFO) -> None:
        lines.append(text)

    for name in ('per_sample', 'protocol_metric', 'world_space_metric', 'agora_metric'):
        monkeypatch.setattr(f'whmr.evaluation.metrics.{name}.print_log', keep)
    return lambda: '\n'.join(lines)
