"""A model that knows nothing of this library, as an estimator."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.geometry import global_info
from whmr.models.estimators.external_fields import (
    AXES,
    MAX_SHOWN,
    ExternalModelError,
    OutputField,
    dig,
    flip_matrix,
    inventory,
)
from whmr.models.estimators.predictions import add_camera_space, require
from whmr.models.estimators.projection import full_camera
from whmr.registry import BODY_MODELS, MODELS, build_child
from whmr.structures import BodyEstimate, CropMetas, HMRDataSample

NUM_JOINTS = 24
FIELDS = ('pose', 'global_orient', 'body_pose', 'betas', 'weak_cam', 'cam_t', 'focal_length')
POOLS = ('none', 'flatten', 'mean', 'mean_tokens')
SOURCES = ('crop', 'bbox_center', 'bbox_size', 'full_shape', 'global_info', 'crop2full')


@MODELS.register_module()
class ExternalHMR(BaseModel):
    """Wraps a foreign model of human mesh recovery by a description of it; no code is written.

    The wrapped model is called as its own code calls it. A forward hook on one of its sub-modules
    takes the body feature; paths into what it returns say which numbers are pose, shape and camera,
    in which format, unit and axes. The result is the `BodyEstimate` that `WorldHMR` and
    OrientCorrect read. Nothing of the model is changed or trained.

    Args:
        body_model: A config of `BODY_MODELS`, or a built body: that of the model's parameters.
        model: Import path of a class or function that makes the model
            (`'their_package.models:TheirHMR'`), or a built module.
        model_args: Its arguments.
        feature: Dotted name of the sub-module whose output is the body feature.
        feature_path: Where the feature lies in that output; see `OutputField`.
        feature_pool: Makes (B, C) of it: `none`, `flatten`, `mean` (of (B, C, ...) over all axes
            behind C) or `mean_tokens` (of (B, N, C) over N).
        outputs: Our field to its `OutputField` (path, columns, format, unit), or to its path alone.
            Needed: `betas`, and `pose` (24 joints, the root first) or `global_orient` and
            `body_pose`. Optional: `weak_cam` (s, tx, ty of the crop), `cam_t`, `focal_length`.
        inputs: What the model is called with: names out of `crop`, `bbox_center`, `bbox_size`,
            `full_shape`, `global_info`, `crop2full`. A list gives positions, a dict keywords.
        as_dict: Give the dict `inputs` as one argument, a batch, instead of as keywords.
        input_shape: Height and width that the crop is resized to; None takes it as it is.
        axes: The model's camera: `opencv` (x right, y down, z forward: ours) or `opengl` (x right,
            y up, z backward). Orientation, `cam_t` and the crop camera's ty are turned from it.
        data_preprocessor: A config of `MODELS`.
        init_cfg: Weights: `dict(type='StrictPretrained', checkpoint=..., prefix='model',
            foreign=True)`, with `source_prefix` where the file's keys have one; only tensors are
            read, and all must fit. `init_weights()` loads them; the Runner calls it.

    Raises:
        ExternalModelError: The import path, the sub-module, a field or its shape is not there; the
            message lists what is.
        ValueError: A setting is not known.

    Shapes: B batch, C feature, h and w the network input.
        inputs['crop']: (B, 3, h, w), normalised.
    """

    def __init__(
        self,
        body_model: Mapping[str, Any] | BodyModel,
        model: str | nn.Module,
        *,
        feature: str,
        outputs: Mapping[str, str | Mapping[str, Any] | OutputField],
        model_args: Mapping[str, Any] | None = None,
        feature_path: str = '',
        feature_pool: str = 'none',
        inputs: Sequence[str] | Mapping[str, str] = ('crop',),
        as_dict: bool = False,
        input_shape: tuple[int, int] | None = None,
        axes: str = 'opencv',
        data_preprocessor: Mapping[str, Any] | nn.Module | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        _check_choice('axes', axes, AXES)
        _check_choice('feature_pool', feature_pool, POOLS)
        for name in inputs.values() if isinstance(inputs, Mapping) else inputs:
            _check_choice('inputs', name, SOURCES)
        if as_dict and not isinstance(inputs, Mapping):
            raise ValueError('as_dict=True needs `inputs` as a dict: their name -> ours')
        self.body_model = build_child(BODY_MODELS, body_model)
        self.model = make_model(model, model_args or {})
        self.feature_path, self.feature_pool = feature_path, feature_pool
        self.inputs, self.as_dict, self.input_shape = inputs, as_dict, input_shape
        self.axes = axes
        self.fields = _build_fields(outputs)
        self.feature = feature
        self._hooked: Any = None
        self._was_called = False
        _find_module(self.model, feature).register_forward_hook(self._keep)

    def forward(
        self,
        inputs: Mapping[str, Any],
        metas: CropMetas | None = None,
        targets: object = None,
        data_samples: list[HMRDataSample] | None = None,
        mode: str = 'tensor',
    ) -> BodyEstimate | list[HMRDataSample]:
        """MMEngine's modes `tensor` and `predict`; a foreign model trains with its own code.

        Raises:
            ValueError: On another mode, or data samples missing.
        """
        require({'metas': metas})
        if mode == 'tensor':
            return self.estimate(inputs, metas)
        if mode == 'predict':
            require({'data_samples': data_samples})
            estimate = self.estimate(inputs, metas)
            return add_camera_space(data_samples, estimate, metas)
        raise ValueError(
            f"mode={mode!r}: ExternalHMR knows 'tensor' and 'predict'; train the wrapped model "
            'with its own code, and OrientCorrect on it with WorldHMR'
        )

    def estimate(self, inputs: Mapping[str, Any], metas: CropMetas) -> BodyEstimate:
        """Run the wrapped model and read its output; the contract of `WorldHMR`.

        Raises:
            ExternalModelError: The output or the feature is not as described.
        """
        output = self._call(inputs, metas)
        body_feat = self._body_feat()
        batch = body_feat.shape[0]
        pose = self._pose(output, batch)
        betas = self._read('betas', output, batch, (self.body_model.num_betas,))
        weak_cam = self._read('weak_cam', output, batch, (3,))
        flip = flip_matrix(self.axes, pose)
        if weak_cam is not None:
            weak_cam = weak_cam * torch.cat([flip.new_ones(2), flip[1, 1:2]])
        cam_t = self._read('cam_t', output, batch, (3,))
        focal = self._read('focal_length', output, batch, ())
        if cam_t is not None:
            cam_t = cam_t * flip.diagonal()
        elif weak_cam is not None:
            focal, cam_t = full_camera(weak_cam, None, metas)
        body = self.body_model(betas=betas, global_orient=pose[:, :1], body_pose=pose[:, 1:])
        return BodyEstimate(
            body_feat=body_feat,
            global_orient=pose[:, :1],
            body_pose=pose[:, 1:],
            betas=betas,
            weak_cam=weak_cam,
            distance=None if cam_t is None else cam_t[:, 2],
            focal_length=focal,
            cam_t=cam_t,
            vertices=body.vertices,
            joints=self.body_model.joints49(body.joints),
        )

    def _call(self, inputs: Mapping[str, Any], metas: CropMetas) -> Any:
        crop = inputs['crop']
        if self.input_shape is not None and tuple(crop.shape[-2:]) != tuple(self.input_shape):
            crop = F.interpolate(
                crop, self.input_shape, mode='bilinear', align_corners=False, antialias=True
            )
        values = {
            'crop': crop,
            'bbox_center': metas.bbox_center,
            'bbox_size': metas.bbox_size,
            'full_shape': metas.full_shape,
            'crop2full': metas.crop2full,
            'global_info': global_info(metas.bbox_center, metas.bbox_size, metas.full_shape),
        }
        self._hooked, self._was_called = None, False
        if not isinstance(self.inputs, Mapping):
            return self.model(*(values[name] for name in self.inputs))
        named = {theirs: values[ours] for theirs, ours in self.inputs.items()}
        return self.model(named) if self.as_dict else self.model(**named)

    def _keep(self, module: nn.Module, args: Any, output: Any) -> None:
        self._hooked, self._was_called = output, True

    def _body_feat(self) -> Tensor:
        where = f'feature {self.feature!r}'
        if not self._was_called:
            raise ExternalModelError(
                f'{where}: the model did not call this sub-module; choose one that it runs: '
                + _module_names(self.model)
            )
        value = dig(self._hooked, self.feature_path, where)
        output, self._hooked = self._hooked, None
        if not isinstance(value, Tensor):
            raise ExternalModelError(
                f'{where} gives a {type(value).__name__}: set feature_path; ' + inventory(output)
            )
        axes = {'none': 2, 'mean_tokens': 3}.get(self.feature_pool)
        if value.ndim < 2 or (axes is not None and value.ndim != axes):
            raise ExternalModelError(
                f'{where} has shape {tuple(value.shape)}, which feature_pool='
                f'{self.feature_pool!r} does not take; choose one of {POOLS}'
            )
        if self.feature_pool == 'mean':
            return value.flatten(1) if value.ndim == 2 else value.flatten(2).mean(dim=2)
        return value.mean(dim=1) if self.feature_pool == 'mean_tokens' else value.flatten(1)

    def _pose(self, output: Any, batch: int) -> Tensor:
        if 'pose' in self.fields:
            pose = self.fields['pose'].rotations(output, 'pose', batch, NUM_JOINTS)
        else:
            parts = {'global_orient': 1, 'body_pose': NUM_JOINTS - 1}
            pose = torch.cat(
                [self.fields[n].rotations(output, n, batch, size) for n, size in parts.items()],
                dim=1,
            )
        signs = flip_matrix(self.axes, pose).diagonal()
        return torch.cat([signs[:, None] * pose[:, :1], pose[:, 1:]], dim=1)

    def _read(
        self, name: str, output: Any, batch: int, shape: tuple[int | None, ...]
    ) -> Tensor | None:
        field = self.fields.get(name)
        return None if field is None else field.numbers(output, name, batch, shape)


def make_model(model: str | nn.Module, model_args: Mapping[str, Any]) -> nn.Module:
    """The module that an import path and arguments make; a built one is handed back.

    Raises:
        ExternalModelError: The path leads nowhere, the arguments do not fit, or no module is
            made.
    """
    if isinstance(model, nn.Module):
        return model
    module_name, _, attribute = model.replace(':', '.').rpartition('.')
    if not module_name:
        raise ExternalModelError(f"model={model!r}: expected 'package.module:Class'")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ExternalModelError(
            f'model={model!r}: {error}; install the package or put its folder on PYTHONPATH'
        ) from error
    if not hasattr(module, attribute):
        public = [name for name in vars(module) if not name.startswith('_')]
        callables = [name for name in public if callable(getattr(module, name))]
        raise ExternalModelError(
            f'model={model!r}: {module_name} has no {attribute!r}; it has '
            + _listing(callables, attribute)
        )
    maker = getattr(module, attribute)
    try:
        made = maker(**model_args)
    except TypeError as error:
        signature = inspect.signature(maker)
        raise ExternalModelError(f'model={model!r}: {error}; it takes {signature}') from error
    if not isinstance(made, nn.Module):
        raise ExternalModelError(f'model={model!r} made a {type(made).__name__}, no torch module')
    return made


def _find_module(model: nn.Module, name: str) -> nn.Module:
    modules = dict(model.named_modules())
    if name not in modules or not name:
        raise ExternalModelError(
            f'feature={name!r}: {type(model).__name__} has no such sub-module; it has '
            + _module_names(model, name)
        )
    return modules[name]


def _module_names(model: nn.Module, near: str = '') -> str:
    return _listing([name for name, _ in model.named_modules() if name], near)


def _listing(names: Sequence[str], near: str) -> str:
    """Names for a message: the near ones first, then the shallow ones."""
    alike = difflib.get_close_matches(near, names, n=5) if near else []
    ordered = [*alike, *sorted((n for n in names if n not in alike), key=lambda n: n.count('.'))]
    more = f' and {len(ordered) - MAX_SHOWN} more' if len(ordered) > MAX_SHOWN else ''
    return ', '.join(ordered[:MAX_SHOWN]) + more


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f'ExternalHMR: {name}={value!r}: one of {tuple(known)}')


def _build_fields(
    outputs: Mapping[str, str | Mapping[str, Any] | OutputField],
) -> dict[str, OutputField]:
    for name in outputs:
        _check_choice('outputs', name, FIELDS)
    whole, parts = 'pose' in outputs, {'global_orient', 'body_pose'} & set(outputs)
    if 'betas' not in outputs or (whole and parts) or (not whole and len(parts) < 2):
        raise ValueError(
            'ExternalHMR: outputs must say where `betas` lie, and either `pose` or both '
            f'`global_orient` and `body_pose`; it has {sorted(outputs)}'
        )
    return {name: OutputField.build(value) for name, value in outputs.items()}
