"""Products that must not be rounded to half precision."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(values: Tensor) -> AbstractContextManager:
    """A context in which autocast leaves matrix products alone.

    Rotations, projections and meshes rounded to bfloat16 are off by centimetres and pixels; what a
    network computes in half precision is only what it learned.

    Args:
        values: Any tensor on the device in question; a device that knows no autocast, such as
            `meta`, needs nothing.

    Shapes: values: any.
    """
    device = values.device.type
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device_type=device, enabled=False)
