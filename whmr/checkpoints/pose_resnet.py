"""Simple Baselines' ResNet-50 on COCO, `pose_resnet_50_256x192.pth.tar`.

Ours: backbone and neck of `WHMR`, under `backbone.` and `neck.`.
"""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints.key_map import Drop, KeyMap, Source
from whmr.checkpoints.layers import deconvolutions, resnet50

SOURCE = Source(
    'pose_resnet',
    'pose_resnet_50_256x192 (Simple Baselines, COCO) -> backbone and neck of WHMR',
    (
        KeyMap(
            'pose_resnet',
            'Simple Baselines with ResNet-50',
            (
                *resnet50('', 'backbone.model.'),
                *deconvolutions('deconv_layers.', 'neck.layers.', 2048),
            ),
            (Drop(r'final_layer\.(weight|bias)', 'keypoint heat maps: not used'),),
        ),
    ),
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of WHMR's `backbone.*` and `neck.*`.

    Args:
        state_dict: That of Simple Baselines' pose network.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict
