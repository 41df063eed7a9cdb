"""Turn results into one web page: photo, overlay, and the people in 3D, turnable by mouse."""

import argparse
import os
import sys
from collections.abc import Sequence

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

from whmr.apis import Failure, find_results, read_results
from whmr.apis.body_options import add_body_options, read_body_options
from whmr.apis.web_page import MAX_PICTURES, PageReport, write_page
from whmr.engine import ConfigError, cli

EXAMPLES = """the page is one .html file: it opens in any browser and needs no network (docs/web.md)

exit code: 0; 1 if a result could not be used (they are listed, the page has the others) or the file
could not be written; 2 if the command itself is wrong

examples:
  python tools/report.py outputs/demo/park_arms.npz --out park_arms.html
  python tools/report.py outputs/clip --out clip.html --photos clip.mp4 --fps 25
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'results',
        nargs='+',
        metavar='RESULTS',
        help='what tools/infer.py wrote: a folder (its photos are the frames of one shot, by '
        'name), the .npz files of photos, or one results.npz',
    )
    parser.add_argument('--out', required=True, metavar='FILE', help='the .html file')
    parser.add_argument('--title', help='heading of the page (default: the name of the results)')
    parser.add_argument(
        '--photos',
        nargs='+',
        metavar='FILE',
        help='the photos, videos, or folders of them (default: where the results say they were)',
    )
    parser.add_argument(
        '--max-photos',
        type=int,
        default=MAX_PICTURES,
        metavar='N',
        help=f'photos of a long shot that the page brings, evenly spread (default: {MAX_PICTURES})',
    )
    parser.add_argument(
        '--fps', type=float, metavar='N', help="frames per second (default: the results', else 30)"
    )
    add_body_options(parser)
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )
    return parser


def make_page(args: argparse.Namespace) -> tuple[PageReport, list[Failure]]:
    """Run as the arguments say; returns what the page holds and which results it lacks.

    Raises:
        ConfigError: If an argument is wrong, or there is nothing to show.
    """
    try:
        files = find_results(args.results)
        name = files[0].stem if len(files) == 1 else files[0].resolve().parent.name
        source = read_results(files, fps=args.fps, body_options=read_body_options(args))
        report = write_page(
            source,
            args.out,
            title=args.title or name,
            photos=args.photos,
            max_pictures=args.max_photos,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return report, source.failures


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    args = build_parser().parse_args(argv)
    done: list[tuple[PageReport, list[Failure]]] = []
    code = cli.run_tool(lambda given: done.append(make_page(given)), args)
    if not done:
        return code
    report, failures = done[0]
    for failure in failures:
        print(f'not shown: {failure.name}: {failure.reason}')
    print(
        f'{report.path}: {report.num_people} people, {report.num_frames} frames, photos of '
        f'{report.num_pictures} of {report.num_wanted}, {report.num_bytes / 1e6:.1f} MB'
    )
    return cli.RUN_FAILED if failures else code


if __name__ == '__main__':
    sys.exit(main())
