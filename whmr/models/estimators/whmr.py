"""W-HMR in camera space: body, weak camera and distance from one crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.geometry import (
    focal_from_distance,
    full_cam_t,
    global_info,
    normalize_full,
    orthogonalize,
    project_crop,
    project_full,
    pseudo_focal_length,
    square_to_feature,
)
from whmr.models.estimators.grad_flow import GradFlow, flow
from whmr.models.estimators.mesh_loss import MeshLoss
from whmr.models.estimators.outputs import StepOutput, WHMROutput
from whmr.models.estimators.predictions import add_camera_space, require
from whmr.models.extractors import grid_points
from whmr.registry import BACKBONES, BODY_MODELS, EXTRACTORS, HEADS, MODELS, NECKS, build_child
from whmr.structures import BodyEstimate, CropMetas, HMRDataSample, HMRTargets


@MODELS.register_module()
class WHMR(BaseModel):
    """Weakly calibrated human mesh recovery in camera space (W-HMR Fig. 3, Sec. 3.2 and 8).

    A backbone and a deconvolution neck give one map per refinement step. A step samples its map at
    points (a fixed grid first, then where the markers of the last mesh project), and a regressor
    updates pose, shape and weak camera. The focal head reads the last map and predicts the person's
    distance, from which follow the focal length (Eq. 3) and the full-image camera (Eq. 4). The
    spatial feature of the last step is the `body_feat` that OrientCorrect reads.

    Args:
        body_model: A config of `BODY_MODELS`, or a built body.
        backbone: A config of `BACKBONES`, or a module that returns one feature map.
        neck: A config of `NECKS`; gives as many maps as there are regressors.
        extractor: A config of `EXTRACTORS`; one is built per step.
        regressors: One config of `HEADS` per refinement step; `feat_dim` is filled in.
        focal_head: A config of `HEADS`; without it the focal length is the image diagonal and
            nothing is learned.
        iuv_head: A config of `HEADS`: auxiliary supervision, not run at inference.
        depth_head: A config of `HEADS`: auxiliary supervision, not run at inference.
        grid_shape: Rows and columns of the first step's sampling grid.
        losses: See `MeshLoss`. Needed for `mode='loss'` only.
        grad_flow: See `GradFlow`. Needed for `mode='loss'` only.
        square_sampling: Sample at points normalised on the square crop even where the input is
            narrower, as the authors' release does (x off by 4/3 on 256x192). For converted
            checkpoints only.
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
        neck: Mapping[str, Any] | nn.Module,
        extractor: Mapping[str, Any],
        regressors: Sequence[Mapping[str, Any]],
        focal_head: Mapping[str, Any] | nn.Module | None = None,
        iuv_head: Mapping[str, Any] | nn.Module | None = None,
        depth_head: Mapping[str, Any] | nn.Module | None = None,
        grid_shape: tuple[int, int],
        losses: Mapping[str, Any] | None = None,
        grad_flow: Mapping[str, bool] | GradFlow | None = None,
        square_sampling: bool = False,
        data_preprocessor: Mapping[str, Any] | nn.Module | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.body_model = build_child(BODY_MODELS, body_model)
        self.backbone = build_child(BACKBONES, backbone)
        self.neck = build_child(NECKS, neck)
        self.extractors = nn.ModuleList(EXTRACTORS.build(extractor) for _ in regressors)
        self.register_buffer('grid', grid_points(*grid_shape), persistent=False)
        point_counts = [len(self.grid)] + [len(self.body_model.markers)] * (len(regressors) - 1)
        self.regressors = nn.ModuleList(
            HEADS.build({'feat_dim': each.out_channels * count, **regressor})
            for each, count, regressor in zip(
                self.extractors, point_counts, regressors, strict=True
            )
        )
        self.focal_head = build_child(HEADS, focal_head)
        self.iuv_head = build_child(HEADS, iuv_head)
        self.depth_head = build_child(HEADS, depth_head)
        self.mesh_loss = None if losses is None else MeshLoss(losses)
        self.grad_flow = None if grad_flow is None else GradFlow.build(grad_flow)
        self.square_sampling = square_sampling

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
            return self.refine(inputs, metas)
        if mode == 'loss':
            require({'targets': targets, 'losses': self.mesh_loss, 'grad_flow': self.grad_flow})
            return self.loss(inputs, metas, targets)
        if mode == 'predict':
            require({'data_samples': data_samples})
            return add_camera_space(data_samples, self.estimate(inputs, metas), metas)
        raise ValueError(f"mode={mode!r}: expected 'tensor', 'loss' or 'predict'")

    def loss(
        self, inputs: Mapping[str, Any], metas: CropMetas, targets: HMRTargets
    ) -> dict[str, Tensor]:
        """All terms: per step those of `MeshLoss`, once those of the auxiliary heads."""
        output = self.refine(inputs, metas)
        losses = self.mesh_loss(output.steps, targets, metas, self.body_model)
        for head in (self.iuv_head, self.depth_head):
            if head is not None:
                losses.update(head.loss_by_feat(head(output.feature_map), targets))
        return losses

    def estimate(self, inputs: Mapping[str, Any], metas: CropMetas) -> BodyEstimate:
        """What OrientCorrect and users need of the last step; the contract of `WorldHMR`."""
        output = self.refine(inputs, metas)
        last = output.steps[-1]
        return BodyEstimate(
            body_feat=output.body_feat,
            global_orient=last.rotmat[:, :1],
            body_pose=last.rotmat[:, 1:],
            betas=last.betas,
            weak_cam=last.weak_cam,
            distance=last.cam_t[:, 2],
            focal_length=last.focal_length,
            cam_t=last.cam_t,
            vertices=last.vertices,
            joints=last.joints,
        )

    def refine(self, inputs: Mapping[str, Any], metas: CropMetas) -> WHMROutput:
        """The refinement loop (W-HMR Eq. 13 and 14)."""
        maps = self.neck(self.backbone(inputs['crop']))
        if len(maps) != len(self.regressors):
            raise ValueError(
                f'neck gives {len(maps)} maps for {len(self.regressors)} regressors: '
                'set num_layers to match'
            )
        distance = self._distance(maps[-1])
        info = global_info(metas.bbox_center, metas.bbox_size, metas.full_shape)
        batch = len(info)
        mean = self.body_model.mean_params
        pose = torch.cat([mean.global_orient, mean.body_pose]).expand(batch, -1, -1, -1)
        betas = mean.betas.expand(batch, -1)
        weak_cam = mean.weak_cam.expand(batch, -1)
        points = self.grid.expand(batch, -1, -1)
        steps: list[StepOutput] = []
        for feature_map, extractor, regressor in zip(
            maps, self.extractors, self.regressors, strict=True
        ):
            body_feat = extractor(feature_map, points)
            update = regressor(body_feat, info, pose.detach(), betas.detach(), weak_cam.detach())
            step = self._step(*update, distance, metas)
            pose, betas, weak_cam = step.rotmat, step.betas, step.weak_cam
            points = self._marker_points(step, metas)
            steps.append(step)
        return WHMROutput(steps, distance, body_feat, maps[-1])

    def _distance(self, feature_map: Tensor) -> Tensor | None:
        if self.focal_head is None:
            return None
        through = self.grad_flow is None or self.grad_flow.distance_to_features
        return self.focal_head(flow(feature_map, through))

    def _step(
        self,
        pose: Tensor,
        betas: Tensor,
        weak_cam: Tensor,
        distance: Tensor | None,
        metas: CropMetas,
    ) -> StepOutput:
        rotmat = pose if self.training else orthogonalize(pose)
        body = self.body_model(betas=betas, global_orient=rotmat[:, :1], body_pose=rotmat[:, 1:])
        joints = self.body_model.joints49(body.joints)
        rules = self.grad_flow or GradFlow(True, True, True)
        fixed = weak_cam.detach()
        focal, distance = _focal_and_distance(fixed[:, 0], distance, metas)
        cam_t = full_cam_t(fixed, distance, metas.bbox_center, metas.bbox_size, metas.full_shape)
        full = project_full(flow(joints, rules.full_2d_to_body), cam_t, focal, metas.full_shape)
        return StepOutput(
            pose=pose,
            rotmat=rotmat,
            betas=betas,
            weak_cam=weak_cam,
            vertices=body.vertices,
            joints=joints,
            keypoints_2d_crop=project_crop(
                flow(joints, rules.crop_2d_to_body), weak_cam, metas.crop_size
            ),
            keypoints_2d_full=normalize_full(full, metas.full_shape),
            focal_length=focal,
            cam_t=cam_t,
        )

    def _marker_points(self, step: StepOutput, metas: CropMetas) -> Tensor:
        markers = step.vertices[:, self.body_model.markers].detach()
        points = project_crop(markers, step.weak_cam.detach(), metas.crop_size)
        return points if self.square_sampling else square_to_feature(points, metas.crop_shape)


def _focal_and_distance(
    scale: Tensor, distance: Tensor | None, metas: CropMetas
) -> tuple[Tensor, Tensor]:
    """Focal length and distance (Eq. 3), each (B,): predicted, or from what the user knows."""
    if distance is None:
        focal = pseudo_focal_length(metas.full_shape)
    else:
        focal = focal_from_distance(distance, scale, metas.bbox_size)
    if metas.known_focal_length is not None:
        known = metas.known_focal_length
        focal = torch.where(torch.isnan(known), focal, known)
    elif distance is not None:
        return focal, distance
    return focal, 2 * focal / (scale * metas.bbox_size)
