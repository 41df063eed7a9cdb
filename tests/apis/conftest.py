"""A stand-in for a trained model: everybody is the mean body, placed by the box."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.model import BaseModel

from whmr.apis import HMRInferencer
from whmr.body_models import FreeBody
from whmr.geometry import full_cam_t, pitch_roll_to_rotmat, rotmat_to_pitch_roll
from whmr.models.estimators.predictions import add_camera_space, add_world_space, is_known
from whmr.registry import MODELS
from whmr.structures import BodyEstimate, CropMetas, HMRDataSample

PITCH, ROLL, VFOV = 0.2, -0.1, 0.9
DISTANCE = 4.0


@MODELS.register_module(force=True)
class BoxFollower(BaseModel):
    """Mean bodies as high as their boxes; counts what it is shown.

    Args:
        broken: Predict NaN for crops of photos whose height is this.
    """

    def __init__(self, broken: int | None = None, data_preprocessor: dict | None = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.body_model = FreeBody()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.broken = broken
        self.batches: list[int] = []  # people of each pass
        self.calibrated: list[tuple[int, int]] = []  # shape of each photo seen by the calibrator
        self.precisions: list[torch.dtype | None] = []  # of autocast, in each pass

    def forward(
        self,
        inputs: dict[str, Any],
        metas: CropMetas | None = None,
        targets: None = None,
        data_samples: list[HMRDataSample] | None = None,
        mode: str = 'predict',
    ) -> list[HMRDataSample]:
        assert mode == 'predict' and targets is None and torch.is_inference_mode_enabled()
        batch = len(inputs['crop'])
        self.batches.append(batch)
        mixed = torch.is_autocast_enabled('cpu')
        self.precisions.append(torch.get_autocast_dtype('cpu') if mixed else None)
        known = metas.known_world2cam_rotmat
        missing = torch.ones(batch, dtype=torch.bool) if known is None else ~is_known(known)
        rotmat = pitch_roll_to_rotmat(torch.tensor(PITCH), torch.tensor(ROLL)).repeat(batch, 1, 1)
        if missing.any():
            self.calibrated += [tuple(photo.shape[-2:]) for photo in inputs['full']]
            # Every crop must be told its own photo.
            for row in torch.nonzero(missing)[:, 0].tolist():
                shape = inputs['full'][metas.image_index[row]].shape[-2:]
                want = metas.full_shape[row]
                assert abs(shape[0] / shape[1] - float(want[0] / want[1])) < 0.02
        if known is not None:
            rotmat = torch.where(missing[:, None, None], rotmat, known)
        estimate = self._estimate(batch, metas, rotmat)
        samples = add_camera_space(data_samples, estimate, metas)
        orient = self.body_model.mean_params.global_orient.expand(batch, 1, 3, 3)
        body = self._body(orient, estimate)
        pitch, roll = rotmat_to_pitch_roll(rotmat)
        world = {
            'global_orient_world': orient,
            'vertices_world': body.vertices,
            'joints_world': self.body_model.joints49(body.joints),
        }
        camera = {'world2cam_rotmat': rotmat, 'pitch': pitch, 'roll': roll}
        camera['vfov'] = torch.full((batch,), VFOV)
        return add_world_space(samples, world, camera)

    def _body(self, orient: torch.Tensor, estimate: BodyEstimate) -> Any:
        return self.body_model(
            betas=estimate.betas, global_orient=orient, body_pose=estimate.body_pose
        )

    def _estimate(self, batch: int, metas: CropMetas, rotmat: torch.Tensor) -> BodyEstimate:
        mean = self.body_model.mean_params
        weak_cam = torch.tensor([0.95, 0.0, 0.12]).repeat(batch, 1)
        distance = torch.full((batch,), DISTANCE)
        focal = weak_cam[:, 0] * metas.bbox_size * distance / 2
        if metas.known_focal_length is not None:
            given = metas.known_focal_length
            focal = torch.where(torch.isnan(given), focal, given)
            distance = 2 * focal / (weak_cam[:, 0] * metas.bbox_size)
        estimate = BodyEstimate(
            body_feat=torch.zeros(batch, 1),
            global_orient=rotmat[:, None] @ mean.global_orient,
            body_pose=mean.body_pose.expand(batch, -1, -1, -1),
            betas=mean.betas.expand(batch, -1).clone(),
            weak_cam=weak_cam,
            distance=distance,
            focal_length=focal,
            cam_t=full_cam_t(
                weak_cam, distance, metas.bbox_center, metas.bbox_size, metas.full_shape
            ),
        )
        body = self._body(estimate.global_orient, estimate)
        estimate.vertices, estimate.joints = body.vertices, self.body_model.joints49(body.joints)
        if self.broken is not None:
            estimate.betas[metas.full_shape[:, 0] == self.broken] = torch.nan
        return estimate


CONFIG = """
_body = dict(type='FreeBody')
model = dict(
    type='BoxFollower',
    broken={broken},
    data_preprocessor=dict(type='HMRDataPreprocessor', body_model=_body),
)
test_dataloader = dict(
    dataset=dict(
        type='HMRDataset',
        ann_file='missing.npz',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBox', padding=1.2),
            dict(type='CropPerson', crop_shape=(64, 48)),
            dict(type='ResizeFull', short_side=32),
            dict(type='PackHMRInputs'),
        ],
    ),
)
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A config of the stand-in."""
    path = tmp_path / 'config' / 'box_follower.py'
    path.parent.mkdir()
    path.write_text(textwrap.dedent(CONFIG.format(broken=None)))
    return path


@pytest.fixture
def make_inferencer(config_file: Path) -> Callable[..., HMRInferencer]:
    """Builds the inferencer on the stand-in."""

    def make(
        *,
        broken: int | None = None,
        batch_size: int = 16,
        image_batch_size: int = 8,
        detector: Any = None,
        amp: str | None = None,
    ) -> HMRInferencer:
        config = Config.fromfile(config_file)
        config.model.broken = broken
        return HMRInferencer(
            config,
            device='cpu',
            detector=detector,
            batch_size=batch_size,
            image_batch_size=image_batch_size,
            amp=amp,
        )

    return make


@pytest.fixture
def demo(repo_root: Path) -> Path:
    """The folder of the demo photographs."""
    return repo_root / 'demo' / 'images'


@pytest.fixture
def write_photo(tmp_path: Path, rng: np.random.Generator) -> Callable[..., Path]:
    """Writes a picture of noise."""

    def write(name: str, shape: Sequence[int] = (60, 80)) -> Path:
        path = tmp_path / 'photos' / name
        path.parent.mkdir(exist_ok=True)
        small = rng.integers(0, 256, (shape[0] // 4, shape[1] // 4, 3), dtype=np.uint8)
        assert cv2.imwrite(str(path), cv2.resize(small, (shape[1], shape[0])))
        return path

    return write


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten frames of 64 x 48; frame i is grey of the value 20 i."""
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 20 * number, dtype=np.uint8))
    writer.release()
    return path
