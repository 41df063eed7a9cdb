import json
import math
from pathlib import Path

import pytest

from whmr.evaluation.reports import (
    format_table,
    write_dump,
    write_summary,
)


def test_table_is_aligned_and_shows_mean_and_count() -> None:
    table = format_table(
        'title', {'MPJPE': 85.314, 'error (px)': math.nan}, {'MPJPE': 12, 'error (px)': 0}
    )
    title, head, rule, mean, count = table.split('\n')
    assert title == 'title'
    assert len({len(line) for line in (head, rule, mean, count)}) == 1
    assert [cell.strip() for cell in mean.split('|')[1:-1]] == ['mean', '85.31', 'nan']
    assert [cell.strip() for cell in count.split('|')[1:-1]] == ['samples', '12', '0']


def test_summary_is_strict_json(tmp_path: Path) -> None:
    write_summary(tmp_path / 's.json', {'a': {'mean': math.nan, 'count': 0}, 'b': None, 'c': 'x'})
    read = json.loads((tmp_path / 's.json').read_text(), parse_constant=pytest.fail)
    assert read == {'a': {'mean': None, 'count': 0}, 'b': None, 'c': 'x'}


def test_unknown_dump_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'errors\.txt'):
        write_dump(tmp_path / 'errors.txt', [], [])
