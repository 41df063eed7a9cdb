"""W-HMR in camera space: body, weak camera and distance from one crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.geometry import global_info, project_crop, square_to_feature
from whmr.models.estimators.body_step import body_step, to_estimate
from whmr.models.estimators.grad_flow import GradFlow, flow
from whmr.models.estimators.mesh_loss import MeshLoss
from whmr.models.estimators.outputs import StepOutput, WHMROutput
from whmr.models.estimators.predictions import add_camera_space, require
from whmr.models.estimators.projection import project_joints
from whmr.models.extractors import grid_points
from whmr.models.heads import VertexOutput
from whmr.registry import BACKBONES, BODY_MODELS, EXTRACTORS, HEADS, MODELS, NECKS, build_child
from whmr.structures import BodyEstimate, CropMetas, HMRDataSample, HMRTargets

POINTS = ('markers', 'vertices')
SPARSE = 2  # level of the mesh pyramid whose vertices are sampled and regressed


@MODELS.register_module()
class WHMR(BaseModel):
    """Weakly calibrated human mesh recovery in camera space (W-HMR Fig. 3, Sec. 3.2 and 8).

    A backbone and a deconvolution neck give one map per refinement step. A step samples its map at
    points (a fixed grid first, then where points of the last mesh project), and a regressor
    updates pose, shape and weak camera. The last steps of the hybrid regress the vertices instead
    and keep pose, shape and camera as they are. The focal head reads the last map and predicts the
    person's distance, from which follow the focal length (Eq. 3) and the full-image camera (Eq. 4).
    The spatial feature of the last step is the `body_feat` that OrientCorrect reads.

    Args:
        body_model: A config of `BODY_MODELS`, or a built body.
        backbone: A config of `BACKBONES`, or a module that returns one feature map.
        neck: A config of `NECKS`; gives as many maps as there are steps.
        extractor: A config of `EXTRACTORS`; one is built per step.
        regressors: One config of `HEADS` per step that regresses parameters; `feat_dim` is filled
            in.
        vertex_regressors: One config of `HEADS` per step after those, such as `VertexTransformer`;
            `feat_dim`, `point_dim`, and the body's `sizes` and `adjacency` are filled in.
        points: Where the later steps sample: at the body's `markers` or at the `vertices` of its
            coarsest mesh, which vertex regressors need.
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

    Raises:
        ValueError: Unknown `points`, markers with a vertex regressor, or no regressor.

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
        vertex_regressors: Sequence[Mapping[str, Any]] = (),
        points: str = 'markers',
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
        if points not in POINTS or (vertex_regressors and points != 'vertices'):
            wanted = 'vertices' if vertex_regressors else ' or '.join(POINTS)
            raise ValueError(f'WHMR: points={points!r}: expected {wanted}')
        if not regressors:
            raise ValueError('WHMR: regressors is empty: the first step regresses parameters')
        self.points = points
        self.register_buffer('grid', grid_points(*grid_shape), persistent=False)
        num_steps = len(regressors) + len(vertex_regressors)
        self.extractors = nn.ModuleList(EXTRACTORS.build(extractor) for _ in range(num_steps))
        counts = [len(self.grid)] + [self._num_points()] * (num_steps - 1)
        feat_dims = [
            each.out_channels * count for each, count in zip(self.extractors, counts, strict=True)
        ]
        self.regressors = nn.ModuleList(
            HEADS.build({'feat_dim': feat_dim, **regressor})
            for feat_dim, regressor in zip(feat_dims, regressors)
        )
        self.vertex_regressors = nn.ModuleList(
            HEADS.build({'feat_dim': feat_dim, **self._mesh_settings(), **regressor})
            for feat_dim, regressor in zip(feat_dims[len(regressors) :], vertex_regressors)
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
        last, posed = output.steps[-1], output.steps[len(self.regressors) - 1]
        estimate = to_estimate(last, output.body_feat)
        if not self.vertex_regressors:
            return estimate
        return replace(estimate, posed_vertices=posed.vertices, posed_joints=posed.joints)

    def refine(self, inputs: Mapping[str, Any], metas: CropMetas) -> WHMROutput:
        """The refinement loop (W-HMR Eq. 13 and 14)."""
        maps = self.neck(self.backbone(inputs['crop']))
        if len(maps) != len(self.extractors):
            raise ValueError(
                f'neck gives {len(maps)} maps for {len(self.extractors)} regressors: '
                'set num_layers to match'
            )
        distance = self._distance(maps[-1])
        info = global_info(metas.bbox_center, metas.bbox_size, metas.full_shape)
        batch = info.shape[0]
        mean = self.body_model.mean_params
        pose = torch.cat([mean.global_orient, mean.body_pose]).expand(batch, -1, -1, -1)
        betas = mean.betas.expand(batch, -1)
        weak_cam = mean.weak_cam.expand(batch, -1)
        steps: list[StepOutput] = []
        for number, (feature_map, extractor) in enumerate(zip(maps, self.extractors, strict=True)):
            points = self._points(steps[-1], metas) if steps else self.grid.expand(batch, -1, -1)
            raw = extractor.sample(feature_map, points)
            body_feat = extractor.reduce(raw)
            if number < len(self.regressors):
                state = pose.detach(), betas.detach(), weak_cam.detach()
                step = body_step(
                    self.body_model,
                    self.regressors[number](body_feat, info, *state),
                    metas=metas,
                    orthogonal=not self.training,
                    distance=distance,
                    grad_flow=self.grad_flow,
                )
                pose, betas, weak_cam = step.rotmat, step.betas, step.weak_cam
            else:
                mesh = self.vertex_regressors[number - len(self.regressors)](
                    self._sampled(steps[-1]), raw, body_feat
                )
                step = self._vertex_step(mesh, steps[-1], distance, metas)
            steps.append(step)
        return WHMROutput(steps, distance, body_feat, maps[-1])

    def _distance(self, feature_map: Tensor) -> Tensor | None:
        if self.focal_head is None:
            return None
        through = self.grad_flow is None or self.grad_flow.distance_to_features
        return self.focal_head(flow(feature_map, through))

    def _vertex_step(
        self, mesh: VertexOutput, last: StepOutput, distance: Tensor | None, metas: CropMetas
    ) -> StepOutput:
        """The step before with another mesh; its pose, shape and camera are not detached."""
        joints = self.body_model.joints49(self.body_model.joints_from_vertices(mesh.vertices))
        projection = project_joints(
            joints, last.weak_cam, distance, metas, grad_flow=self.grad_flow
        )
        return replace(last, **mesh._asdict(), joints=joints, **projection._asdict())

    def _points(self, step: StepOutput, metas: CropMetas) -> Tensor:
        """Where the next step samples its map."""
        points = project_crop(self._sampled(step), step.weak_cam.detach(), metas.crop_size)
        return points if self.square_sampling else square_to_feature(points, metas.crop_shape)

    def _sampled(self, step: StepOutput) -> Tensor:
        """The points of a mesh that the next step samples at, (B, P, 3), without gradient."""
        if self.points == 'markers':
            return step.vertices[:, self.body_model.markers].detach()
        if step.level2 is not None:
            return step.level2.detach()
        return self.body_model.pyramid.down(step.vertices.detach(), SPARSE)

    def _num_points(self) -> int:
        body = self.body_model
        return len(body.markers) if self.points == 'markers' else body.pyramid.sizes[SPARSE]

    def _mesh_settings(self) -> dict[str, Any]:
        pyramid = self.body_model.pyramid
        return {
            'point_dim': self.extractors[0].in_channels,
            'sizes': pyramid.sizes,
            'adjacency': pyramid.adjacency(SPARSE),
        }
