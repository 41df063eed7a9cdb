"""Harmless classes that take the place of foreign ones when a pickle is read."""

from collections.abc import Sequence
from typing import Any

import numpy as np


class StandIn:
    """Keeps the state that a pickle gives to an object, and runs nothing.

    `load_pickle` makes objects of such classes where a file names a foreign class, so that neither
    the foreign package nor its code is needed.
    """

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: Any = None

    def set_state(self, state: Any) -> None:
        """Take over the state that the file holds."""
        self.state = state

    def field(self, name: str) -> Any:
        """One entry of the state.

        Raises:
            ValueError: The state holds no such entry.
        """
        if not isinstance(self.state, dict) or name not in self.state:
            raise ValueError(f'a pickled {type(self).__name__} has no field {name!r}')
        return self.state[name]


class ChumpyArray(StandIn):
    """A value of chumpy's, as SMPL's official files hold it."""

    def numpy(self) -> np.ndarray:
        """The numbers.

        Raises:
            ValueError: The file holds no numbers for it.
        """
        return to_numpy(self.field('x'))


class ChumpySelection(ChumpyArray):
    """Picked elements of another chumpy value: how the first of many shape directions are kept."""

    def numpy(self) -> np.ndarray:
        """The picked numbers.

        Raises:
            ValueError: The file holds no numbers for it, or picks some that are not there.
        """
        source, index = to_numpy(self.field('a')).ravel(), to_numpy(self.field('idxs'))
        if index.dtype.kind not in 'iu' or (index.size and int(index.max()) >= source.size):
            raise ValueError(f'a pickled selection picks beyond {source.size} elements')
        picked = source[index]
        return picked.reshape(self.state.get('preferred_shape', picked.shape))


class ChumpyReshape(ChumpyArray):
    """Another chumpy value in another shape."""

    def numpy(self) -> np.ndarray:
        """The numbers in their new shape.

        Raises:
            ValueError: The file holds no numbers for it, or another count of them.
        """
        return to_numpy(self.field('a')).reshape(self.field('newshape'))


class SparseMatrix(StandIn):
    """A sparse matrix of scipy's. Subclasses say how the entries are kept."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns.

        Raises:
            ValueError: The file gives no shape.
        """
        rows, columns = self.field('_shape')
        return int(rows), int(columns)

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, column and value of each entry, in the file's order.

        Raises:
            ValueError: An entry lies outside of the matrix, or the counts differ.

        Shapes: E entries.
            returns: (E,), (E,), (E,).
        """
        rows, columns = self._positions()
        values = to_numpy(self.field('data'))
        if not rows.shape == columns.shape == values.shape:
            raise ValueError(
                f'a pickled sparse matrix has {len(values)} values for {len(rows)} positions'
            )
        for index, size in zip((rows, columns), self.shape):
            if index.size and not 0 <= int(index.min()) <= int(index.max()) < size:
                raise ValueError(f'a pickled sparse matrix has entries outside of {self.shape}')
        return rows, columns, values

    def toarray(self) -> np.ndarray:
        """The dense matrix; entries at the same place add up.

        Raises:
            ValueError: See `entries`.
        """
        rows, columns, values = self.entries()
        dense = np.zeros(self.shape, values.dtype)
        np.add.at(dense, (rows, columns), values)
        return dense

    def _positions(self) -> tuple[np.ndarray, np.ndarray]:
        raise ValueError(f'a pickled {type(self).__name__} says nothing of its entries')


class CooMatrix(SparseMatrix):
    """scipy's `coo_matrix`."""

    def _positions(self) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(self.state, dict) and 'coords' in self.state:
            rows, columns = self.field('coords')
        else:
            rows, columns = self.field('row'), self.field('col')
        return to_numpy(rows), to_numpy(columns)


class CsrMatrix(SparseMatrix):
    """scipy's `csr_matrix`."""

    def _positions(self) -> tuple[np.ndarray, np.ndarray]:
        return self._expand(self.shape[0])

    def _expand(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Position on the compressed axis, of `size`, and on the other one, of each entry."""
        starts, index = to_numpy(self.field('indptr')), to_numpy(self.field('indices'))
        counts = np.diff(starts)
        if len(starts) != size + 1 or (counts < 0).any() or counts.sum() != len(index):
            raise ValueError(f'a pickled sparse matrix of shape {self.shape} is inconsistent')
        return np.repeat(np.arange(size), counts), index


class CscMatrix(CsrMatrix):
    """scipy's `csc_matrix`."""

    def _positions(self) -> tuple[np.ndarray, np.ndarray]:
        columns, rows = self._expand(self.shape[1])
        return rows, columns


class FrameIndex(StandIn):
    """Labels of a table's rows or columns (pandas' `Index` and its kinds)."""

    def labels(self) -> list[Any]:
        """The labels.

        Raises:
            ValueError: The file holds none.
        """
        if not isinstance(self.state, dict) or 'data' not in self.state:
            return list(range(self.field('start'), self.field('stop'), self.field('step')))
        return to_numpy(self.field('data')).tolist()


class FrameBlocks(StandIn):
    """The columns of a table in blocks of one type (pandas' `BlockManager`), old form or new."""

    def parts(self) -> tuple[list[Any], Sequence[tuple[Any, Any]]]:
        """The axes, and the values and the place of each block.

        Raises:
            ValueError: The file keeps them in a form that is not known.
        """
        if len(self.args) == 2:
            blocks, axes = self.args
            return list(axes), [block.args[:2] for block in blocks]
        if isinstance(self.state, tuple) and len(self.state) == 4 and '0.14.1' in self.state[3]:
            extra = self.state[3]['0.14.1']
            return extra['axes'], [(part['values'], part['mgr_locs']) for part in extra['blocks']]
        raise ValueError('a pickled table keeps its columns in a form that is not known')


class FrameBlock(StandIn):
    """One block of a table: `args` are the values, their place and the number of axes."""


class Frame(StandIn):
    """A table of pandas': its columns can be read, nothing else.

    `frame.columns` names the columns, `frame[name]` is one of them as an array, `len(frame)` counts
    the rows.
    """

    @property
    def columns(self) -> list[str]:
        """Names of the columns.

        Raises:
            ValueError: The file keeps the table in a form that is not known.
        """
        return self._blocks().parts()[0][0].labels()

    def __len__(self) -> int:
        return len(self._blocks().parts()[0][1].labels())

    def __getitem__(self, name: str) -> np.ndarray:
        (columns, _), blocks = self._blocks().parts()
        names = columns.labels()
        if name not in names:
            raise KeyError(f'the pickled table has no column {name!r}; it has {names}')
        wanted = names.index(name)
        for values, place in blocks:
            where = np.arange(len(names))[place]
            if wanted in where:
                return to_numpy(values)[list(where).index(wanted)]
        raise ValueError(f'the pickled table has no values for its column {name!r}')

    def _blocks(self) -> FrameBlocks:
        blocks = self.field('_mgr' if '_mgr' in (self.state or {}) else '_data')
        if not isinstance(blocks, FrameBlocks):
            raise ValueError('a pickled table keeps its columns in a form that is not known')
        return blocks


def to_numpy(value: Any) -> np.ndarray:
    """Numbers that a pickle holds, as an array: also those of chumpy and sparse matrices.

    Raises:
        ValueError: `value` is something else.
    """
    if isinstance(value, ChumpyArray):
        return value.numpy()
    if isinstance(value, SparseMatrix):
        return value.toarray()
    if isinstance(value, np.ndarray | np.generic | list | tuple | int | float):
        return np.asarray(value)
    raise ValueError(f'expected numbers in the pickle, found a {type(value).__name__}')
