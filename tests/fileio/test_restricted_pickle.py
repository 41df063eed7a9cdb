"""Pickles are read without running what they name."""

import io
import os
import pickle
import pickletools
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from whmr.fileio import (
    CHUMPY,
    NUMPY,
    PANDAS,
    SCIPY_SPARSE,
    ChumpyArray,
    Frame,
    SparseMatrix,
    UnsafePickleError,
    load_pickle,
    loads_pickle,
    to_numpy,
)

EVERYTHING = NUMPY | SCIPY_SPARSE | CHUMPY | PANDAS
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def reload(value: Any, protocol: int = 4) -> Any:
    """What is read back of `value`."""
    return loads_pickle(pickle.dumps(value, protocol), 'memory', allowed=EVERYTHING)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], type]]:
    """Makes a class of a module that is not installed; both are gone before anything is read."""

    made = set()

    def make(module: str, name: str) -> type:
        cls = type(name, (), {'__module__': module})
        for end in range(1, module.count('.') + 2):
            part = '.'.join(module.split('.')[:end])
            if part not in made:
                monkeypatch.setitem(sys.modules, part, ModuleType(part))
                made.add(part)
        monkeypatch.setattr(sys.modules[module], name, cls, raising=False)
        return cls

    return make


def with_state(cls: type, **state: Any) -> Any:
    """An object with a state."""
    made = cls()
    made.__dict__.update(state)
    return made


# --- what must be read -----------------------------------------------------------------------


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize(
    'array',
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(4, dtype='>f4'),
        np.array(['left', 'right']),
        np.array([b'ab', b'c']),
        np.array(True),
        np.zeros((0, 3)),
        np.array([1 + 2j]),
    ],
    ids=lambda array: f'{array.dtype}{array.shape}',
)
def test_arrays_come_back_equal(array: np.ndarray, protocol: int) -> None:
    back = reload(array, protocol)
    assert type(back) is np.ndarray and back.flags.writeable
    assert back.dtype.newbyteorder('=') == array.dtype.newbyteorder('=')  # numpy may swap bytes
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_containers_and_scalars_come_back_equal(protocol: int) -> None:
    objects = np.empty(2, object)
    objects[:] = [np.arange(2), {'a': [1]}]
    value = OrderedDict(n=np.float32(2.5), t=(1, b'x', {3}), s=np.str_('a'), d=np.dtype('<i4'))
    back = reload([value, objects], protocol)
    assert back[0] == value and type(back[0]['n']) is np.float32
    assert back[1].tolist()[1] == {'a': [1]} and back[1][0].tolist() == [0, 1]


def test_python_2_text_is_read_as_latin1(tmp_path: Path) -> None:
    """Python 2 writes the numbers of an array and all its text as byte strings."""
    data = np.array([1.5, -2.0])
    stream = b'\x80\x02}(U\x04poseq\x01cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n'
    stream += b'K\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U'
    stream += b'\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10' + data.tobytes() + b'tb'
    stream += b'U\x06genderU\x01fu.'
    (tmp_path / 'py2.pkl').write_bytes(stream)
    back = load_pickle(tmp_path / 'py2.pkl')
    assert back['pose'].tolist() == data.tolist() and back['gender'] == 'f'


@pytest.mark.parametrize('protocol', [0, 2, 4])
@pytest.mark.parametrize('kind', ['coo', 'csr', 'csc'])
def test_sparse_matrices(kind: str, protocol: int) -> None:
    matrix = scipy.sparse.random(5, 7, 0.4, format=kind, random_state=0)
    back = reload(matrix, protocol)
    assert isinstance(back, SparseMatrix) and back.shape == (5, 7)
    np.testing.assert_array_equal(back.toarray(), matrix.toarray())
    rows, columns, values = back.entries()
    np.testing.assert_array_equal(matrix.toarray()[rows, columns], values)


def test_sparse_matrix_of_old_scipy(foreign) -> None:
    fields = dict(_shape=(2, 3), row=np.array([0, 1]), col=np.array([2, 0]), data=np.ones(2))
    back = reload(with_state(foreign('scipy.sparse.coo', 'coo_matrix'), **fields), 2)
    assert back.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(indices=np.array([0, 9])), 'outside of'),
        (dict(indptr=np.array([0, 1])), 'inconsistent'),
        (dict(data=np.ones(3)), '3 values for 2'),
    ],
)
def test_bad_sparse_matrix_is_told(foreign, change: dict, message: str) -> None:
    fields = dict(_shape=(2, 3), indptr=np.array([0, 1, 2]), indices=np.array([2, 0]))
    made = with_state(
        foreign('scipy.sparse.csr', 'csr_matrix'), **{**fields, 'data': np.ones(2), **change}
    )
    back = reload(made)
    with pytest.raises(ValueError, match=message):
        back.toarray()


@pytest.mark.parametrize('protocol', [0, 1, 2])
def test_chumpy_values(foreign, protocol: int) -> None:
    numbers = np.arange(24.0).reshape(2, 3, 4)
    whole = with_state(foreign('chumpy.ch', 'Ch'), x=numbers, _dirty_vars={'x'}, _itr=None)
    index = np.arange(24).reshape(2, 3, 4)[:, :, :2].ravel()
    chosen = with_state(
        foreign('chumpy.reordering', 'Select'), a=whole, idxs=index, preferred_shape=(2, 3, 2)
    )
    shaped = with_state(foreign('chumpy.reordering', 'Reshape'), a=chosen, newshape=(6, 2))
    back = reload(dict(whole=whole, chosen=chosen, shaped=shaped), protocol)
    assert all(isinstance(value, ChumpyArray) for value in back.values())
    np.testing.assert_array_equal(to_numpy(back['whole']), numbers)
    np.testing.assert_array_equal(to_numpy(back['chosen']), numbers[:, :, :2])
    np.testing.assert_array_equal(to_numpy(back['shaped']), numbers[:, :, :2].reshape(6, 2))


class Call:
    """Pickled as the call of a function, perhaps with a state."""

    def __init__(self, function: Any, args: tuple, *state: Any) -> None:
        self.reduced = (function, args, *state)

    def __reduce__(self) -> tuple:
        return self.reduced


def frame(foreign, blocks: Any) -> Any:
    """A pickled table of two rows: `name`, `x`, `y`, in pandas' form up to 1.2 or the later one."""
    index = foreign('pandas.core.indexes.base', 'Index')
    rows = foreign('pandas.core.indexes.range', 'RangeIndex')
    new_index = foreign('pandas.core.indexes.base', '_new_Index')
    names = np.array(['name', 'x', 'y'], object)
    axes = [
        Call(new_index, (index, {'data': names, 'name': None})),
        Call(new_index, (rows, {'name': None, 'start': 0, 'stop': 2, 'step': 1})),
    ]
    return with_state(foreign('pandas.core.frame', 'DataFrame'), **blocks(axes))


def old_blocks(foreign) -> Any:
    """As pandas 1.0 writes them."""

    def make(axes: list) -> dict:
        values = [np.array([['a', 'b']], object), np.array([[1.0, 2.0], [3.0, 4.0]])]
        places = [np.array([0]), slice(1, 3, 1)]
        parts = [dict(values=v, mgr_locs=p) for v, p in zip(values, places)]
        state = (axes, values, [axes[0]] * 2, {'0.14.1': {'axes': axes, 'blocks': parts}})
        manager = foreign('pandas.core.internals.managers', 'BlockManager')
        return {'_data': Call(manager, (), state), '_typ': 'dataframe'}

    return make


def new_blocks(foreign) -> Any:
    """As pandas 1.3 and later write them."""

    def make(axes: list) -> dict:
        block = foreign('pandas._libs.internals', '_unpickle_block')
        parts = (
            Call(block, (np.array([['a', 'b']], object), slice(0, 1, 1), 2)),
            Call(block, (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 2]), 2)),
        )
        manager = foreign('pandas.core.internals.managers', 'BlockManager')
        return {'_mgr': Call(manager, (parts, axes)), '_flags': {}}

    return make


@pytest.mark.parametrize('blocks', [old_blocks, new_blocks])
def test_tables_without_pandas(foreign, blocks: Callable) -> None:
    stream = pickle.dumps(frame(foreign, blocks(foreign)), 4)
    sys.modules.pop('pandas')
    table = loads_pickle(stream, 'memory', allowed=NUMPY | PANDAS)
    assert isinstance(table, Frame) and len(table) == 2 and table.columns == ['name', 'x', 'y']
    assert table['name'].tolist() == ['a', 'b']
    assert [table[name].tolist() for name in 'xy'] == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(KeyError, match="no column 'z'"):
        table['z']


# --- what must be refused --------------------------------------------------------------------


def global_(module: str, name: str) -> bytes:
    """Opcode that names something."""
    return f'c{module}\n{name}\n'.encode()


def text(value: str) -> bytes:
    """Opcode of a text."""
    return b'X' + struct.pack('<I', len(value)) + value.encode()


def refused(stream: bytes, match: str, allowed: Any = EVERYTHING) -> None:
    """The stream is refused in one line that names the file and the reason."""
    with pytest.raises(UnsafePickleError, match=match) as caught:
        loads_pickle(stream, 'evil.pkl', allowed=allowed)
    assert str(caught.value).startswith('evil.pkl is refused') and '\n' not in str(caught.value)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Any]:
    """An object whose unpickling makes a folder; at the end there must be none."""
    folder = tmp_path / 'ran'
    yield Call(os.mkdir, (str(folder),))
    assert not folder.exists()


def in_object_array(trap: Any) -> Any:
    objects = np.empty(1, object)
    objects[0] = trap
    return objects


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize(
    'wrap',
    [
        lambda trap: trap,
        lambda trap: [{'a': (1, trap)}],
        lambda trap: OrderedDict(a=trap),
        in_object_array,
        lambda trap: Call(np.dtype, ('f8',), (3, '<', None, None, None, trap, -1, 0)),
        lambda trap: Call(OrderedDict, ([('a', trap)],), None, None),
        lambda trap: Call(set, ([trap],)),
    ],
    ids=['bare', 'nested', 'ordered', 'object_array', 'dtype_state', 'items', 'set'],
)
def test_calls_are_refused_at_any_depth(trap, wrap: Callable, protocol: int) -> None:
    refused(pickle.dumps(wrap(trap), protocol), r'(posix|nt)\.mkdir')


def test_state_of_a_stand_in_is_refused(trap, foreign) -> None:
    refused(pickle.dumps(with_state(foreign('chumpy.ch', 'Ch'), x=trap), 2), 'mkdir')


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('os', 'system'),
        ('posix', 'system'),
        ('subprocess', 'Popen'),
        ('builtins', 'eval'),
        ('__builtin__', 'eval'),
        ('builtins', 'exec'),
        ('builtins', 'getattr'),
        ('builtins', '__import__'),
        ('builtins', 'type'),
        ('builtins', 'object.__subclasses__'),
        ('operator', 'attrgetter'),
        ('functools', 'partial'),
        ('importlib', 'import_module'),
        ('pickle', 'loads'),
        ('numpy', 'load'),
        ('numpy', 'ndarray.tofile'),
        ('numpy', 'dtype.__class__'),
        ('numpy.testing._private.utils', 'runstring'),
        ('numpy.core.multiarray', 'fromfile'),
        ('scipy.sparse', 'load_npz'),
        ('chumpy', 'utils.os.system'),
        ('chumpy.ch', 'Ch.__init__'),
        ('pandas', 'eval'),
        ('pandas.core.frame', 'DataFrame.to_csv'),
        ('pandas.io.pickle', 'read_pickle'),
        ('collections', 'OrderedDict.__init__'),
        ('collections', 'namedtuple'),
        ('codecs', 'decode'),
        ('torch', 'load'),
        ('whmr.fileio', 'load_pickle'),
    ],
)
def test_every_other_name_is_refused(module: str, name: str) -> None:
    refused(global_(module, name) + b'.', f'{module}.{name}')
    stacked = b'\x80\x04' + text(module) + text(name) + b'\x93.'
    refused(stacked, f'{module}.{name}')
    refused(f'(S"x"\ni{module}\n{name}\n.'.encode(), f'{module}.{name}')


@pytest.mark.parametrize('missing', ['chumpy.ch', 'scipy.sparse.csc', 'pandas.core.frame'])
def test_only_what_the_caller_allows(missing: str) -> None:
    name = {'chumpy.ch': 'Ch', 'scipy.sparse.csc': 'csc_matrix'}.get(missing, 'DataFrame')
    loads_pickle(global_(missing, name) + b'.', 'memory', allowed=EVERYTHING)
    refused(global_(missing, name) + b'.', f'{missing}.{name}', allowed=NUMPY)


@pytest.mark.parametrize(
    ('stream', 'match'),
    [
        # Attributes of what may be named, set through a second state.
        (global_('numpy', 'dtype') + b'N}' + text('__defaults__') + b')s\x86b.', 'a state for'),
        (global_('chumpy.ch', 'Ch') + b'N}' + text('numpy') + b'Ns\x86b.', 'a state for'),
        (global_('collections', 'OrderedDict') + b')R}b.', 'a state for'),
        (b'}}b.', 'a state for a dict'),
        # Calls of what may only be named, and of data.
        (global_('numpy', 'ndarray') + b'J\xff\xff\xff\x7f\x85\x85R.', 'a call of ArrayType'),
        (global_('builtins', 'object') + b')R.', 'a call of'),
        (b'})R.', 'a call of a dict'),
        (global_('chumpy.ch', 'Ch') + b')R)R.', 'a call of a ChumpyArray'),
        # Objects of what is no stand-in.
        (global_('collections', 'OrderedDict') + b')\x81.', 'an object made of OrderedDict'),
        (global_('numpy', 'dtype') + text('f8') + b'\x85\x81.', 'an object made of make_dtype'),
        (b'(' + global_('builtins', 'slice') + b'K\x01o.', 'an object made of slice'),
        (global_('chumpy.ch', 'Ch') + b')}\x92.', 'keyword arguments'),
        (
            global_('copy_reg', '_reconstructor')
            + global_('builtins', 'set')
            + global_('builtins', 'object')
            + b'N\x87R.',
            'may not be rebuilt',
        ),
        # Ways around names.
        (b'\x82\x01.', 'registered extension'),
        (b'Pos\n.', 'outside of it'),
        (text('os') + b'Q.', 'outside of it'),
        (
            global_('_codecs', 'encode') + text('x') + text('idna') + b'\x86R.',
            "encoding 'idna'",
        ),
    ],
)
def test_tricks_are_refused(stream: bytes, match: str) -> None:
    pickletools.dis(stream, out=io.StringIO())  # the stream is well formed
    refused(stream, match)


def array_stream(dtype: bytes, data: bytes, shape: bytes = b'K\x01\x85') -> bytes:
    """A pickled array, with a dtype and data of one's own."""
    array = global_('numpy.core.multiarray', '_reconstruct') + global_('numpy', 'ndarray')
    return array + b'K\x00\x85C\x01b\x87R(K\x01' + shape + dtype + b'\x89' + data + b'tb.'


def dtype_stream(name: str, order: bytes = b'NNN', flags: int = 0) -> bytes:
    """A pickled dtype, with names, fields and flags of one's own."""
    sizes = b'J\xff\xff\xff\xffJ\xff\xff\xff\xff'
    return (
        global_('numpy', 'dtype')
        + text(name)
        + b'\x89\x88\x87R(K\x03'
        + text('|')
        + order
        + sizes
        + b'K'
        + bytes([flags])
        + b'tb'
    )


@pytest.mark.parametrize(
    ('stream', 'match'),
    [
        # Bytes that would be taken for pointers to objects.
        (array_stream(dtype_stream('O8'), b'C\x08AAAAAAAA'), 'objects'),
        (array_stream(dtype_stream('O8', flags=63), b']N\x61', b'K\x09\x85'), '9 objects'),
        (array_stream(dtype_stream('f8'), b'C\x04AAAA'), 'number of bytes'),
        (array_stream(dtype_stream('f8'), b'C\x08AAAAAAAA', b'J\xff\xff\xff\xff\x85'), 'shape'),
        (array_stream(dtype_stream('V8'), b'C\x08AAAAAAAA'), "type 'V8'"),
        (array_stream(dtype_stream('f8, O'), b'C\x08AAAAAAAA'), 'f8, O'),
        (array_stream(dtype_stream('f8', b'N' + text('a') + b'\x85}'), b'C\x00'), 'structured'),
        (array_stream(text('f8'), b'C\x08AAAAAAAA'), 'no type'),
    ],
)
def test_arrays_with_a_forged_type_or_size_are_refused(stream: bytes, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        loads_pickle(stream, 'evil.pkl')


def test_array_that_was_filled_is_not_filled_again() -> None:
    twice = array_stream(dtype_stream('i1'), b'C\x01A')[:-1] + b'(K\x01K\x00\x85NN)tb.'
    with pytest.raises(ValueError, match='in a form that cannot be read'):
        loads_pickle(twice, 'evil.pkl')


@pytest.mark.parametrize('cut', [0, 1, 20, -1])
def test_damaged_file_is_named(tmp_path: Path, cut: int) -> None:
    stream = pickle.dumps({'a': np.arange(3)}, 4)
    path = tmp_path / 'damaged.pkl'
    path.write_bytes(stream[:cut])
    with pytest.raises(ValueError, match=r'damaged\.pkl cannot be read.*damaged'):
        load_pickle(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.pkl is missing'):
        load_pickle(tmp_path / 'none.pkl')
