"""numpy's arrays, made from what a pickle says of them without numpy's own unpickling.

numpy trusts the state that a pickle gives to a dtype, object flags included, and so lets a file
pass plain bytes for pointers. Here a dtype is one of the simple kinds and nothing else, and the
data must be exactly as long as the shape asks for.
"""

import math
import re
from typing import Any

import numpy as np

_SIMPLE = re.compile(r'[biufcSU]\d{1,9}')


class ArrayType:
    """What a pickle means by `numpy.ndarray`; it cannot be called."""


def make_dtype(name: Any, *flags: Any) -> np.dtype:
    """A dtype of numbers, text or objects; `flags` (align, copy) of the pickle do not matter.

    Raises:
        ValueError: `name` is of another kind (structures, dates, raw memory).
    """
    if isinstance(name, bytes):
        name = name.decode('latin1')
    if isinstance(name, str) and re.fullmatch(r'O\d?', name):
        return np.dtype('O', copy=True)
    if not isinstance(name, str) or not _SIMPLE.fullmatch(name):
        raise ValueError(f'arrays of type {name!r} are not read from pickles')
    return np.dtype(name, copy=True)


def set_dtype_state(dtype: np.dtype, state: Any) -> None:
    """Take the byte order, and nothing else, from the state of a pickled dtype.

    Raises:
        ValueError: The state describes a structured dtype.
    """
    if not isinstance(state, tuple) or len(state) < 5 or state[1] not in ('<', '>', '|', '='):
        raise ValueError('an array has a type that cannot be read')
    if any(part is not None for part in state[2:5]):
        raise ValueError('structured arrays are not read from pickles')
    version, _, *rest = dtype.__reduce__()[2]
    dtype.__setstate__((version, state[1], *rest))


def empty_array(subtype: Any, shape: Any, typecode: Any) -> np.ndarray:
    """The empty array that a pickle fills afterwards; `shape` and `typecode` do not matter.

    Raises:
        ValueError: It is of another class than `numpy.ndarray`.
    """
    if subtype is not ArrayType:
        raise ValueError('only plain arrays are read from pickles')
    return np.empty(0, np.int8)


def set_array_state(array: np.ndarray, state: Any) -> None:
    """Fill an array of `empty_array`.

    Raises:
        ValueError: The data is not what shape and type ask for.
    """
    if array.size or not isinstance(state, tuple) or len(state) not in (4, 5):
        raise ValueError('an array is stored in a form that cannot be read')
    shape, dtype, fortran, data = state[-4:]
    count = _count(shape)
    if not isinstance(dtype, np.dtype):
        raise ValueError('an array has no type')
    if dtype.hasobject:
        if not isinstance(data, list) or len(data) != count:
            raise ValueError(f'an array of {count} objects holds another number of them')
    else:
        data = _data(data, count, dtype)
    array.__setstate__((1, shape, dtype, bool(fortran), data))


def make_scalar(dtype: Any, data: Any) -> np.generic:
    """A single number or text.

    Raises:
        ValueError: The data is not what the type asks for.
    """
    return array_from_buffer(data, dtype, (), 'C')[()]


def array_from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """An array from its bytes, as pickle protocol 5 stores it.

    Raises:
        ValueError: The data is not what shape and type ask for.
    """
    if not isinstance(dtype, np.dtype) or dtype.hasobject or order not in ('C', 'F'):
        raise ValueError('an array is stored in a form that cannot be read')
    plain = _data(data, _count(shape), dtype)
    return np.frombuffer(plain, dtype).reshape(shape, order=order).copy(order=order)


def _count(shape: Any) -> int:
    if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f'an array has the shape {shape!r}')
    return math.prod(shape)


def _data(data: Any, count: int, dtype: np.dtype) -> bytes:
    """The bytes of an array; Python 2 wrote them as text."""
    if isinstance(data, str):
        data = data.encode('latin1')
    if not isinstance(data, bytes | bytearray) or len(data) != count * dtype.itemsize:
        raise ValueError(f'an array of {count} x {dtype} holds another number of bytes')
    return bytes(data)
