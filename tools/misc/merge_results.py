"""Make one results.npz and one report.json of what the processes of tools/infer.py have written."""

import argparse
import os
import sys
from collections.abc import Sequence

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from whmr.apis import InferenceReport, merge_runs
from whmr.apis.body_options import add_body_options, read_body_options
from whmr.engine import ConfigError, cli

EXAMPLES = """exit code: 0; 1 if a photo, frame or box could not be used (they are listed); 2 if the
command itself is wrong

examples:
  torchrun --nproc-per-node 4 tools/infer.py photos --out outputs/photos
  python tools/misc/merge_results.py outputs/photos
  python tools/misc/merge_results.py from_machine_a from_machine_b --out merged
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'folders',
        nargs='+',
        metavar='FOLDER',
        help='what tools/infer.py wrote; several if the machines share no disk',
    )
    parser.add_argument('--out', metavar='DIR', help='where to (default: the first FOLDER)')
    add_body_options(parser)
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )
    return parser


def merge(args: argparse.Namespace) -> InferenceReport:
    """Run as the arguments say.

    Raises:
        ConfigError: If the folders do not belong together.
    """
    try:
        return merge_runs(args.folders, args.out, body_options=read_body_options(args))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    args = build_parser().parse_args(argv)
    reports: list[InferenceReport] = []
    code = cli.run_tool(lambda given: reports.append(merge(given)), args)
    if not reports:
        return code
    print(f'{reports[0].summary()}\nwritten to {args.out or args.folders[0]}')
    return cli.RUN_FAILED if reports[0].failures else code


if __name__ == '__main__':
    sys.exit(main())
