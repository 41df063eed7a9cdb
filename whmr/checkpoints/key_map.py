"""The engine of the converters: exact tables from foreign keys to ours.

A foreign checkpoint's layout is data: one `Entry` per tensor that we use and one `Drop` rule per
kind of tensor that we do not. A conversion succeeds only where every key of the file is in the
table, every key of the table is in the file, and every shape agrees.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from whmr.checkpoints.errors import CheckpointError

COUNTER = 'num_batches_tracked'
_SHOWN = 4  # keys of each kind that the one-line message names


class Entry(NamedTuple):
    """One tensor that is used.

    Shapes: `shape` is the foreign tensor's; `change` may give another one.
    """

    source: str  # key in the foreign file
    target: str  # key in our model
    shape: tuple[int, ...]
    change: Callable[[Tensor], Tensor] | None = None


class Drop(NamedTuple):
    """A rule for tensors that are not used; they may be absent."""

    pattern: str  # regular expression that the whole key must match
    reason: str


class KeyProblems(NamedTuple):
    """What keeps a state dict from fitting a layout."""

    missing: list[str]
    unexpected: list[str]
    misshapen: list[str]  # 'key (2x3 in the file, 2x4 expected)'

    @property
    def count(self) -> int:
        """Number of keys that do not fit."""
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    def lines(self) -> list[str]:
        """Every key that does not fit, one a line."""
        return [
            *(f'missing: {key}' for key in self.missing),
            *(f'unexpected: {key}' for key in self.unexpected),
            *(f'wrong shape: {text}' for text in self.misshapen),
        ]

    def __str__(self) -> str:
        parts = (
            _count(self.missing, 'missing'),
            _count(self.unexpected, 'unexpected'),
            _count(self.misshapen, 'of another shape'),
        )
        return '; '.join(filter(None, parts))


class KeyMismatchError(CheckpointError):
    """A state dict does not have the layout that it should have.

    Args:
        message: One line that names the first keys.
        problems: All of them.
    """

    def __init__(self, message: str, problems: KeyProblems) -> None:
        super().__init__(message)
        self.problems = problems


class Conversion(NamedTuple):
    """A converted state dict and what was done."""

    layout: str  # name of the key map that fitted
    state_dict: dict[str, Tensor]
    mapped: dict[str, str]  # foreign key -> our key
    dropped: dict[str, list[str]]  # reason -> foreign keys


@dataclass(frozen=True)
class KeyMap:
    """The layout of one kind of foreign checkpoint.

    BatchNorm's counters are no learned numbers: they are carried over where the file has them and
    are 0 where it does not.

    Args:
        name: Short name.
        title: What the checkpoint is, in words.
        entries: The tensors that are used.
        drops: Rules for those that are not.
        prefixes: Wrappers' prefixes that may stand before every key; they are removed.

    Raises:
        ValueError: Two entries have the same source or target.
    """

    name: str
    title: str
    entries: tuple[Entry, ...]
    drops: tuple[Drop, ...] = ()
    prefixes: tuple[str, ...] = ('module.',)

    def __post_init__(self) -> None:
        for what in ('source', 'target'):
            keys = [getattr(entry, what) for entry in self.entries]
            twice = sorted({key for key in keys if keys.count(key) > 1}) if _repeats(keys) else []
            if twice:
                raise ValueError(f'key map {self.name}: {what} {twice[0]} appears twice')

    def prefix(self, keys: Iterable[str]) -> str:
        """What wrappers put before every one of `keys`."""
        keys = list(keys)
        found = ''
        for prefix in self.prefixes:
            if keys and all(key.startswith(found + prefix) for key in keys):
                found += prefix
        return found

    def problems(self, state_dict: Mapping[str, Tensor]) -> KeyProblems:
        """What keeps `state_dict` from fitting; keys are named as they stand in it."""
        prefix = self.prefix(state_dict)
        known = {prefix + entry.source for entry in self.entries}
        missing, misshapen = [], []
        for entry in self.entries:
            key = prefix + entry.source
            if key not in state_dict:
                if not _is_counter(key):
                    missing.append(key)
            elif not _fits(state_dict[key], entry.shape):
                found = _shape(state_dict[key])
                misshapen.append(f'{key} ({found} in the file, {_text(entry.shape)} expected)')
        unexpected = [
            key
            for key in state_dict
            if key not in known and self.drop_reason(key.removeprefix(prefix)) is None
        ]
        return KeyProblems(missing, unexpected, misshapen)

    def drop_reason(self, key: str) -> str | None:
        """Why `key` is not used; None where no rule speaks of it."""
        for pattern, reason in self.drops:
            if re.fullmatch(pattern, key):
                return reason
        return None

    def convert(self, state_dict: Mapping[str, Tensor], what: str = 'the state dict') -> Conversion:
        """Map every key.

        Args:
            state_dict: The foreign state dict.
            what: Its name, for messages.

        Raises:
            KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
        """
        problems = self.problems(state_dict)
        if problems.count:
            raise KeyMismatchError(f'{what} is no checkpoint of {self.title}: {problems}', problems)
        prefix = self.prefix(state_dict)
        converted: dict[str, Tensor] = {}
        mapped: dict[str, str] = {}
        for source, target, _, change in self.entries:
            key = prefix + source
            if key not in state_dict:
                converted[target] = torch.zeros((), dtype=torch.int64)
                continue
            value = state_dict[key]
            converted[target] = _plain_copy(value if change is None else change(value))
            mapped[key] = target
        dropped: dict[str, list[str]] = {}
        for key in state_dict:
            if key not in mapped:
                reason = str(self.drop_reason(key.removeprefix(prefix)))
                dropped.setdefault(reason, []).append(key)
        return Conversion(self.name, converted, mapped, dropped)


@dataclass(frozen=True)
class Source:
    """A family of foreign checkpoints: one key map, or one per variant.

    Args:
        name: The name that the command line takes.
        description: What it is and what our side of it is.
        key_maps: The variants; the one that fits best is taken.
        topology: The body that the weights were trained with; None where there is none.
    """

    name: str
    description: str
    key_maps: tuple[KeyMap, ...]
    topology: str | None = None

    def recognise(self, state_dict: Mapping[str, Tensor]) -> KeyMap:
        """The variant that `state_dict` fits, or comes nearest to."""
        return min(self.key_maps, key=lambda key_map: key_map.problems(state_dict).count)

    def convert(self, state_dict: Mapping[str, Tensor], what: str = 'the state dict') -> Conversion:
        """Recognise the variant and map every key.

        Args:
            state_dict: The foreign state dict.
            what: Its name, for messages.

        Raises:
            KeyMismatchError: It fits no variant; the message speaks of the nearest.
        """
        return self.recognise(state_dict).convert(state_dict, what)


def entries_under(source: str, target: str, entries: Iterable[Entry]) -> list[Entry]:
    """`entries` with a prefix before the foreign and before our keys."""
    return [
        entry._replace(source=source + entry.source, target=target + entry.target)
        for entry in entries
    ]


def _plain_copy(value: Tensor) -> Tensor:
    """A contiguous copy, which shares no memory with the file's other tensors."""
    return value.detach().clone(memory_format=torch.contiguous_format)


def _repeats(keys: list[str]) -> bool:
    return len(set(keys)) < len(keys)


def _is_counter(key: str) -> bool:
    return key.rpartition('.')[2] == COUNTER


def _fits(value: object, shape: tuple[int, ...]) -> bool:
    return isinstance(value, Tensor) and tuple(value.shape) == shape


def _shape(value: object) -> str:
    return _text(tuple(value.shape)) if isinstance(value, Tensor) else 'no tensor'


def _text(shape: tuple[int, ...]) -> str:
    return 'x'.join(map(str, shape)) or 'scalar'


def _count(keys: list[str], what: str) -> str:
    if not keys:
        return ''
    noun = 'key' if len(keys) == 1 else 'keys'
    more = ', ...' if len(keys) > _SHOWN else ''
    return f'{len(keys)} {noun} {what} ({", ".join(keys[:_SHOWN])}{more})'
