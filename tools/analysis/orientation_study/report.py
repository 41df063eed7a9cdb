"""Result tables as Markdown and JSON, with what stands behind every figure."""

import json
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from whmr.fileio import write_text

ROOT = Path(__file__).resolve().parents[3]
Figures = Mapping[str, float]


def provenance() -> dict[str, str]:
    """Command, commit (`+` where tracked files differ from it) and date."""
    argv = [Path(sys.argv[0]).resolve(), *sys.argv[1:]]
    tool = argv[0].relative_to(ROOT) if argv[0].is_relative_to(ROOT) else argv[0].name
    return {
        'command': shlex.join(['python', str(tool), *argv[1:]]),
        'commit': _git('rev-parse', '--short=12', 'HEAD')
        + ('+' if _git('status', '--porcelain', '--untracked-files=no') else ''),
        'date': time.strftime('%Y-%m-%d'),
    }


def summarise(runs: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (of the sample; 0 for one run) of each figure over seeds."""
    return {
        name: {
            'mean': statistics.fmean(run[name] for run in runs),
            'deviation': statistics.stdev(run[name] for run in runs) if len(runs) > 1 else 0.0,
        }
        for name in runs[0]
    }


def cell(figure: Mapping[str, float], digits: int = 1) -> str:
    """`61.3`, or `61.3 ± 0.4` where it deviates."""
    text, deviation = (f'{figure[name]:.{digits}f}' for name in ('mean', 'deviation'))
    return f'{text} ± {deviation}' if float(deviation) else text


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its columns padded."""
    table = [list(header), *map(list, rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = ['| ' + ' | '.join(map(str.ljust, row, widths)) + ' |' for row in table]
    lines.insert(1, '|' + '|'.join('-' * (width + 2) for width in widths) + '|')
    return '\n'.join(lines)


def write_results(stem: Path, title: str, body: Sequence[str], record: Mapping[str, Any]) -> None:
    """Write `STEM.md` and `STEM.json`; both say where the figures come from.

    Args:
        stem: The files without their suffix.
        title: First line.
        body: Paragraphs and tables.
        record: All figures, as plain data.
    """
    source = provenance()
    told = f'```bash\n{source["command"]}\n```\n\ncommit {source["commit"]}, {source["date"]}'
    write_text(stem.with_suffix('.md'), '\n\n'.join([f'# {title}', *body, told]) + '\n')
    record = {**source, 'title': title, **record}
    write_text(stem.with_suffix('.json'), json.dumps(record, indent=1) + '\n')


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ['git', *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.stdout.strip() if result.returncode == 0 else 'unknown'
