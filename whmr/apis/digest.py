"""Short texts that tell settings, arrays and weights from others."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def digest(value: Any) -> str:
    """A short text that differs where plain values, arrays or a model's weights differ.

    Args:
        value: Made of dicts, sequences, texts, numbers, arrays and tensors.
    """
    total = hashlib.blake2b(digest_size=8)
    _feed(total, value)
    return total.hexdigest()


def _feed(total: Any, value: Any) -> None:
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            total.update(f'{{{key}:'.encode())
            _feed(total, value[key])
    elif isinstance(value, torch.Tensor):
        _feed(total, value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    elif isinstance(value, np.ndarray):
        total.update(f'{value.dtype}{value.shape}'.encode())
        total.update(np.ascontiguousarray(value).data)
    elif isinstance(value, (list, tuple)):
        total.update(b'[')
        for each in value:
            _feed(total, each)
        total.update(b']')
    else:
        total.update(f'{value!r},'.encode())
