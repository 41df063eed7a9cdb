"""Batches of cached features, in the place of photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.registry import MODELS, build_child
from whmr.structures import BodyEstimate, HMRTargets, OrientationInputs, WorldTargets

MESH = ('vertices', 'joints')
WORLD_MESH = ('vertices_world', 'joints_world')


@MODELS.register_module()
class ReplayDataPreprocessor(BaseDataPreprocessor):
    """Stacks cached features; any other batch goes to the preprocessor that it stands before.

    So the same model trains from a cache and is validated on photos. Meshes that the cache does not
    hold are posed anew from their parameters.

    Args:
        preprocessor: A config of `MODELS`, or a built preprocessor with a body model.

    Shapes: B batch.
        data: `inputs.cached` of lists of tensors, or what `preprocessor` takes.
        returns: `inputs.orientation` `OrientationInputs`, `targets` `WorldTargets`.
    """

    def __init__(self, preprocessor: Mapping[str, Any] | nn.Module) -> None:
        super().__init__()
        self.preprocessor = build_child(MODELS, preprocessor)

    @torch.no_grad()
    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Make a batch.

        Args:
            data: What the data loader gives.
            training: Handed on.

        Shapes: as in the class.
        """
        if 'cached' not in data['inputs']:
            return self.preprocessor(data, training)
        lists = self.cast_data(data['inputs']['cached'])
        fields = {name: torch.stack(list(values)) for name, values in lists.items()}
        ready, targets = unpack(fields, self.preprocessor.body_model)
        return {'inputs': {'orientation': ready}, 'targets': targets}


def pack(
    ready: OrientationInputs, estimate: BodyEstimate, targets: HMRTargets, *, meshes: bool
) -> dict[str, Tensor]:
    """What a cache keeps of a batch.

    Args:
        ready: What the orientation module reads.
        estimate: The wrapped model's, for its parameters.
        targets: The labels.
        meshes: Keep vertices and joints; otherwise the parameters that they are posed from.

    Shapes: B batch.
        returns: name -> (B, ...), float32; flags are 0 or 1.
    """
    fields = {f'input.{k}': v for k, v in vars(ready).items() if meshes or k not in MESH}
    names = ('global_orient_world', 'has_world', 'world2cam_rotmat')
    names += WORLD_MESH if meshes else ()
    fields |= {f'label.{name}': getattr(targets, name) for name in names}
    if not meshes:
        for name in ('body_pose', 'betas'):
            fields[f'estimate.{name}'] = getattr(estimate, name)
            fields[f'label.{name}'] = getattr(targets, name)
    return {name: value.float() for name, value in fields.items()}


def unpack(fields: Mapping[str, Tensor], body: BodyModel) -> tuple[OrientationInputs, WorldTargets]:
    """The inverse of `pack`.

    Args:
        fields: What `pack` gave.
        body: Poses the meshes that are not kept.

    Shapes: as `pack`.
    """
    parts: dict[str, dict[str, Tensor]] = {'input': {}, 'label': {}, 'estimate': {}}
    for name, value in fields.items():
        part, _, field = name.partition('.')
        parts[part][field] = value
    ready, label, estimate = parts['input'], parts['label'], parts['estimate']
    label['has_world'] = label['has_world'] > 0.5
    label.pop('world2cam_rotmat', None)  # kept for studies of other rotations than the input's
    if 'vertices' not in ready:
        root = ready['own_global_orient']
        ready |= zip(MESH, _pose(body, estimate['betas'], root, estimate['body_pose']))
        betas, pose = label.pop('betas'), label.pop('body_pose')
        label |= zip(WORLD_MESH, _pose(body, betas, label['global_orient_world'], pose))
    return OrientationInputs(**ready), WorldTargets(**label)


def _pose(body: BodyModel, betas: Tensor, root: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    out = body(betas, root, pose)
    return out.vertices, body.joints49(out.joints)
