"""SPIN's HMR network (ResNet-50 and an iterative regressor).

Ours: `HMR` with a `TimmBackbone('resnet50')` and an `IterativeRegressor`.
"""

from collections.abc import Mapping

from torch import Tensor

from whmr.checkpoints.key_map import Entry, KeyMap, Source
from whmr.checkpoints.layers import linear, resnet50

_POSE = 24 * 6

SOURCE = Source(
    'spin_hmr',
    "SPIN's HMR (model_checkpoint.pt) -> HMR",
    (
        KeyMap(
            'spin_hmr',
            "SPIN's HMR",
            (
                *resnet50('', 'backbone.model.'),
                *linear('fc1', 'head.fc1', 1024, 2048 + _POSE + 10 + 3),
                *linear('fc2', 'head.fc2', 1024, 1024),
                *linear('decpose', 'head.decpose', _POSE, 1024),
                *linear('decshape', 'head.decshape', 10, 1024),
                *linear('deccam', 'head.deccam', 3, 1024),
                Entry('init_pose', 'head.init_pose', (1, _POSE)),
                Entry('init_shape', 'head.init_betas', (1, 10)),
                Entry('init_cam', 'head.init_cam', (1, 3)),
            ),
        ),
    ),
    topology='smpl',
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `HMR`.

    Args:
        state_dict: That of SPIN's network.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict
