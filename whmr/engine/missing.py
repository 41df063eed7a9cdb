"""Finds, before a run starts, every file that a config needs and that is not there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine import Config

from whmr.body_models.smpl import SMPL, TABLE_FILES
from whmr.datasets.catalog import check_available, find_info
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.config import is_part
from whmr.engine.errors import MissingFilesError
from whmr.engine.initializers import StrictPretrained

_TRAINING_LOADERS = ('train_dataloader', 'val_dataloader')
_TEST_LOADERS = ('test_dataloader',)
_WAY_OUT = (
    'Or run with --embedded: the bundled free body and a small synthetic world stand in, and '
    'nothing is downloaded.'
)


def iter_dicts(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every dict inside a config, outer ones first."""
    if isinstance(node, (Mapping, Config)):
        if isinstance(node, Mapping):
            yield node
        for value in node.values():
            yield from iter_dicts(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from iter_dicts(value)


def is_type(node: Any, name: str) -> bool:
    """Whether `node` is the config of the registered class `name`, with or without our scope."""
    return isinstance(node, Mapping) and node.get('type') in (name, f'whmr.{name}')


def find_missing(cfg: Config, *, training: bool = True) -> list[str]:
    """One line for each file (or set of files) that a run would look for in vain.

    Annotation files of data sets, SMPL's files, checkpoints of `StrictPretrained` and `load_from`.

    Args:
        cfg: The config.
        training: Whether the run trains; otherwise the files of the training are not looked for.
    """
    loaders = _TRAINING_LOADERS if training else _TEST_LOADERS
    lines = _missing_annotations([cfg[name] for name in loaders if cfg.get(name)])
    lines += _missing_bodies(cfg)
    if training:
        for node in iter_dicts(cfg.get('model')):
            if is_type(node, 'StrictPretrained'):
                lines += _line(lambda node=node: pretrained(node).find())
        if cfg.get('load_from') and '://' not in cfg.load_from:
            lines += _line(lambda: resolve_checkpoint(cfg.load_from))
    return list(dict.fromkeys(lines))


def require_files(cfg: Config, *, training: bool = True) -> None:
    """Raise one error that lists everything that is missing.

    Raises:
        MissingFilesError: Something is; the message says where to get it, and names --embedded.
    """
    lines = find_missing(cfg, training=training)
    if len(lines) == 1:
        raise MissingFilesError(f'{lines[0]}. {_WAY_OUT}')
    if lines:
        listing = ''.join(f'\n  - {line}' for line in lines)
        raise MissingFilesError(f'this config needs what is not here:{listing}\n{_WAY_OUT}')


def pretrained(config: Mapping[str, Any]) -> StrictPretrained:
    """The initialiser of a `StrictPretrained` config."""
    return StrictPretrained(**{key: value for key, value in config.items() if key != 'type'})


def _missing_annotations(dataloaders: list[Mapping[str, Any]]) -> list[str]:
    lines = []
    for path in check_available([loader['dataset'] for loader in dataloaders]):
        info = find_info(path)
        lines.append(
            f'annotations {path}' + (f': {info.how_to_get(Path(path).name)}' if info else '')
        )
    return lines


def _missing_bodies(cfg: Config) -> list[str]:
    lines = []
    used = {key: value for key, value in cfg.items() if not is_part(key)}
    for node in iter_dicts(used):
        if not is_type(node, 'SMPL'):
            continue
        folder = Path(node.get('model_path', 'data/body_models/smpl'))
        gender = str(node.get('gender', 'neutral'))
        if not (folder / f'SMPL_{gender.upper()}.npz').is_file():
            lines += _line(lambda folder=folder, gender=gender: SMPL(folder, gender))
        tables = [name for name in TABLE_FILES.values() if not (folder / name).is_file()]
        if tables:
            lines.append(
                f'body model tables in {folder}: {", ".join(tables)} (see whmr.body_models.SMPL)'
            )
    return lines


def _line(look: Any) -> list[str]:
    """The message of the error that `look()` raises, if it does."""
    try:
        look()
    except (FileNotFoundError, ValueError) as error:
        return [str(error)]
    return []
