"""The folder of a run: what is finished in it, and with which settings."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from whmr.apis.digest import digest
from whmr.apis.run_items import RunItem, finished_items, journal_path, read_items
from whmr.apis.share import Share
from whmr.fileio import remove_partial_files, write_text

SETTINGS = Path('run', 'settings.json')
WHOLE = Share()
STALE = 3600.0  # s after which a half-written file has no living writer


class RunFolder:
    """Remembers what is finished, so that an interrupted run goes on where it was.

    `run/settings.json` holds the settings; each process adds a line to a journal of its own when it
    is through with a photo, and reads those of all others when it starts.

    Args:
        folder: Where files are written; it is made if needed.
        settings: All that decides what is in the files, as plain values.
        share: Which process this is.
        overwrite: Do everything again.

    Raises:
        OSError: If the folder cannot be written.
        ValueError: If it holds the results of a run with other settings.
    """

    def __init__(
        self,
        folder: str | Path,
        settings: Mapping[str, Any],
        *,
        share: Share = WHOLE,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(folder)
        self.digest = digest(settings)
        known = read_settings(self.path)
        if known is not None and not overwrite:
            _check_settings(self.path, known, settings)
        write_text(self.path / SETTINGS, json.dumps(settings, indent=1, sort_keys=True))
        remove_partial_files(self.path, older_than=STALE)
        self._done = {} if overwrite else finished_items(read_items(self.path), self.digest)
        self._journal = journal_path(self.path, share)
        _end_line(self._journal)

    def finished(self, stem: str, name: str, mark: str | None) -> RunItem | None:
        """What is known of a photo whose files are there and up to date.

        Args:
            stem: Of its files.
            name: The photo.
            mark: Its present state; None is never up to date.
        """
        item = self._done.get(stem)
        same = item is not None and mark is not None and (item.name, item.mark) == (name, mark)
        return item if same and (self.path / f'{stem}.npz').is_file() else None

    def record(self, item: RunItem) -> None:
        """Add a line to this process's journal.

        Args:
            item: What was done.

        Raises:
            OSError: If it cannot be written.
        """
        with self._journal.open('a', encoding='utf-8') as file:
            file.write(json.dumps(asdict(item)) + '\n')


def read_settings(folder: Path) -> dict[str, Any] | None:
    """The settings of the run that a folder is of; None where there was none.

    Args:
        folder: The folder.
    """
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _check_settings(folder: Path, known: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(settings))
    changed = [key for key in {**known, **wanted} if known.get(key) != wanted.get(key)]
    if changed:
        parts = [f'{key}: {known.get(key)} there, {wanted.get(key)} now' for key in changed]
        raise ValueError(
            f'{folder} holds results of a run with other settings ({"; ".join(sorted(parts))}): '
            'choose another folder, or overwrite them (--overwrite)'
        )


def _end_line(journal: Path) -> None:
    """A line that was cut off must not spoil the next one."""
    if journal.is_file() and journal.read_bytes()[-1:] not in (b'', b'\n'):
        with journal.open('a', encoding='utf-8') as file:
            file.write('\n')
