"""How a config prepares photos, for a program that cannot read configs."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from whmr.engine import ConfigError
from whmr.registry import TRANSFORMS

KNOWN = ('LoadImage', 'GetBox', 'CropPerson', 'ResizeFull', 'PackHMRInputs')


def read_settings(
    pipeline: Sequence[Mapping[str, Any]], preprocessor: nn.Module
) -> dict[str, dict[str, Any]]:
    """The settings `crop`, `photo` and `pixels` of an exported model.

    Args:
        pipeline: The test pipeline of the config.
        preprocessor: The model's own, which normalises the pixels.

    Returns:
        `crop`: `shape`, `padding`, `antialias`.  `photo`: `short_side`, `max_long_side`,
        `antialias`; empty if the pipeline makes no whole photo.  `pixels`: `mean`, `std`, `order`.

    Raises:
        ConfigError: If the pipeline does something that the exported model's user cannot do.
    """
    steps = {step['type']: TRANSFORMS.build(dict(step)) for step in pipeline}
    unknown = sorted(set(steps) - set(KNOWN))
    if unknown or not {'GetBox', 'CropPerson'} <= set(steps):
        raise ConfigError(
            f'the test pipeline {list(steps)} cannot be exported: it must have GetBox and '
            f'CropPerson, and nothing but {", ".join(KNOWN)}'
        )
    crop, photo = steps['CropPerson'], steps.get('ResizeFull')
    return {
        'crop': {
            'shape': list(crop.crop_shape),
            'padding': steps['GetBox'].padding,
            'antialias': crop.antialias,
        },
        'photo': {}
        if photo is None
        else {
            'short_side': photo.short_side,
            'max_long_side': photo.max_long_side,
            'antialias': photo.antialias,
        },
        'pixels': {
            'mean': preprocessor.mean.flatten().tolist(),
            'std': preprocessor.std.flatten().tolist(),
            'order': 'rgb' if preprocessor.bgr_to_rgb else 'bgr',
        },
    }
