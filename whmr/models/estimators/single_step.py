"""What estimators share that regress the body once from a crop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.model import BaseModel
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.models.estimators.body_step import body_step, to_estimate
from whmr.models.estimators.mesh_loss import MeshLoss
from whmr.models.estimators.outputs import WHMROutput
from whmr.models.estimators.predictions import add_camera_space, require
from whmr.models.heads import RegressorOutput
from whmr.registry import BACKBONES, BODY_MODELS, HEADS, build_child
from whmr.structures import BodyEstimate, CropMetas, HMRDataSample, HMRTargets


class Regressed(NamedTuple):
    """What a subclass of `SingleStepEstimator` regresses.

    Shapes: B batch, C and D channels.
    """

    body: RegressorOutput
    body_feat: Tensor  # (B, D)
    feature_map: Tensor  # (B, C, h, w) of the backbone


class SingleStepEstimator(BaseModel):
    """Backbone, head and body: the frame of HMR, CLIFF and HMR 2.0.

    A subclass says in `regress` how the head reads the backbone's map. No focal length is
    predicted: it is the user's where one is known, else the image diagonal.

    Args:
        body_model: A config of `BODY_MODELS`, or a built body.
        backbone: A config of `BACKBONES`, or a module that returns one feature map.
        head: A config of `HEADS`, or a built head with `set_mean`.
        full_2d_to_camera: See `body_step`.
        losses: See `MeshLoss`. Needed for `mode='loss'` only.
        data_preprocessor: A config of `MODELS`.
        init_cfg: MMEngine's weight initialisation.

    Shapes: B batch, h and w the network input.
        inputs['crop']: (B, 3, h, w), normalised.
    """

    def __init__(
        self,
        body_model: Mapping[str, Any] | BodyModel,
        backbone: Mapping[str, Any] | nn.Module,
        *,
        head: Mapping[str, Any] | nn.Module,
        full_2d_to_camera: bool = False,
        losses: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | nn.Module | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.body_model = build_child(BODY_MODELS, body_model)
        self.backbone = build_child(BACKBONES, backbone)
        self.head = build_child(HEADS, head)
        self.head.set_mean(self.body_model.mean_params)
        self.full_2d_to_camera = full_2d_to_camera
        self.mesh_loss = None if losses is None else MeshLoss(losses)

    def regress(self, inputs: Mapping[str, Any], metas: CropMetas) -> Regressed:
        """Body, camera and body feature of each crop; the one thing that a subclass writes."""
        raise TypeError(f'{type(self).__name__} must define `regress`')

    def forward(
        self,
        inputs: Mapping[str, Any],
        metas: CropMetas | None = None,
        targets: HMRTargets | None = None,
        data_samples: list[HMRDataSample] | None = None,
        mode: str = 'tensor',
    ) -> WHMROutput | dict[str, Tensor] | list[HMRDataSample]:
        """MMEngine's three modes: `tensor` (`WHMROutput`), `loss` (terms), `predict` (samples).

        Raises:
            ValueError: On an unknown mode, or labels or data samples missing for it.
        """
        require({'metas': metas})
        if mode == 'tensor':
            return self.run(inputs, metas)
        if mode == 'loss':
            require({'targets': targets, 'losses': self.mesh_loss})
            steps = self.run(inputs, metas).steps
            return self.mesh_loss(steps, targets, metas, self.body_model)
        if mode == 'predict':
            require({'data_samples': data_samples})
            return add_camera_space(data_samples, self.estimate(inputs, metas), metas)
        raise ValueError(f"mode={mode!r}: expected 'tensor', 'loss' or 'predict'")

    def estimate(self, inputs: Mapping[str, Any], metas: CropMetas) -> BodyEstimate:
        """What OrientCorrect and users need; the contract of `WorldHMR`."""
        output = self.run(inputs, metas)
        return to_estimate(output.steps[-1], output.body_feat)

    def run(self, inputs: Mapping[str, Any], metas: CropMetas) -> WHMROutput:
        """The whole forward pass; it has one step."""
        body, body_feat, feature_map = self.regress(inputs, metas)
        step = body_step(
            self.body_model,
            body,
            metas=metas,
            orthogonal=False,  # a 6D pose is decoded to rotations
            full_2d_to_camera=self.full_2d_to_camera,
        )
        return WHMROutput([step], None, body_feat, feature_map)
