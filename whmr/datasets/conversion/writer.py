"""Writing an annotation file in parts, so that an interrupted conversion can go on."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whmr.datasets.annotation_checks import check_meta, row_problems
from whmr.datasets.annotations import save_annotations
from whmr.datasets.conversion.rows import Dropped, Row, concat_columns, shape_problem, stack_rows
from whmr.datasets.conversion.summary import ConversionSummary, count_dropped, count_labels
from whmr.datasets.errors import SourceError
from whmr.fileio import write_bytes, write_text

PLAN_FILE = 'plan.json'
ALL_LABELS = ('keypoints_2d', 'keypoints_3d', 'global_orient')


class AnnotationWriter:
    """Collects the rows of a data set unit by unit and makes one annotation file of them.

    Each finished unit is one file in `<name>.parts/` beside the output, written atomically. A new
    writer with the same path, meta and units finds them in `finished`; the file in the end does not
    depend on how often it was interrupted. Rows with wrong labels (NaN, boxes outside the photo,
    nobody's joints labelled) are left out and counted.

    Args:
        path: The annotation file to write.
        meta: Its meta.
        units: Name of each unit, in the order of the rows.
        overwrite: Throw away the parts of an earlier run and replace the file.

    Raises:
        ValueError: Parts of a run with other settings lie there, the meta is wrong, or two units
            have the same name.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        meta: Mapping[str, Any],
        *,
        units: Sequence[str],
        overwrite: bool = False,
    ) -> None:
        self.path, self.meta, self.units = Path(path), dict(meta), tuple(units)
        if len(set(self.units)) != len(self.units):
            raise ValueError(f'{self.path}: two units have the same name')
        self._index = {unit: i for i, unit in enumerate(self.units)}
        self.num_joints = check_meta(self.path, self.meta, {})
        self.folder = parts_folder(self.path)
        plan = json.dumps(dict(meta=self.meta, units=self.units), indent=1)
        plan_file = self.folder / PLAN_FILE
        if overwrite:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif plan_file.is_file() and plan_file.read_text(encoding='utf-8') != plan:
            raise ValueError(
                f'{self.folder}: holds the parts of a run with other settings or other source '
                'files; start again with --overwrite, or repeat the command of that run'
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(plan_file, plan)

    @property
    def finished(self) -> frozenset[str]:
        """The units that are done."""
        return frozenset(unit for unit in self.units if _is_whole(self._part(unit)))

    def write_part(self, unit: str, entries: Iterable[Row | Dropped]) -> int:
        """Store a whole unit.

        Args:
            unit: Its name.
            entries: Its people and what was left out, in order.

        Returns:
            The number of people stored.

        Raises:
            KeyError: A row has a key that is no column.

        Shapes: as in `whmr.datasets.annotations`.
        """
        rows: list[Row] = []
        dropped: list[Dropped] = []
        with np.errstate(divide='ignore', invalid='ignore', over='ignore'):  # NaN is counted below
            for entry in entries:
                problem = entry if isinstance(entry, Dropped) else self._problem(entry)
                if problem is None:
                    rows.append(entry)
                else:
                    dropped.append(problem)
            columns = stack_rows(rows, self.num_joints) if rows else {}
            if rows:
                columns = _leave_out_bad(columns, dropped)
        counts = [vars(count) for count in count_dropped(dropped)]
        buffer = io.BytesIO()
        np.savez(buffer, dropped=np.array(json.dumps(counts)), **columns)
        write_bytes(self._part(unit), buffer.getvalue())
        return len(columns.get('bbox', ()))

    def count(self, unit: str) -> int:
        """How many people a finished unit holds."""
        return len(self._read(unit).get('bbox', ()))

    def finish(self, *, limit: int | None = None) -> ConversionSummary:
        """Join the parts to the annotation file, write its summary, and remove the parts.

        Args:
            limit: Keep only the first so many people, of as many units as are done.

        Returns:
            The summary, which also lies as `<name>.summary.json` beside the file.

        Raises:
            SourceError: No person is left; the line has the most frequent reason.
            ValueError: A unit is not done.

        Shapes: as in `whmr.datasets.annotations`.
        """
        parts, dropped = [], []
        for unit in self.units:
            if limit is not None and not self._part(unit).is_file():
                break
            columns = self._read(unit)
            dropped += json.loads(str(columns.pop('dropped')))
            if columns:
                parts.append(columns)
        counts = count_dropped(dropped)
        columns = concat_columns(parts, self.num_joints)
        if not columns:
            shutil.rmtree(self.folder)
            raise SourceError(_nobody_left(self.path, counts))
        columns = {name: column[:limit] for name, column in columns.items()}
        _check_pelvis(columns, counts)
        save_annotations(self.path, columns, self.meta)
        summary = ConversionSummary(
            file=self.path.name,
            images=len(np.unique(columns['img_path'])),
            people=len(columns['img_path']),
            labels=count_labels(columns),
            dropped=counts,
        )
        write_text(summary_file(self.path), summary.to_json())
        shutil.rmtree(self.folder)
        return summary

    def _problem(self, row: Row) -> Dropped | None:
        """Why a person is left out before it is looked at more closely."""
        text = shape_problem(row, self.num_joints)
        if text is None and not _has_label(row):
            text = 'no joint is labelled'
        return None if text is None else Dropped(text, str(row['img_path']))

    def _part(self, unit: str) -> Path:
        return self.folder / f'{self._index[unit]:06d}.npz'

    def _read(self, unit: str) -> dict[str, np.ndarray]:
        path = self._part(unit)
        if not _is_whole(path):
            raise ValueError(f'{path}: the unit {unit!r} is not done; run the converter again')
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


def summary_file(path: str | os.PathLike) -> Path:
    """Where the summary of an annotation file lies."""
    return Path(path).with_suffix('.summary.json')


def parts_folder(path: str | os.PathLike) -> Path:
    """Where the parts of an annotation file lie while it is made."""
    return Path(path).with_suffix('.parts')


def _is_whole(path: Path) -> bool:
    return path.is_file() and zipfile.is_zipfile(path)


def _has_label(row: Row) -> bool:
    if any(row.get(name) is not None for name in ALL_LABELS[1:]):
        return True
    conf = row.get('keypoints_2d_conf')
    return conf is None or bool((np.asarray(conf) > 0).any())


def _leave_out_bad(columns: dict[str, np.ndarray], dropped: list[Dropped]) -> dict[str, np.ndarray]:
    """The good rows; the others are counted under the first thing that is wrong with them."""
    good = np.ones(len(columns['bbox']), bool)
    for name, bad, text in row_problems(columns):
        for row in np.flatnonzero(bad & good):
            dropped.append(Dropped(f'{name} {text}', str(columns['img_path'][row])))
        good &= ~bad
    if not good.any():
        return {}
    return {name: column[good] for name, column in columns.items()}


def _check_pelvis(columns: dict[str, np.ndarray], counts: list[Any]) -> None:
    """Leave the pelvis out unless all with `cam_t` have it: the format has no flag for it."""
    if 'pelvis' not in columns:
        return
    needed = columns.get('has_cam_t', np.zeros(len(columns['pelvis']), bool))
    lacking = needed & ~columns['pelvis'].any(1)
    if lacking.any() or not needed.any():
        number = int(columns['pelvis'].any(1).sum())
        del columns['pelvis']
        reason = 'pelvis left out: not every person with cam_t has one'
        counts += count_dropped([Dropped(reason, what='label', count=number)])


def _nobody_left(path: Path, counts: Sequence[Any]) -> str:
    if not counts:
        return f'{path}: the source holds no person; check its folder and the splits'
    worst = max(counts, key=lambda row: row.count)
    example = f' ({worst.examples[0]})' if worst.examples else ''
    return (
        f'{path}: nobody is left; {worst.count} x {worst.what}: {worst.reason}{example}; '
        'nothing was written'
    )
