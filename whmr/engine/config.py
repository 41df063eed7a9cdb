"""Configs that reject what they do not know: top-level names, and options of the command line."""

import difflib
import inspect
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.config import DictAction
from mmengine.runner import Runner

from whmr.engine.errors import ConfigError

# What the runner reads of a config beside its constructor's arguments.
RUNTIME_KEYS = frozenset(
    {
        'activation_checkpointing',
        'compile',
        'custom_imports',
        'efficient_conv_bn_eval',
        'env_variables',
        'find_unused_parameters',
        'model_wrapper_cfg',
        'sync_bn',
    }
)
# Building blocks that our `_base_` files name for the files that inherit them. They do nothing by
# themselves, so an option of the command line must not address them.
PART_KEYS = frozenset(
    {
        'body_model',
        'camera',
        'data_root',
        'grad_flow',
        'losses',
        'orientation',
        'whole_photo',
        'world',
    }
)
PART_SUFFIXES = ('_pipeline', '_dataset', '_losses')
_ADD = '+'


class OptionAction(DictAction):
    """Argparse action for `KEY=VALUE` pairs that reports a pair without '='."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Parse the pairs into a dict."""
        for value in values or ():
            if '=' not in value:
                parser.error(f'{option_string}: {value!r} is no KEY=VALUE pair')
        super().__call__(parser, namespace, values, option_string)


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file, apply options to it, and check its top-level names.

    Args:
        path: A Python config file.
        options: Dotted key -> value; see `apply_options`.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: The file has a syntax error, an unknown top-level name, or an option names a
            key that is not there.
    """
    path = Path(path)
    if not path.is_file():
        near = difflib.get_close_matches(
            path.name, [other.name for other in path.parent.glob('*.py')], n=3
        )
        hint = f'; {path.parent} has: {", ".join(near)}' if near else ''
        raise FileNotFoundError(f'the config {path} does not exist{hint}')
    try:
        # Formatting a large config takes seconds, and each checkpoint holds its text.
        cfg = Config.fromfile(path, format_python_code=False)
    except FileNotFoundError:
        raise
    except (SyntaxError, NameError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f'the config {path} cannot be read: {error}') from error
    check_names(cfg, str(path))
    apply_options(cfg, options or {})
    return cfg


def check_names(cfg: Mapping[str, Any], where: str = 'the config') -> None:
    """Reject unknown top-level names.

    Known are the runner's arguments, `RUNTIME_KEYS`, `PART_KEYS`, names that end like
    `train_pipeline` (`PART_SUFFIXES`), and helper variables whose name begins with '_'.

    Raises:
        ConfigError: A name is not known.
    """
    known = runner_keys() | PART_KEYS
    for key in cfg:
        if key in known or is_part(key):
            continue
        near = difflib.get_close_matches(key, known, n=2)
        hint = f'did you mean {" or ".join(map(repr, near))}? ' if near else ''
        raise ConfigError(
            f'{where}: nothing reads the top-level name {key!r}; {hint}'
            f"(a helper variable's name begins with '_')"
        )


def is_part(key: str) -> bool:
    """Whether a top-level name is a building block that does nothing by itself."""
    return key in PART_KEYS or key.startswith('_') or key.endswith(PART_SUFFIXES)


def runner_keys() -> set[str]:
    """Top-level names that the runner reads."""
    arguments = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}
    return arguments | RUNTIME_KEYS


def apply_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Change `cfg` by dotted keys, which must exist; `+key=value` adds a new one.

    Args:
        cfg: The config, changed in place. Positions in lists are numbers: `custom_hooks.0.type`.
        options: Dotted key -> value.

    Raises:
        ConfigError: A key does not exist (or, with '+', does); the message lists near ones.
    """
    for key, value in options.items():
        path = key.removeprefix(_ADD)
        head = path.split('.')[0]
        if is_part(head):
            raise ConfigError(
                f'--cfg-options {key}: {head!r} is a building block of config files, changing it '
                f'now does nothing; change the place that uses it{_near(cfg, path)}'
            )
        found = _exists(cfg, path)
        if key.startswith(_ADD) and found:
            raise ConfigError(f"--cfg-options {key}: {path} exists already, leave out the '+'")
        if not key.startswith(_ADD) and not found:
            raise ConfigError(
                f'--cfg-options {key}: the config has no such key{_near(cfg, path)} '
                f'(a new key is added with {_ADD}{path}=...)'
            )
        if key.startswith(_ADD) and '.' not in path and path not in runner_keys():
            check_names({path: value}, f'--cfg-options {key}')
        try:
            cfg.merge_from_dict({path: value})
        except (KeyError, TypeError, AssertionError) as error:
            raise ConfigError(f'--cfg-options {key}: {error}') from error


def _exists(cfg: Mapping[str, Any], path: str) -> bool:
    node: Any = cfg
    for part in path.split('.'):
        if isinstance(node, (Mapping, Config)):
            if part not in node:
                return False
            node = node[part]
        elif isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                return False
            node = node[int(part)]
        else:
            return False
    return True


def _paths(node: Any, prefix: str = '') -> Iterator[str]:
    """Dotted paths of everything inside a config."""
    if isinstance(node, (Mapping, Config)):
        items = list(node.items())
    elif isinstance(node, (list, tuple)):
        items = list(enumerate(node))
    else:
        return
    for key, value in items:
        yield f'{prefix}{key}'
        yield from _paths(value, f'{prefix}{key}.')


def _near(cfg: Config, path: str) -> str:
    """Keys that resemble `path`: alike as a whole, or with an equal or alike last part."""
    usable = [other for other in _paths(cfg) if not is_part(other.split('.')[0])]
    last = path.split('.')[-1]
    same = [other for other in usable if other.split('.')[-1] == last]
    near = difflib.get_close_matches(path, usable, n=3, cutoff=0.75)
    lasts = difflib.get_close_matches(last, {o.split('.')[-1] for o in usable}, n=2, cutoff=0.75)
    alike = [other for other in usable if other.split('.')[-1] in lasts]
    chosen = list(dict.fromkeys([*near, *sorted(same, key=len), *sorted(alike, key=len)]))[:3]
    return f'; did you mean {", ".join(chosen)}?' if chosen else ''
