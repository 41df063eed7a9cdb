"""Finds the script of a command and runs it; what is slow to import is imported there."""

import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from whmr.cli.bundle import bundle_root, find_argument
from whmr.cli.commands import COMMANDS, CONVERTERS, Command
from whmr.version import __version__

USAGE_ERROR = 2
INTERRUPTED = 130
HELP = ('-h', '--help')
ABOUT = """W-HMR: people in photos and videos as 3D bodies, in camera and world space."""
CODES = """exit code: 0; 1 if some items failed (they are listed, the others are done) or a run
failed; 2 if the command itself is wrong; 130 if it was interrupted

A path that begins with configs/ or checkpoints/ and is not here is the one that comes with whmr."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `whmr`.

    Args:
        argv: The arguments; None takes those of the process.

    Returns:
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        return INTERRUPTED
    except FileNotFoundError as error:
        return _refuse(str(error))


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in HELP:
        sys.stdout.write(_overview())
        return 0 if arguments else USAGE_ERROR
    if arguments[0] == '--version':
        sys.stdout.write(f'whmr {__version__}\n')
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        return _unknown('whmr', name, COMMANDS)
    if name == 'convert':
        return _convert(rest)
    return _run(COMMANDS[name].script, f'whmr {name}', rest)


def _convert(arguments: list[str]) -> int:
    if not arguments or arguments[0] in HELP:
        sys.stdout.write('usage: whmr convert KIND ... [--help]\n\nkinds:\n' + _listing(CONVERTERS))
        return 0 if arguments else USAGE_ERROR
    kind, *rest = arguments
    if kind not in CONVERTERS:
        return _unknown('whmr convert', kind, CONVERTERS)
    if kind != 'dataset':
        return _run(CONVERTERS[kind].script, f'whmr convert {kind}', rest)
    folder = CONVERTERS[kind].script
    names = sorted(path.stem for path in (bundle_root() / 'tools' / folder).glob('*.py'))
    if not rest or rest[0] in HELP:
        sys.stdout.write(
            'usage: whmr convert dataset NAME ... [--help]\n\nnames:\n'
            + ''.join(f'  {name}\n' for name in names)
        )
        return 0 if rest else USAGE_ERROR
    name, *rest = rest
    if name not in names:
        return _unknown('whmr convert dataset', name, names)
    return _run(f'{folder}/{name}.py', f'whmr convert dataset {name}', rest)


def _run(script: str, name: str, arguments: list[str]) -> int:
    """Run a script as `python script` does, under the command's name."""
    root = bundle_root()
    path = root / 'tools' / script
    if not any(argument in HELP for argument in arguments):
        return _execute(path, name, [find_argument(argument, root) for argument in arguments])
    text = io.StringIO()
    with redirect_stdout(text):
        code = _execute(path, name, arguments)
    sys.stdout.write(text.getvalue().replace(f'python tools/{script}', name))
    return code


def _execute(path: Path, name: str, arguments: list[str]) -> int:
    spec = spec_from_file_location('__main__', path)
    module = module_from_spec(spec)
    before = sys.argv, sys.path[:], sys.modules['__main__']
    sys.argv = [name, *arguments]
    sys.path.insert(0, str(path.parent))
    sys.modules['__main__'] = module
    try:
        spec.loader.exec_module(module)
    except SystemExit as end:
        if isinstance(end.code, str):
            return _refuse(end.code)
        return end.code or 0
    finally:
        sys.argv, sys.path[:], sys.modules['__main__'] = before
    return 0


def _overview() -> str:
    examples = ''.join(f'  {command.example}\n' for command in COMMANDS.values())
    return (
        f'usage: whmr COMMAND ... [--help] [--version]\n\n{ABOUT}\n\ncommands:\n'
        f'{_listing(COMMANDS)}\nexamples:\n{examples}\n{CODES}\n'
    )


def _listing(commands: Mapping[str, Command]) -> str:
    return ''.join(f'  {name:<13}{command.summary}\n' for name, command in commands.items())


def _unknown(group: str, name: str, known: Sequence[str] | Mapping[str, Command]) -> int:
    near = get_close_matches(name, list(known), n=1)
    hint = f'did you mean {near[0]!r}?' if near else f'one of {", ".join(known)}'
    return _refuse(f'{group}: no command {name!r}; {hint}')


def _refuse(text: str) -> int:
    sys.stderr.write(f'error: {text}\n')
    return USAGE_ERROR
