"""SPEC's camera calibrator CamCalib, as its Lightning trainer saved it.

Ours: `CamCalib` with a `TimmBackbone('resnet50')`.
"""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints.key_map import KeyMap, Source
from whmr.checkpoints.layers import cam_calib

SOURCE = Source(
    'spec_camcalib',
    "SPEC's CamCalib (Lightning checkpoint) -> CamCalib",
    (
        KeyMap(
            'spec_camcalib',
            "SPEC's CamCalib",
            tuple(cam_calib('', '')),
            prefixes=('module.', 'model.'),
        ),
    ),
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `CamCalib`; Lightning's prefix 'model.' may be there or not.

    Args:
        state_dict: CamCalib's.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict
