"""Turns what a training run keeps into plain data and back.

`torch.load(weights_only=True)` accepts tensors and plain containers only. MMEngine's message hub
holds `HistoryBuffer`s and numpy values: here they become marked dicts of tensors, from which they
are rebuilt.
"""

import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

_MARK = '__plain__'
_ATOMS = (bool, int, float, str, bytes, type(None))
_TORCH_VALUES = (torch.dtype, torch.device, torch.Size)


def to_plain(value: Any, where: str = 'checkpoint') -> Any:
    """A copy of `value` made of tensors and plain containers.

    Args:
        value: Nested containers of tensors, numbers, text, numpy values and history buffers.
        where: What to call `value` in an error.

    Raises:
        TypeError: Something in `value` has no plain form; the message says where it lies.
    """
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, np.generic):
        return to_plain(value.item(), where)
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        return {
            _MARK: 'HistoryBuffer',
            'log': torch.from_numpy(np.array(log)),
            'count': torch.from_numpy(np.array(count)),
            'max_length': int(value.max_length),
        }
    if isinstance(value, np.ndarray):
        if value.dtype.kind in 'biufc':
            return {_MARK: 'ndarray', 'data': torch.from_numpy(np.array(value))}
        return to_plain(value.tolist(), where)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, _TORCH_VALUES):
        return value
    for atom in _ATOMS:
        if isinstance(value, atom):
            return value if type(value) is atom else atom(value)
    if isinstance(value, Mapping):
        items = ((to_plain(k, where), to_plain(v, f'{where}.{k}')) for k, v in value.items())
        if isinstance(value, OrderedDict):  # a state dict: keep the modules' versions
            ordered = OrderedDict(items)
            if hasattr(value, '_metadata'):
                ordered._metadata = value._metadata
            return ordered
        return dict(items)
    if isinstance(value, (list, tuple)):
        values = [to_plain(v, f'{where}[{i}]') for i, v in enumerate(value)]
        return tuple(values) if isinstance(value, tuple) else values
    raise TypeError(
        f'{where} is a {type(value).__module__}.{type(value).__qualname__}, which a checkpoint '
        'must not hold: keep numbers, text, tensors, lists and dicts only'
    )


def from_plain(value: Any) -> Any:
    """The inverse of `to_plain` (numpy scalars and paths stay plain numbers and text)."""
    if isinstance(value, dict):
        if value.get(_MARK) == 'HistoryBuffer':
            return HistoryBuffer(
                value['log'].cpu().numpy(), value['count'].cpu().numpy(), value['max_length']
            )
        if value.get(_MARK) == 'ndarray':
            return value['data'].cpu().numpy()
        if isinstance(value, OrderedDict) and hasattr(value, '_metadata'):
            return value  # a state dict: tensors only
        return type(value)((k, from_plain(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(from_plain(v) for v in value)
    return value
