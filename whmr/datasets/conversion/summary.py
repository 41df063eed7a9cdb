"""What a conversion made and what it left out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whmr.datasets.conversion.rows import Dropped

NUM_EXAMPLES = 3
FLAG_LABELS = {
    'keypoints_3d': 'has_keypoints_3d',
    'smpl': 'has_smpl',
    'cam_t': 'has_cam_t',
    'world': 'has_world',
    'world2cam': 'has_world2cam',
    'focal_length': 'has_focal_length',
}


@dataclass
class DropCount:
    """How often something was left out for one reason, with the first examples."""

    what: str
    reason: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class ConversionSummary:
    """Figures of one converted file.

    Args:
        file: Name of the annotation file.
        images: Different photos in it.
        people: Its rows.
        labels: People that have each kind of label.
        dropped: What was left out and why.
    """

    file: str
    images: int
    people: int
    labels: dict[str, int]
    dropped: list[DropCount]

    @property
    def source_is_whole(self) -> bool:
        """Whether no photo and no file of the source was missing or unreadable."""
        return not any(row.what in ('image', 'file') for row in self.dropped)

    def to_json(self) -> str:
        """The summary as JSON text."""
        content = dict(
            file=self.file, images=self.images, people=self.people, labels=self.labels,
            dropped=[vars(row) for row in self.dropped],
        )  # fmt: skip
        return json.dumps(content, indent=2) + '\n'

    @classmethod
    def from_json(cls, text: str) -> 'ConversionSummary':
        """The summary of a text that `to_json` made."""
        content = json.loads(text)
        dropped = [
            DropCount(row['what'], row['reason'], row['count'], row['examples'])
            for row in content['dropped']
        ]
        return cls(
            content['file'], content['images'], content['people'], content['labels'], dropped
        )

    def table(self) -> str:
        """The summary as a text table."""
        lines = [
            f'{self.file}',
            f'  {"images":<28}{self.images:>9}',
            f'  {"people":<28}{self.people:>9}',
        ]
        lines += [f'    with {name:<23}{count:>9}' for name, count in self.labels.items()]
        if not self.dropped:
            return '\n'.join([*lines, '  nothing was dropped'])
        lines.append('  dropped:')
        for row in self.dropped:
            first = f' (first: {row.examples[0]})' if row.examples else ''
            lines.append(f'    {row.count:>9} {row.what:<7}{row.reason}{first}')
        return '\n'.join(lines)


def count_dropped(dropped: Iterable[Dropped | Mapping[str, Any]]) -> list[DropCount]:
    """Counts by what and why, in the order in which they first came up.

    Args:
        dropped: What was left out; also as the dicts that a part file holds.
    """
    counts: dict[tuple[str, str], DropCount] = {}
    for entry in dropped:
        row = vars(entry) if isinstance(entry, Dropped) else dict(entry)
        count = counts.setdefault(
            (row['what'], row['reason']), DropCount(row['what'], row['reason'])
        )
        count.count += row['count']
        items = row.get('examples') or ([row['item']] if row.get('item') else [])
        count.examples = (count.examples + items)[:NUM_EXAMPLES]
    return list(counts.values())


def count_labels(columns: Mapping[str, np.ndarray]) -> dict[str, int]:
    """People that have each kind of label.

    Args:
        columns: Columns with their flags.

    Shapes: as in `whmr.datasets.annotations`.
    """
    labels = {}
    if 'keypoints_2d_conf' in columns:
        labels['keypoints_2d'] = int((columns['keypoints_2d_conf'] > 0).any(1).sum())
    for name, flag in FLAG_LABELS.items():
        if flag in columns:
            labels[name] = int(columns[flag].sum())
    if 'pelvis' in columns:
        labels['pelvis'] = int(columns['pelvis'].any(1).sum())
    if 'gender' in columns:
        names, counts = np.unique(columns['gender'], return_counts=True)
        labels |= {f'gender {name}': int(n) for name, n in zip(names, counts)}
    return labels
