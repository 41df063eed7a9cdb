"""The command line's options for the body of results that were made before."""

from argparse import ArgumentParser, Namespace
from typing import Any

SMPL_FOLDER = 'data/body_models/smpl'
GENDERS = ('neutral', 'male', 'female')


def add_body_options(parser: ArgumentParser) -> None:
    """Add `--smpl-folder` and `--gender`.

    Args:
        parser: Of a command that reads results.
    """
    parser.add_argument(
        '--smpl-folder',
        default=SMPL_FOLDER,
        metavar='DIR',
        help=f'for results of SMPL: its files (default: {SMPL_FOLDER})',
    )
    parser.add_argument(
        '--gender',
        choices=GENDERS,
        default=GENDERS[0],
        help=f'for results of SMPL (default: {GENDERS[0]})',
    )


def read_body_options(args: Namespace) -> dict[str, Any]:
    """The `body_options` of `read_results` and `merge_runs`.

    Args:
        args: The parsed arguments.
    """
    return {'model_path': args.smpl_folder, 'gender': args.gender}
