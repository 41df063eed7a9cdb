"""Checkpoints: read safely, written atomically, loaded strictly.

A checkpoint is a dict with `state_dict` and, from our runner, `meta`, `message_hub`, `optimizer`,
`param_schedulers`, `data` and perhaps `ema_state_dict`. Every file we write loads with
`torch.load(weights_only=True)`.
"""

import io
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.checkpoints import read_safetensors, read_torch
from whmr.engine.errors import CheckpointError
from whmr.engine.plain import from_plain, to_plain
from whmr.fileio import write_bytes, write_text

POINTER = 'last_checkpoint'
_SHOWN = 3  # keys that an error names


class LoadReport(NamedTuple):
    """Keys that `load_weights(strict=False)` left alone."""

    missing: list[str]  # of the model, absent in the file
    unexpected: list[str]  # of the file, absent in the model
    mismatched: list[str]  # in both, with other shapes


def read_checkpoint(path: str | Path, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Read a checkpoint file without running any code that it may hold.

    Args:
        path: A `.pth` or `.safetensors` file, or the folder of a training run (its last
            checkpoint is read). A bare state dict is taken as `dict(state_dict=...)`.
        map_location: The device that the tensors go to.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged, unsafe, or no checkpoint.
    """
    path = resolve_checkpoint(path)
    if path.suffix == '.safetensors':
        content = read_safetensors(path, map_location)
    else:
        content = read_torch(path, map_location)
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f'{path} is no checkpoint: it holds a {type(content).__name__}')
    if 'state_dict' in content:
        return from_plain(content)
    if all(isinstance(value, Tensor) for value in content.values()):
        return {'state_dict': content if isinstance(content, OrderedDict) else dict(content)}
    keys = ', '.join(map(str, list(content)[:_SHOWN]))
    raise CheckpointError(
        f"{path} holds no 'state_dict' (its keys: {keys}, ...): it is no checkpoint of this library"
        '; those of other projects are converted by tools/checkpoint_converters/convert.py'
    )


def write_checkpoint(path: str | Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint that `torch.load(weights_only=True)` accepts, whole or not at all.

    Raises:
        TypeError: `checkpoint` holds something that has no plain form.
        OSError: The file cannot be written; an older file of that name is untouched.
    """
    buffer = io.BytesIO()
    torch.save(to_plain(checkpoint), buffer)
    write_bytes(path, buffer.getbuffer())


def resolve_checkpoint(path: str | Path) -> Path:
    """The checkpoint file that `path` means: itself, or the last one of a training folder.

    Raises:
        FileNotFoundError: There is none.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        found = find_last_checkpoint(path)
        if found is None:
            raise FileNotFoundError(f'the folder {path} holds no checkpoint')
        return found
    if not path.is_file():
        raise FileNotFoundError(f'the checkpoint {path} does not exist')
    return path


def find_last_checkpoint(work_dir: str | Path) -> Path | None:
    """The newest checkpoint of a training run, or None.

    It is the one that `last_checkpoint` names (looked for in `work_dir` too, should the folder
    have moved); without that file, the one of the highest iteration or epoch.
    """
    work_dir = Path(work_dir)
    pointer = work_dir / POINTER
    if pointer.is_file():
        named = Path(pointer.read_text(encoding='utf-8').strip())
        for candidate in (work_dir / named.name, named):
            if candidate.is_file():
                return candidate
    numbered = [
        (int(match.group(1)), path.stat().st_mtime, path)
        for path in work_dir.glob('*.pth')
        if (match := re.fullmatch(r'(?:iter|epoch)_(\d+)\.pth', path.name))
    ]
    return max(numbered)[2] if numbered else None


def write_pointer(work_dir: str | Path, checkpoint: str | Path) -> None:
    """Say in `work_dir` that `checkpoint`, a file already written, is the last one."""
    write_text(Path(work_dir) / POINTER, str(checkpoint))


def load_weights(
    model: nn.Module, path: str | Path, prefix: str = '', *, strict: bool = True
) -> LoadReport:
    """Load the weights of a checkpoint file into `model`.

    Args:
        model: What receives them.
        path: A checkpoint file or the folder of a training run.
        prefix: Load only the keys under this prefix, which is removed (`'hmr'`, `'backbone'`).
        strict: Whether every key must fit; otherwise what fits is loaded and the rest is reported.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: The file is damaged, of another body, or (strict) of another model.
    """
    checkpoint = read_checkpoint(path)
    what = str(path)
    check_topology(model, checkpoint, what)
    state_dict = select_prefix(checkpoint['state_dict'], prefix, what)
    return load_state_dict(model, state_dict, what, strict=strict)


def body_topologies(model: nn.Module) -> list[str]:
    """Names of the mesh topologies that the body models inside `model` have."""
    found = {module.topology for module in model.modules() if isinstance(module, BodyModel)}
    return sorted(found)


def check_topology(model: nn.Module, checkpoint: Mapping[str, Any], what: str) -> None:
    """Refuse weights that were trained with another body than `model` has.

    Nothing of a body is stored in a checkpoint, so the weights would fit and give nonsense.

    Args:
        model: What is to receive the weights.
        checkpoint: The checkpoint; one that does not say its body is accepted.
        what: The name of the file, for messages.

    Raises:
        CheckpointError: The bodies differ.
    """
    trained = (checkpoint.get('meta') or {}).get('topology')
    ours = body_topologies(model)
    if trained and ours and list(trained) != ours:
        raise CheckpointError(
            f'{what} was trained with the body topology {"/".join(trained)}, but the body of this '
            f'{type(model).__name__} is {"/".join(ours)}; use the body of the checkpoint'
        )


def select_prefix(state_dict: Mapping[str, Tensor], prefix: str, what: str) -> dict[str, Tensor]:
    """The entries under `prefix`, without it; the wrapper's 'module.' is removed first.

    Raises:
        CheckpointError: There is no entry under `prefix`.
    """
    weights = OrderedDict((key.removeprefix('module.'), v) for key, v in state_dict.items())
    if hasattr(state_dict, '_metadata'):
        weights._metadata = state_dict._metadata
    if not prefix:
        return weights
    start = prefix.rstrip('.') + '.'
    chosen = {key[len(start) :]: v for key, v in weights.items() if key.startswith(start)}
    if not chosen:
        heads = ', '.join(sorted({key.split('.')[0] for key in weights}))
        raise CheckpointError(f'{what} has no weights under {start!r}; it holds: {heads}')
    return chosen


def load_state_dict(
    model: nn.Module, state_dict: Mapping[str, Tensor], what: str, *, strict: bool = True
) -> LoadReport:
    """Load `state_dict` into `model`; nothing is changed where it does not fit and must.

    Args:
        model: What receives the weights.
        state_dict: The weights.
        what: The name of their source, for messages.
        strict: Whether every key must fit.

    Raises:
        CheckpointError: (strict) Keys or shapes differ; the message names the first ones.
    """
    expected = model.state_dict()
    missing = [
        key for key in expected if key not in state_dict and not key.endswith('num_batches_tracked')
    ]
    unexpected = [key for key in state_dict if key not in expected]
    mismatched = [
        key
        for key, value in expected.items()
        if key in state_dict
        and isinstance(value, Tensor)
        and getattr(state_dict[key], 'shape', None) != value.shape
    ]
    report = LoadReport(missing, unexpected, mismatched)
    if any(report):
        shapes = [
            f'{key} ({_shape(state_dict[key])} in the file, {_shape(expected[key])} in the model)'
            for key in mismatched[:_SHOWN]
        ]
        parts = [
            _count(missing, missing, 'missing'),
            _count(unexpected, unexpected, 'unexpected'),
            _count(mismatched, shapes, 'of another shape'),
        ]
        text = f'{what} does not fit this {type(model).__name__}: ' + '; '.join(filter(None, parts))
        if strict:
            raise CheckpointError(text)
        print_log(text, logger='current', level=30)
    fitting = OrderedDict((k, v) for k, v in state_dict.items() if k not in mismatched)
    if hasattr(state_dict, '_metadata'):
        fitting._metadata = state_dict._metadata
    model.load_state_dict(fitting, strict=False)
    return report


def _shape(value: Any) -> str:
    return 'x'.join(map(str, value.shape)) or 'scalar' if isinstance(value, Tensor) else 'no tensor'


def _count(keys: list[str], shown: list[str], what: str) -> str:
    if not keys:
        return ''
    more = ', ...' if len(keys) > _SHOWN else ''
    noun = 'key' if len(keys) == 1 else 'keys'
    return f'{len(keys)} {noun} {what} ({", ".join(shown[:_SHOWN])}{more})'


def load_from_local(filename: str, map_location: str | torch.device | None = None) -> dict:
    """`read_checkpoint`, as the loader that MMEngine calls for local files."""
    return read_checkpoint(filename, map_location or 'cpu')


CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
