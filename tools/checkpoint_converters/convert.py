"""Convert another project's checkpoint into one of this library."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from safetensors.torch import save
from torch import Tensor

from whmr.checkpoints import (
    SAFETENSORS_NOTE,
    SOURCES,
    Conversion,
    KeyMismatchError,
    convert_checkpoint,
    read_foreign,
)
from whmr.engine import cli, write_checkpoint
from whmr.fileio import write_bytes

SUFFIXES = ('.safetensors', '.pth')
EXAMPLES = """Every key of the file is mapped or dropped by a named rule, or nothing is written.
No code that the file may hold is run.

exit code: 0; 2 if the file or an argument is wrong; 1 if writing failed

examples:
  python tools/checkpoint_converters/convert.py --list
  python tools/checkpoint_converters/convert.py whmr whmr_release.pth whmr.safetensors
  python tools/infer.py PHOTO --config configs/whmr/release/whmr_vitpose_release.py \\
      --checkpoint whmr.safetensors
"""


class ListSources(argparse.Action):
    """Prints the sources and ends the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Print one source a line."""
        width = max(map(len, SOURCES))
        for name, source in SOURCES.items():
            print(f'{name:{width}}  {source.description}')
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'source',
        metavar='SOURCE',
        choices=tuple(SOURCES),
        help=f'what the file is: {", ".join(SOURCES)} (--list says what they are)',
    )
    parser.add_argument(
        'input', metavar='IN', type=Path, help='checkpoint file (.pth, .pt, .tar, .ckpt, ...)'
    )
    parser.add_argument(
        'output', metavar='OUT', type=Path, help='file to write (.safetensors or .pth)'
    )
    parser.add_argument('--list', action=ListSources, nargs=0, help='list the sources and end')
    parser.add_argument(
        '--all-keys', action='store_true', help='name every key that is dropped or does not fit'
    )
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def convert(args: argparse.Namespace) -> None:
    """Read, convert, write, and say what was done.

    Raises:
        CheckpointError: The file is damaged, unsafe, or no checkpoint of the source.
        ConfigError: The output is no file that can be written.
    """
    if args.output.suffix not in SUFFIXES:
        raise cli.ConfigError(f'{args.output}: the file must end with {" or ".join(SUFFIXES)}')
    if args.output.resolve() == args.input.resolve():
        raise cli.ConfigError(f'{args.output}: the output would overwrite the input')
    source = SOURCES[args.source]
    state_dict = read_foreign(args.input)
    try:
        done = convert_checkpoint(state_dict, args.source, str(args.input))
    except KeyMismatchError as error:
        if args.all_keys:
            print('\n'.join(error.problems.lines()))
        raise
    meta: dict[str, Any] = {'source': done.layout, 'source_file': args.input.name}
    if source.topology is not None:
        meta['topology'] = [source.topology]
    write(args.output, done.state_dict, meta)
    title = next(each.title for each in source.key_maps if each.name == done.layout)
    report(args, done, title)


def write(path: Path, weights: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Write the file, whole or not at all, in the format that its name says.

    Raises:
        OSError: It cannot be written.
    """
    if path.suffix == '.safetensors':
        write_bytes(path, save(weights, {SAFETENSORS_NOTE: json.dumps(meta)}))
    else:
        write_checkpoint(path, {'state_dict': weights, 'meta': meta})


def report(args: argparse.Namespace, done: Conversion, title: str) -> None:
    """Say what became of every key."""
    numbers = sum(value.numel() for value in done.state_dict.values())
    size = args.output.stat().st_size / 1e6
    print(f'{args.input} -> {args.output}: {title}, {numbers:,} numbers, {size:.1f} MB')
    print(f'{len(done.mapped):5} mapped')
    added = len(done.state_dict) - len(done.mapped)
    if added:
        print(f'{added:5} added: counters of BatchNorm that the file lacks, 0')
    for reason, keys in done.dropped.items():
        shown = keys if args.all_keys else keys[:2]
        more = ', ...' if len(shown) < len(keys) else ''
        print(f'{len(keys):5} dropped: {reason} ({", ".join(shown)}{more})')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(convert, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
