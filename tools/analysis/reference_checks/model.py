"""The model of our configs with the release's weights, through the real converter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from reference_checks.folder import Case, ReferenceFolder
from whmr.body_models import SMPL
from whmr.checkpoints import whmr_release
from whmr.models import WorldHMR
from whmr.structures import CropMetas

CONFIGS = Path(__file__).resolve().parents[3] / 'configs' / 'whmr'
_BACKBONES = {'vitpose': 'vitpose', 'res50': 'r50'}
_HYBRID = {'markers': '', 'vertices': '-hybrid'}


class Variant(NamedTuple):
    """One variant of the release."""

    model: WorldHMR
    release_key: dict[str, str]  # key of ours -> key of the release
    noise: dict[str, float]  # output -> how much the release differs from itself
    is_vit: bool


def build_variant(
    folder: ReferenceFolder, name: str, stage: int | None, body: SMPL, weights: dict
) -> Variant:
    """Our model of a variant with the release's weights, without dropout.

    Args:
        folder: Where the reference numbers are.
        name: The variant.
        stage: Whose losses and gradient rules the estimator gets; None: of none.
        body: The stand-in for SMPL.
        weights: The release's state dict.
    """
    init_default_scope('whmr')
    keys = folder.keys(name)
    backbone = keys['config']['BACKBONE']
    stem = f'whmr_{_BACKBONES[backbone]}{_HYBRID[keys["config"]["VARIANT"]]}'
    config = Config.fromfile(CONFIGS / 'release' / f'{stem}_release.py').model.to_dict()
    config |= dict(rotation_source='predicted', data_preprocessor=None, body_model=body)
    config['estimator'] |= dict(data_preprocessor=None, body_model=body)
    if stage is not None:
        trained = Config.fromfile(CONFIGS / f'{stem}_stage{stage}.py').model.to_dict()
        config['estimator'] |= {key: trained[key] for key in ('losses', 'grad_flow')}
    del config['type']
    model = WorldHMR(**_without_dropout(config))
    converted = whmr_release.SOURCE.convert(weights)
    model.load_state_dict(converted.state_dict, strict=True)
    release_key = {ours: theirs for theirs, ours in converted.mapped.items()}
    noise = keys['noise_mkldnn_off_1_thread_max_abs']
    return Variant(model, release_key, noise, backbone == 'vitpose')


def crop_metas(case: Case, crop: Tensor) -> CropMetas:
    """Where the crops lie, from the recorded centres and heights of the boxes."""
    center, side = case.tensor('center', crop.dtype), case.tensor('bbox_height', crop.dtype)
    h, w = crop.shape[2:]
    scale = side / max(h, w)
    affine = crop.new_zeros(len(side), 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = scale
    affine[:, :, 2] = center - scale[:, None] * crop.new_tensor([w / 2, h / 2])
    full_shape = case.tensor('orig_shape', crop.dtype)
    return CropMetas(affine, full_shape, (h, w), torch.arange(len(side)))


def _without_dropout(value: Any) -> Any:
    """The config with every dropout and drop-path rate at zero."""
    if isinstance(value, Mapping):
        added = {'dropout': 0.0} if value.get('type') in _DROPPING else {}
        if value.get('type') == 'VertexTransformer':
            added['attention_dropout'] = 0.0
        if value.get('type') == 'ViTPoseBackbone':
            added['drop_path_rate'] = 0.0
        return {key: _without_dropout(part) for key, part in value.items()} | added
    if isinstance(value, list | tuple):
        return type(value)(_without_dropout(part) for part in value)
    return value


_DROPPING = ('ParameterRegressor', 'OrientCorrect', 'VertexTransformer')
