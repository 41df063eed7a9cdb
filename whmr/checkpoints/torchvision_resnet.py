"""torchvision's ResNet-50 of ImageNet.

Ours: `TimmBackbone('resnet50')`.
"""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints.key_map import Drop, KeyMap, Source
from whmr.checkpoints.layers import resnet50

SOURCE = Source(
    'torchvision_resnet50',
    "torchvision's ResNet-50 (ImageNet) -> TimmBackbone('resnet50')",
    (
        KeyMap(
            'torchvision_resnet50',
            "torchvision's ResNet-50",
            tuple(resnet50('', 'model.')),
            (Drop(r'fc\.(weight|bias)', "ImageNet's classifier: not used"),),
        ),
    ),
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `TimmBackbone('resnet50')`.

    Args:
        state_dict: torchvision's; the classifier may be there or not.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict
