"""PyMAF with ResNet-50 and three steps (Zhang et al., ICCV 2021).

Ours: the `WHMR` of `configs/orient_correct/pymaf_r50.py`, which samples at vertices, regresses a 6D
pose, and has no focal head and no global information.
"""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints.key_map import Drop, Entry, KeyMap, Source
from whmr.checkpoints.layers import (
    SMPL_DROPS,
    deconvolutions,
    parameter_regressor,
    pixel_aligned_extractor,
    resnet50,
)

_CHANNELS = 5  # of the feature at a point
_POINTS = (21 * 21, 431, 431)  # grid, then the vertices of the coarse mesh
_POSE = 24 * 6


_DROPS = (
    *SMPL_DROPS,
    Drop(
        r'dp_head\.predict_(u|v|uv_index|ann_index)\.(weight|bias)',
        'dense correspondence head: only for training',
    ),
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `WHMR` with PyMAF's parts.

    Args:
        state_dict: PyMAF's; its dense correspondence head may be there or not.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict


def _entries() -> list[Entry]:
    entries = resnet50('feature_extractor.', 'backbone.model.')
    entries += deconvolutions('deconv_layers.', 'neck.layers.', 2048)
    for i, points in enumerate(_POINTS):
        entries += pixel_aligned_extractor(f'maf_extractor.{i}.', f'extractors.{i}.', _CHANNELS)
        entries += parameter_regressor(
            f'regressor.{i}.', f'regressors.{i}.', points * _CHANNELS, _POSE
        )
    return entries


SOURCE = Source(
    'pymaf',
    'PyMAF with ResNet-50 -> WHMR, configs/orient_correct/pymaf_r50.py',
    (KeyMap('pymaf', 'PyMAF with ResNet-50', tuple(_entries()), _DROPS),),
    topology='smpl',
)
