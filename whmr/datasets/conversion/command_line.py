"""The command line that all converters share."""

import argparse
import sys
from collections.abc import Sequence

from whmr.datasets.conversion.converter import Converter, convert_split

DONE, FAILED, NOT_WHOLE, INTERRUPTED = 0, 1, 3, 130

EXIT_CODES = """\
exit codes: 0 converted; 1 nothing could be converted (one line says why); 2 wrong command line;
3 converted, but files or photos of the source were missing or unreadable (see the summary);
130 interrupted: the same command (without --overwrite) goes on."""


def run_converter(converter: type[Converter], argv: Sequence[str] | None = None) -> int:
    """Parse the command line of a converter tool and run it.

    Args:
        converter: The source's class.
        argv: Arguments; None: those of the process.

    Returns:
        The exit code: 0 converted, 1 failed, 3 the source was not whole, 130 interrupted. (2, a
        wrong command line, is argparse's own.)
    """
    module_doc = sys.modules[converter.__module__].__doc__
    args = _parser(converter, module_doc).parse_args(argv)
    whole = True
    try:
        source = converter.from_args(args)
        for split in args.splits or converter.splits:
            summary = convert_split(
                source,
                split,
                check=args.check,
                overwrite=args.overwrite,
                limit=args.limit,
                progress=not args.quiet,
            )
            sys.stdout.write(f'{summary.table()}\n')
            whole &= summary.source_is_whole
    except KeyboardInterrupt:
        sys.stderr.write('\ninterrupted; the same command (without --overwrite) goes on\n')
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        sys.stderr.write(f'error: {error}\n')
        return FAILED
    return DONE if whole else NOT_WHOLE


def _parser(converter: type[Converter], description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('source_root', help='the data set as it was downloaded')
    parser.add_argument('out_dir', help=f'where the annotation files go: data/{converter.name}')
    known = (*converter.splits, *converter.more_splits)
    parser.add_argument(
        '--splits', nargs='+', choices=known, help=f'default: {" ".join(converter.splits)}'
    )
    parser.add_argument('--check', action='store_true', help='open every photo; drop unusable ones')
    parser.add_argument('--overwrite', action='store_true', help='replace files that are there')
    parser.add_argument('--limit', type=_positive, help='stop after so many people (to try it)')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    converter.add_arguments(parser)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text}: must be 1 or more')
    return number
