"""The loss terms of every refinement step, and where each one's gradient may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.models.estimators.outputs import StepOutput
from whmr.registry import LOSSES, build_child
from whmr.structures import CropMetas, HMRTargets

TERMS = (
    'keypoints_2d_crop',
    'keypoints_2d_full',
    'keypoints_3d',
    'pose',
    'shape',
    'vertices',
    'focal',
    'camera',
)


def build_terms(losses: Mapping[str, Any], known: Sequence[str], owner: str) -> nn.ModuleDict:
    """The named loss terms; None switches one off.

    Raises:
        ValueError: On a name that `owner` does not compute.
    """
    unknown = sorted(set(losses) - set(known))
    if unknown:
        raise ValueError(f'{owner}.losses: unknown terms {unknown}; it takes {list(known)}')
    return nn.ModuleDict(
        {name: build_child(LOSSES, loss) for name, loss in losses.items() if loss is not None}
    )


def vertex_levels(body: BodyModel, vertices: Tensor) -> list[Tensor]:
    """The mesh at its three resolutions V, V1, V2 (W-HMR Eq. 9)."""
    return [vertices, body.pyramid.down(vertices, 1), body.pyramid.down(vertices, 2)]


class MeshLoss(BaseModule):
    """Supervision of the refinement steps (W-HMR Eq. 5, 8, 9, 10).

    Which gradients a term lets through was decided where the step was computed (`GradFlow`); here
    terms are only compared with their labels. The vertex term applies to the last step alone, at
    three mesh resolutions (`loss_vertices_s3`, `loss_vertices_level1_s3`,
    `loss_vertices_level2_s3`). A step that regresses vertices repeats pose and shape of the step
    before, whose terms so count twice.

    Args:
        losses: Term name to loss config; any of `TERMS`. An absent or None term is off.
    """

    def __init__(self, losses: Mapping[str, Any]) -> None:
        super().__init__()
        self.terms = build_terms(losses, TERMS, 'WHMR')

    def forward(
        self,
        steps: Sequence[StepOutput],
        targets: HMRTargets,
        metas: CropMetas,
        body: BodyModel,
    ) -> dict[str, Tensor]:
        """Every term of every step, `loss_{term}_s{step}`."""
        pose = torch.cat([targets.global_orient, targets.body_pose], dim=1)
        box_ratio = (
            metas.full_shape.flip(-1) / metas.bbox_size[:, None]
        )  # lambda: W / w_box, H / h_box
        results: dict[str, Tensor] = {}
        for number, step in enumerate(steps, start=1):
            values = {
                'keypoints_2d_crop': (
                    step.keypoints_2d_crop,
                    targets.keypoints_2d_crop,
                    targets.keypoints_2d_conf,
                ),
                'keypoints_2d_full': (
                    step.keypoints_2d_full,
                    targets.keypoints_2d_full,
                    targets.keypoints_2d_conf,
                    box_ratio,
                ),
                'keypoints_3d': (
                    step.joints,
                    targets.keypoints_3d,
                    targets.keypoints_3d_conf,
                    targets.has_keypoints_3d,
                ),
                'pose': (step.rotmat, pose, targets.has_smpl),
                'shape': (step.betas, targets.betas, targets.has_smpl),
                'focal': (step.focal_length, metas.full_shape),
                'camera': (step.weak_cam,),
            }
            for name, loss in self.terms.items():
                if name in values:
                    results[f'loss_{name}_s{number}'] = loss(*values[name])
        if 'vertices' in self.terms:
            predicted = _step_levels(body, steps[-1])
            labelled = vertex_levels(body, targets.vertices)
            for level, (mesh, label) in enumerate(zip(predicted, labelled, strict=True)):
                name = 'vertices' if level == 0 else f'vertices_level{level}'
                results[f'loss_{name}_s{len(steps)}'] = self.terms['vertices'](
                    mesh, label, targets.has_smpl
                )
        return results


def _step_levels(body: BodyModel, step: StepOutput) -> list[Tensor]:
    if step.level1 is None or step.level2 is None:
        return vertex_levels(body, step.vertices)
    return [step.vertices, step.level1, step.level2]
