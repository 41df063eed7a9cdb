"""How results are written down: a table for the log, a file per sample, a summary."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whmr.fileio import write_bytes, write_text

DUMP_SUFFIXES = ('.csv', '.npz')


def format_table(title: str, values: Mapping[str, float], counts: Mapping[str, int]) -> str:
    """A title over a row like that of a paper, and under each number how many samples it averages.

    Args:
        title: First line.
        values: Column name -> number.
        counts: Column name -> number of samples behind it.
    """
    rows = [
        ['', *values],
        ['mean', *(f'{value:.2f}' for value in values.values())],
        ['samples', *(str(counts[name]) for name in values)],
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        '| ' + ' | '.join(cell.rjust(width) for cell, width in zip(row, widths)) + ' |'
        for row in rows
    ]
    lines.insert(1, '|' + '|'.join('-' * (width + 1) + ':' for width in widths) + '|')
    return '\n'.join([title, *lines])


def write_dump(path: Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Write one row per sample: `sample_idx`, `img_id`, `dataset`, `invalid`, then each error.

    In a CSV file an error without a label is empty; in an npz file it is NaN. A prediction that is
    not finite has `invalid` = 1.

    Args:
        path: A `.csv` or `.npz` file; its folder is created.
        rows: Rows with the four keys above and `errors`, a mapping from name to number.
        names: Names of the errors, in the order of the columns.

    Raises:
        ValueError: The file name ends otherwise.
    """
    columns: dict[str, list[Any]] = {
        key: [row[key] for row in rows] for key in ('sample_idx', 'img_id', 'dataset', 'invalid')
    }
    if path.suffix == '.csv':
        columns['invalid'] = [int(value) for value in columns['invalid']]
        for name in names:
            columns[name] = [row['errors'].get(name, '') for row in rows]
        text = io.StringIO(newline='')
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
        write_text(path, text.getvalue())
    elif path.suffix == '.npz':
        for name in names:
            columns[name] = [row['errors'].get(name, math.nan) for row in rows]
        data = io.BytesIO()
        np.savez_compressed(data, **{key: np.asarray(value) for key, value in columns.items()})
        write_bytes(path, data.getvalue())
    else:
        raise ValueError(f'{path}: per-sample results are written to {" or ".join(DUMP_SUFFIXES)}')


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write a summary as JSON; a number that is not finite becomes null.

    Args:
        path: The file; its folder is created.
        summary: Nested mappings of strings, numbers and None.
    """
    write_text(path, json.dumps(_strict(summary), indent=2) + '\n')


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
