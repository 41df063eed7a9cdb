"""The journal of a run: a line for each photo."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from whmr.apis.share import Share

JOURNALS = 'run/items.*.jsonl'


@dataclass(frozen=True)
class RunItem:
    """A photo or frame that a run has dealt with: a line of the run's journal.

    Args:
        name: The photo, as in messages.
        stem: Of its files.
        settings: Digest of the settings that it was made with.
        done: Whether its files are written.
        people: How many.
        problems: Why it, or a box of it, could not be used.
        mark: State of the photo's file and of what is said of it alone; None where it has no file.
        video: The video that it is a frame of; None for a photo.
        fps: Frames per second that are taken of the video.
    """

    name: str
    stem: str
    settings: str
    done: bool
    people: int = 0
    problems: tuple[str, ...] = ()
    mark: str | None = None
    video: str | None = None
    fps: float | None = None


def journal_path(folder: Path, share: Share) -> Path:
    """The journal of one process.

    Args:
        folder: Of the run.
        share: Which process.
    """
    return folder / JOURNALS.replace('*', f'{share.rank:05d}-of-{share.processes:05d}')


def read_items(folder: Path) -> list[RunItem]:
    """All lines of the journals in a folder, those that were cut off left out.

    Args:
        folder: The folder.
    """
    items = []
    for journal in sorted(folder.glob(JOURNALS)):
        for line in journal.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                fields = json.loads(line)
                items.append(RunItem(**{**fields, 'problems': tuple(fields['problems'])}))
            except (ValueError, TypeError, KeyError):
                continue
    return items


def finished_items(items: Iterable[RunItem], settings: str) -> dict[str, RunItem]:
    """Stem -> the last line of what was finished with these settings.

    Args:
        items: Lines of journals.
        settings: Digest of the settings.
    """
    return {item.stem: item for item in items if item.done and item.settings == settings}
