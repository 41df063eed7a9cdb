"""Tensors in ordinary pickles (not files of `torch.save`), read as arrays."""

import io
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def load_storage(data: Any) -> 'torch.TypedStorage':
    """The numbers that a tensor looks into, which a pickle holds as the bytes of a file of its own.

    Raises:
        ValueError: They are something else. Nothing but numbers is read.
    """
    import torch  # here, so that files can be read without torch

    storage = None
    if isinstance(data, bytes):
        storage = torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)
    if not isinstance(storage, torch.TypedStorage):
        raise ValueError('the numbers of a pickled tensor are no storage')
    return storage


def load_tensor(storage: Any, offset: int, size: Any, stride: Any, *_rest: Any) -> np.ndarray:
    """A tensor as an array; whether it needed a gradient is forgotten.

    Raises:
        ValueError: It looks beyond its numbers.
    """
    import torch

    if not isinstance(storage, torch.TypedStorage):
        raise ValueError('a pickled tensor without numbers')
    flat = torch.tensor([], dtype=storage.dtype)
    flat.set_(storage)
    sizes, strides = [int(n) for n in size], [int(n) for n in stride]
    last = int(offset) + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if min((0, int(offset), *strides)) < 0 or (0 not in sizes and last >= len(flat)):
        raise ValueError('a pickled tensor looks beyond its numbers')
    return flat.as_strided(sizes, strides, int(offset)).numpy().copy()


def load_parameter(tensor: Any, *_rest: Any) -> np.ndarray:
    """A parameter, as the array of its tensor.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(tensor, np.ndarray):
        raise ValueError('a pickled parameter without a tensor')
    return tensor


# Tensors become arrays; join it with `NUMPY`.
TORCH = {
    ('torch.storage', '_load_from_bytes'): load_storage,
    ('torch._utils', '_rebuild_tensor_v2'): load_tensor,
    ('torch._utils', '_rebuild_parameter'): load_parameter,
    ('collections', 'OrderedDict'): OrderedDict,
}
