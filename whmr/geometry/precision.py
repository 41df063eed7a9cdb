"""Products that must not be rounded to half precision."""

import torch
from torch import Tensor


def full_precision(values: Tensor) -> torch.autocast:
    """A context in which autocast leaves matrix products alone.

    Rotations, projections and meshes rounded to bfloat16 are off by centimetres and pixels; what a
    network computes in half precision is only what it learned.

    Args:
        values: Any tensor on the device in question.
    """
    return torch.autocast(device_type=values.device.type, enabled=False)
