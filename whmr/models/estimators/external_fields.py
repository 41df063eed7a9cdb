"""Reading what a foreign model returns: paths into its output, and its conventions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from whmr.geometry import axis_angle_to_rotmat, rot6d_to_rotmat

UNITS = {'m': 1.0, 'cm': 0.01, 'mm': 0.001}
NUMBERS = {'rotmat': 9, 'axis_angle': 3, 'rot6d': 6, 'rot6d_columns': 6}  # per joint
AXES = ('opencv', 'opengl')
MAX_SHOWN = 40


class ExternalModelError(ValueError):
    """A foreign model is not what its description says; the message shows what is there."""


@dataclass(frozen=True)
class OutputField:
    """Where one field lies in a foreign output, and in which form.

    Args:
        path: Dotted path: keys of dicts, attributes of objects, positions in tuples and lists
            (`'smpl.global_orient'`, `'0.pose'`, `'-1'`); '' is the output itself.
        columns: Take these columns (first, one behind the last) of the last axis.
        format: Of rotations: `rotmat`, `axis_angle`, `rot6d` (first two columns of the matrix,
            row by row: r00, r01, r10, r11, r20, r21) or `rot6d_columns` (one column after the
            other: r00, r10, r20, r01, r11, r21).
        unit: Of lengths: `m`, `cm` or `mm`.

    Raises:
        ValueError: A format or a unit is not known.
    """

    path: str
    columns: tuple[int, int] | None = None
    format: str = 'rotmat'
    unit: str = 'm'

    def __post_init__(self) -> None:
        if self.format not in NUMBERS:
            raise ValueError(f'format={self.format!r} of {self.path!r}: one of {tuple(NUMBERS)}')
        if self.unit not in UNITS:
            raise ValueError(f'unit={self.unit!r} of {self.path!r}: one of {tuple(UNITS)}')

    @classmethod
    def build(cls, value: str | Mapping[str, Any] | OutputField) -> OutputField:
        """From a config: a path alone, or a dict of the arguments."""
        if isinstance(value, cls):
            return value
        return cls(value) if isinstance(value, str) else cls(**value)

    def read(self, output: Any, name: str, batch: int) -> Tensor:
        """The field's numbers, as they are.

        Args:
            output: What the foreign model returned.
            name: Our name of the field, for messages.
            batch: How many people there must be.

        Raises:
            ExternalModelError: There is nothing at the path, or it is not one row per person.

        Shapes: returns: (batch, ...).
        """
        value = dig(output, self.path, f'field {name!r}')
        if not isinstance(value, Tensor):
            raise ExternalModelError(
                f'field {name!r}: {self.path!r} is a {type(value).__name__}, not a tensor; '
                + inventory(output)
            )
        if value.ndim == 0 or value.shape[0] != batch:
            raise ExternalModelError(
                f'field {name!r}: {self.path!r} has shape {tuple(value.shape)}, but there are '
                f'{batch} people; ' + inventory(output)
            )
        if self.columns is None:
            return value
        first, last = self.columns
        if not 0 <= first < last <= value.shape[-1]:
            raise ExternalModelError(
                f'field {name!r}: columns {tuple(self.columns)} do not lie in {self.path!r}, which '
                f'has shape {tuple(value.shape)}'
            )
        return value[..., first:last]

    def rotations(self, output: Any, name: str, batch: int, joints: int) -> Tensor:
        """The field as rotation matrices.

        Raises:
            ExternalModelError: The field does not hold that many joints in its format.

        Shapes: returns: (batch, joints, 3, 3).
        """
        value = self.read(output, name, batch)
        per_joint = NUMBERS[self.format]
        if value[0].numel() != joints * per_joint:
            raise ExternalModelError(
                f'field {name!r}: {self.path!r} has shape {tuple(value.shape)}, that is '
                f'{value[0].numel()} numbers per person; {joints} joints as {self.format} are '
                f'{joints * per_joint}; ' + inventory(output)
            )
        value = value.reshape(batch, joints, per_joint)
        if self.format == 'rotmat':
            return value.reshape(batch, joints, 3, 3)
        if self.format == 'axis_angle':
            return axis_angle_to_rotmat(value)
        if self.format == 'rot6d_columns':
            value = value.unflatten(-1, (2, 3)).transpose(-1, -2).flatten(-2)
        return rot6d_to_rotmat(value)

    def numbers(self, output: Any, name: str, batch: int, shape: tuple[int | None, ...]) -> Tensor:
        """The field as plain numbers, lengths in metres if `unit` says so.

        Raises:
            ExternalModelError: The field has another shape.

        Shapes: returns: (batch, *shape).
        """
        value = self.read(output, name, batch)
        if shape == () and value.ndim == 2 and value.shape[1] == 1:
            value = value[:, 0]
        found = tuple(value.shape[1:])
        if len(found) != len(shape) or any(s not in (None, f) for f, s in zip(found, shape)):
            wanted = ', '.join(['B', *('*' if s is None else str(s) for s in shape)])
            raise ExternalModelError(
                f'field {name!r}: {self.path!r} has shape {tuple(value.shape)}, expected '
                f'({wanted}); ' + inventory(output)
            )
        return value * UNITS[self.unit]


def dig(output: Any, path: str, what: str) -> Any:
    """What lies at a dotted path.

    Raises:
        ExternalModelError: Nothing lies there; the message lists what does.
    """
    value = output
    for part in path.split('.') if path else []:
        found, value = _step(value, part)
        if not found:
            raise ExternalModelError(
                f'{what}: nothing lies at {path!r} ({part!r} is not there); ' + inventory(output)
            )
    return value


def inventory(output: Any) -> str:
    """Every tensor of an output with its path and shape, for messages."""
    lines = [f'{path or "(itself)"} {tuple(v.shape)}' for path, v in _tensors(output, '', 0)]
    if not lines:
        return f'the output is a {type(output).__name__} without tensors'
    more = f' and {len(lines) - MAX_SHOWN} more' if len(lines) > MAX_SHOWN else ''
    return 'the output has: ' + ', '.join(lines[:MAX_SHOWN]) + more


def flip_matrix(axes: str, like: Tensor) -> Tensor:
    """The change from a foreign camera's axes to ours (x right, y down, z forward).

    Shapes: returns: (3, 3), `x_ours = D x_theirs`.
    """
    signs = [1.0, 1.0, 1.0] if axes == 'opencv' else [1.0, -1.0, -1.0]
    return torch.diag(like.new_tensor(signs))


def _step(value: Any, part: str) -> tuple[bool, Any]:
    if isinstance(value, Mapping):
        return (True, value[part]) if part in value else (False, None)
    if part.lstrip('-').isdigit() and isinstance(value, Sequence):
        position = int(part)
        inside = -len(value) <= position < len(value)
        return (True, value[position]) if inside else (False, None)
    if isinstance(value, Tensor) or not hasattr(value, part):
        return False, None
    return True, getattr(value, part)


def _tensors(value: Any, path: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
        return
    if depth > 4:
        return
    if isinstance(value, Mapping):
        items = [(str(key), child) for key, child in value.items()]
    elif hasattr(value, '_fields'):
        items = [(name, getattr(value, name)) for name in value._fields]
    elif isinstance(value, (list, tuple)):
        items = [(str(index), child) for index, child in enumerate(value)]
    else:
        items = list(getattr(value, '__dict__', {}).items())
    for key, child in items:
        yield from _tensors(child, f'{path}.{key}' if path else key, depth + 1)
