"""ViTPose-B trained on COCO and other sets, `vitpose-b-multi-coco.pth`, in mmpose's layout.

Ours: `ViTPoseBackbone`.
"""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints.key_map import Drop, KeyMap, Source
from whmr.checkpoints.layers import vitpose_b

SOURCE = Source(
    'vitpose_coco',
    'ViTPose-B, vitpose-b-multi-coco.pth (mmpose) -> ViTPoseBackbone',
    (
        KeyMap(
            'vitpose_coco',
            'ViTPose-B on 256x192 crops',
            tuple(vitpose_b('backbone.', '')),
            (
                Drop(
                    r'keypoint_head\.(deconv_layers\.[0134]|final_layer)\.\w+',
                    'keypoint head: only the backbone is used',
                ),
                Drop(
                    r'associated_keypoint_heads\.\d+\.(deconv_layers\.[0134]|final_layer)\.\w+',
                    'keypoint head of another data set: only the backbone is used',
                ),
            ),
        ),
    ),
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `ViTPoseBackbone`.

    Args:
        state_dict: That of mmpose's top-down model.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict
