"""Camera calibration trained on its own: field of view, pitch and roll from whole photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from whmr.geometry import (
    focal_to_vfov,
    intrinsics_matrix,
    rotmat_to_pitch_roll,
    vfov_to_focal,
)
from whmr.models.cameras import CameraEstimate
from whmr.models.estimators.predictions import one_row, require
from whmr.registry import CAMERAS, MODELS, build_child
from whmr.structures import CropMetas, HMRDataSample, HMRTargets


@MODELS.register_module()
class CameraEstimator(BaseModel):
    """Trains a camera calibrator through the same data and Runner as everything else.

    Args:
        camera: A config of `CAMERAS`, or a built calibrator.
        data_preprocessor: A config of `MODELS`.
        init_cfg: MMEngine's weight initialisation.

    Shapes: inputs['full']: B photos (3, H, W), normalised, one per sample.
    """

    def __init__(
        self,
        camera: Mapping[str, Any] | nn.Module,
        *,
        data_preprocessor: Mapping[str, Any] | nn.Module | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.camera = build_child(CAMERAS, camera)

    def forward(
        self,
        inputs: Mapping[str, Any],
        metas: CropMetas | None = None,
        targets: HMRTargets | None = None,
        data_samples: list[HMRDataSample] | None = None,
        mode: str = 'tensor',
    ) -> CameraEstimate | dict[str, Tensor] | list[HMRDataSample]:
        """MMEngine's three modes: `tensor` (`CameraEstimate` per sample), `loss`, `predict`.

        Raises:
            ValueError: On an unknown mode, or labels or data samples missing for it.
        """
        require({'metas': metas})
        photos = [inputs['full'][i] for i in metas.image_index.tolist()]
        if mode == 'loss':
            require({'targets': targets})
            return self.loss(photos, metas, targets)
        if mode not in ('tensor', 'predict'):
            raise ValueError(f"mode={mode!r}: expected 'tensor', 'loss' or 'predict'")
        estimate = self.camera.predict(photos)
        if mode == 'tensor':
            return estimate
        require({'data_samples': data_samples})
        focal = vfov_to_focal(estimate.vfov, metas.full_shape[:, 0])
        values = {
            **vars(estimate),
            'intrinsics': intrinsics_matrix(focal, metas.full_shape.flip(-1) / 2),
        }
        for row, sample in enumerate(data_samples):
            sample.pred_camera = one_row(values, row)
        return data_samples

    def loss(
        self, photos: list[Tensor], metas: CropMetas, targets: HMRTargets
    ) -> dict[str, Tensor]:
        """The calibrator's own losses where field of view and rotation are labelled."""
        height = metas.full_shape[:, 0]
        focal = torch.where(targets.has_focal_length, targets.focal_length, height)
        vfov = focal_to_vfov(focal, height)
        pitch, roll = rotmat_to_pitch_roll(targets.world2cam_rotmat)
        rotation = targets.has_world2cam
        valid = torch.stack([targets.has_focal_length, rotation, rotation], dim=1)
        return self.camera.loss(photos, vfov, pitch, roll, valid)
