"""Make the folder that `SMPL` reads from the files as they are distributed.

    python tools/misc/convert_smpl.py DOWNLOADS --out data/body_models/smpl

DOWNLOADS is searched, with the folders in it, for

    SMPL_NEUTRAL.pkl, basicModel_neutral_lbs_10_207_0_v1.0.0.pkl, basicmodel_f_lbs_...pkl, ...
    J_regressor_extra.npy, J_regressor_h36m.npy, smpl_mean_params.npz
    mesh_downsampling.npz
    smpl_ssm.json or .npy (vertices of the 67 markers)
    smpl_uv_atlas.npz

The official models are pickles with chumpy's and scipy's objects in them. They are read without
chumpy, and nothing that they name is run: a file that names anything else is refused. All that is
found is checked first; if anything is wrong, all of it is listed and nothing is written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from whmr.body_models import SmplFile, find_smpl_files
from whmr.fileio import write_files

DEFAULT_OUT = Path('data/body_models/smpl')
OK, FAILED, BAD_INPUT = 0, 1, 2


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', type=Path, help='folder with the downloaded files')
    parser.add_argument(
        '--out', type=Path, default=DEFAULT_OUT, help=f'folder to write (default: {DEFAULT_OUT})'
    )
    return parser


def read_all(files: Sequence[SmplFile]) -> tuple[dict[str, bytes], list[str]]:
    """Contents of the files that were found, and what is wrong with them."""
    contents, problems = {}, []
    for number, file in enumerate(files, start=1):
        print(f'[{number}/{len(files)}] {file.source}', flush=True)
        try:
            contents[file.target] = file.content()
        except (ValueError, OSError) as error:
            problems.append(str(error))
    return contents, problems


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0: done, 1: could not be written, 2: something is wrong with the files."""
    args = build_parser().parse_args(argv)
    try:
        files = find_smpl_files(args.source)
    except (FileNotFoundError, ValueError) as error:
        return _fail([str(error)], BAD_INPUT)
    found = [file for file in files if file.source is not None]
    if not found:
        return _fail([f'{args.source} holds none of the files that SMPL is made of'], BAD_INPUT)
    contents, problems = read_all(found)
    if problems:
        return _fail([*problems, 'nothing was written'], BAD_INPUT)
    try:
        write_files({args.out / name: content for name, content in contents.items()})
    except OSError as error:
        return _fail([error.strerror or str(error)], FAILED)
    _report(files, args.out)
    return OK


def _report(files: Sequence[SmplFile], out: Path) -> None:
    print(f'\n{out}:')
    for file in files:
        if file.source is not None:
            state = f'written from {file.source.name}'
        elif (out / file.target).is_file():
            state = 'was there before, left as it is'
        else:
            state = f'MISSING, needed for {file.needed_for}'
        print(f'  {file.target:30s} {state}')


def _fail(problems: Sequence[str], code: int) -> int:
    for problem in problems:
        print(f'error: {problem}', file=sys.stderr)
    return code


if __name__ == '__main__':
    raise SystemExit(main())
