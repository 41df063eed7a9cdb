"""Pickles of other projects, read without running anything that they name."""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from whmr.fileio import pickled_numpy, stand_ins
from whmr.fileio.stand_ins import StandIn

Allowed = Mapping[tuple[str, str], Any]


class UnsafePickleError(ValueError):
    """A pickle names something that may not be read from it."""


def _rebuild(cls: Any, base: Any, state: Any) -> StandIn:
    """Objects as pickle protocols 0 and 1 make them: only stand-ins, without a state."""
    if not (isinstance(cls, type) and issubclass(cls, StandIn)):
        raise UnsafePickleError('an object of a class that may not be rebuilt')
    return cls()


def _latin1(text: Any, encoding: Any = 'latin1') -> bytes:
    """Bytes as pickle protocol 2 writes them in Python 3."""
    if not isinstance(text, str) or encoding not in ('latin1', 'latin-1'):
        raise UnsafePickleError(f'text in the encoding {encoding!r}')
    return text.encode('latin1')


def _no_bytes() -> bytes:
    """Empty bytes as pickle protocol 2 writes them in Python 3."""
    return b''


def _new_index(cls: Any, state: Any) -> stand_ins.FrameIndex:
    """The labels of a table, as pandas makes them."""
    index = stand_ins.FrameIndex()
    index.set_state(state)
    return index


class _BaseObject:
    """What a pickle means by `object`; it is only ever named."""


# What is always allowed: containers, and the way in which pickles write bytes and objects.
PLAIN: Allowed = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('_codecs', 'encode'): _latin1,
    **{(module, '_reconstructor'): _rebuild for module in ('copyreg', 'copy_reg')},
    **{
        (module, name): value
        for module in ('builtins', '__builtin__')
        for name, value in (
            ('object', _BaseObject),
            ('set', set),
            ('frozenset', frozenset),
            ('slice', slice),
            ('bytes', _no_bytes),
        )
    },
}
# Arrays, single numbers and dtypes, by their names in numpy 1 and 2.
NUMPY: Allowed = {
    ('numpy', 'dtype'): pickled_numpy.make_dtype,
    ('numpy', 'ndarray'): pickled_numpy.ArrayType,
    **{
        (f'numpy.{core}.{module}', name): value
        for core in ('core', '_core')
        for module, name, value in (
            ('multiarray', '_reconstruct', pickled_numpy.empty_array),
            ('multiarray', 'scalar', pickled_numpy.make_scalar),
            ('numeric', '_frombuffer', pickled_numpy.array_from_buffer),
        )
    },
}
# Sparse matrices become `SparseMatrix`.
SCIPY_SPARSE: Allowed = {
    (module, f'{kind}_{what}'): cls
    for kind, cls in (
        ('coo', stand_ins.CooMatrix),
        ('csr', stand_ins.CsrMatrix),
        ('csc', stand_ins.CscMatrix),
    )
    for module in (f'scipy.sparse.{kind}', f'scipy.sparse._{kind}')
    for what in ('matrix', 'array')
}
# Values of chumpy become `ChumpyArray`.
CHUMPY: Allowed = {
    ('chumpy', 'Ch'): stand_ins.ChumpyArray,
    ('chumpy.ch', 'Ch'): stand_ins.ChumpyArray,
    ('chumpy.reordering', 'Select'): stand_ins.ChumpySelection,
    ('chumpy.reordering', 'Reshape'): stand_ins.ChumpyReshape,
}
# Tables become `Frame`.
PANDAS: Allowed = {
    ('pandas', 'DataFrame'): stand_ins.Frame,
    ('pandas.core.frame', 'DataFrame'): stand_ins.Frame,
    ('pandas.core.internals', 'BlockManager'): stand_ins.FrameBlocks,
    ('pandas.core.internals.managers', 'BlockManager'): stand_ins.FrameBlocks,
    ('pandas._libs.internals', '_unpickle_block'): stand_ins.FrameBlock,
    ('pandas.core.indexes.base', '_new_Index'): _new_index,
    ('pandas', 'Index'): stand_ins.FrameIndex,
    ('pandas', 'RangeIndex'): stand_ins.FrameIndex,
    ('pandas.core.indexes.base', 'Index'): stand_ins.FrameIndex,
    ('pandas.core.indexes.range', 'RangeIndex'): stand_ins.FrameIndex,
    **{
        ('pandas.core.indexes.numeric', f'{kind}Index'): stand_ins.FrameIndex
        for kind in ('Int64', 'UInt64', 'Float64')
    },
}


def load_pickle(path: str | Path, *, allowed: Allowed = NUMPY) -> Any:
    """Read a pickle file without running anything that it names.

    Args:
        path: The file; written by Python 2 or 3.
        allowed: What the file may name besides plain containers, joined from `NUMPY`,
            `SCIPY_SPARSE`, `CHUMPY` and `PANDAS` with `|`. Foreign classes come back as
            `StandIn`s.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePickleError: The file names something else, or uses what it names in another way
            than these classes do. Nothing was run.
        ValueError: The file is damaged or no pickle.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing')
    return loads_pickle(path.read_bytes(), str(path), allowed=allowed)


def loads_pickle(data: bytes, source: str, *, allowed: Allowed = NUMPY) -> Any:
    """`load_pickle` for a pickle in memory; `source` says in errors where it is from.

    Raises:
        UnsafePickleError: See `load_pickle`.
        ValueError: See `load_pickle`.
    """
    try:
        return _Unpickler(data, {**PLAIN, **allowed}).load()
    except UnsafePickleError as error:
        raise UnsafePickleError(
            f'{source} is refused: it holds {error}. A pickle can run any code that it names; '
            'nothing of it was run'
        ) from error
    except Exception as error:  # a damaged stream can fail in any way
        raise ValueError(
            f'{source} cannot be read as a pickle, it may be damaged: '
            f'{type(error).__name__}: {" ".join(str(error).split())}'
        ) from error


class _Unpickler(pickle._Unpickler):
    """Python's unpickler in Python, with every way to call or change an object narrowed down.

    The variant in C lets a file set attributes of whatever it can name, and trusts numpy's own
    unpickling; this one can be told not to.
    """

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, data: bytes, table: Allowed) -> None:
        super().__init__(io.BytesIO(data), encoding='latin1')
        self.table = table

    def find_class(self, module: str, name: str) -> Any:
        """What the file may name, by its exact name."""
        if (module, name) not in self.table:
            raise UnsafePickleError(f'{module}.{name}, which is not among what may be read from it')
        return self.table[module, name]

    def get_extension(self, code: int) -> None:
        """Numbers in place of names (opcodes EXT1, EXT2, EXT4)."""
        raise UnsafePickleError(f'the registered extension {code}')

    def persistent_load(self, pid: Any) -> Any:
        """References to things outside of the file."""
        raise UnsafePickleError(f'a reference to something outside of it, {pid!r}')

    def load_reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def load_newobj(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._make(self.stack[-1], args)

    def load_newobj_ex(self) -> None:
        raise UnsafePickleError('an object made with keyword arguments')

    def _instantiate(self, cls: Any, args: Any) -> None:
        self.append(self._make(cls, tuple(args)))

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, StandIn):
            target.set_state(state)
        elif type(target) is np.ndarray:
            pickled_numpy.set_array_state(target, state)
        elif isinstance(target, np.dtype):
            pickled_numpy.set_dtype_state(target, state)
        else:
            raise UnsafePickleError(f'a state for {_name(target)}')

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.BUILD[0]] = load_build

    def _call(self, function: Any, args: Any) -> Any:
        """Only what the table holds is called, found by identity."""
        never = (pickled_numpy.ArrayType, _BaseObject)
        if function in never or not any(function is value for value in self.table.values()):
            raise UnsafePickleError(f'a call of {_name(function)}')
        return function(*args)

    def _make(self, cls: Any, args: Any) -> Any:
        """Only stand-ins are made as objects of a class."""
        if not (isinstance(cls, type) and issubclass(cls, StandIn)):
            raise UnsafePickleError(f'an object made of {_name(cls)}')
        return cls(*args)


def _name(value: Any) -> str:
    """How an error calls something that a file holds."""
    return value.__qualname__ if hasattr(value, '__qualname__') else f'a {type(value).__name__}'
