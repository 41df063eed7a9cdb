"""Make a data set of panoramas that `PanoramaViews` reads, from a folder of equirectangular photos.

    python tools/dataset_converters/panoramas.py DOWNLOADS/panoramas data/panoramas
    python tools/dataset_converters/panoramas.py DOWNLOADS/panoramas data/panoramas \\
        --split-file splits.csv --width 4096

The camera calibrator of the paper was trained on such views of Pano360 (SPEC, Kocabas et al., ICCV
2021); any panoramas serve whose middle row is the horizon. OUT gets one JPEG for each, at most
`--width` px wide, and `splits.json`: the names of each split. The splits come from `--split-file`,
a JSON file like that (names of the source) or a CSV file with lines `name,split`; without one they
are drawn by picture, 80 % train, 10 % val, 10 % test. Pictures that are not twice as wide as high,
cannot be read, or would become the JPEG of another one (`sea.png` beside `sea.jpg`) are left out
and listed. What is written already is kept: a run that was stopped goes on.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from whmr.datasets.panorama_views import PICTURES, SPLIT_FILE
from whmr.datasets.transforms.photo import header_shape
from whmr.engine import cli
from whmr.fileio import write_bytes, write_text

SHARES = {'train': 0.8, 'val': 0.1, 'test': 0.1}
JPEG_QUALITY = 93


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='folder of equirectangular photos, and folders in it')
    parser.add_argument('out', help='folder of the data set')
    parser.add_argument('--split-file', metavar='FILE', help='.json or .csv (see above)')
    parser.add_argument('--width', type=int, default=2048, help='largest, px (default: 2048)')
    parser.add_argument('--seed', type=int, default=0, help='of the splits that are drawn')
    parser.add_argument('--overwrite', action='store_true', help='write every picture again')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def find_panoramas(source: Path) -> tuple[list[str], list[str]]:
    """Names of the usable pictures below a folder, and one line for each other picture."""
    good, bad = [], []
    targets: dict[str, str] = {}
    for path in sorted(source.rglob('*')):
        if path.suffix.lower() not in PICTURES:
            continue
        name = path.relative_to(source).as_posix()
        try:
            height, width, _ = header_shape(path, ignore_orientation=True)
        except (OSError, ValueError, SyntaxError) as error:
            bad.append(f'{name}: not a picture ({error})')
            continue
        if width != 2 * height:
            bad.append(f'{name}: {width} x {height} is not twice as wide as high')
        elif targets.setdefault(target_name(name), name) != name:
            bad.append(f'{name}: becomes the same file as {targets[target_name(name)]}; rename it')
        else:
            good.append(name)
    return good, bad


def target_name(name: str) -> str:
    """What a picture of the source is called in the data set."""
    return Path(name).with_suffix('.jpg').as_posix()


def read_splits(path: Path) -> dict[str, list[str]]:
    """Names of each split, from a JSON or CSV file.

    Raises:
        ConfigError: The file is of another form.
    """
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.csv':
        splits: dict[str, list[str]] = {}
        for number, row in enumerate(csv.reader(text.splitlines()), start=1):
            if len(row) != 2:
                raise cli.ConfigError(f'{path}: line {number} is not `name,split`')
            splits.setdefault(row[1].strip(), []).append(row[0].strip())
        return splits
    try:
        splits = json.loads(text)
    except ValueError as error:
        raise cli.ConfigError(f'{path}: no JSON ({error})') from error
    lists = isinstance(splits, dict) and all(isinstance(names, list) for names in splits.values())
    if not lists:
        raise cli.ConfigError(f'{path}: must be an object with a list of names for each split')
    return splits


def draw_splits(names: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Names of each split by `SHARES`."""
    order = np.random.default_rng(seed).permutation(len(names))
    ends = np.round(np.cumsum([0.0, *SHARES.values()]) * len(names)).astype(int)
    return {
        split: sorted(names[i] for i in order[start:end])
        for split, start, end in zip(SHARES, ends[:-1], ends[1:], strict=True)
    }


def convert(source: Path, target: Path, width: int) -> None:
    """Write one panorama as JPEG, shrunk if it is larger.

    Raises:
        ConfigError: It cannot be decoded.
    """
    image = cv2.imread(str(source), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise cli.ConfigError(f'{source}: not a picture that can be decoded; remove it')
    if image.shape[1] > width:
        image = cv2.resize(image, (width, width // 2), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    write_bytes(target, cv2.imencode('.jpg', image, quality)[1], durable=False)


def run(args: argparse.Namespace) -> None:
    """Convert the pictures, then write the splits."""
    source, out = Path(args.source), Path(args.out)
    if args.width < 64 or args.width % 2:
        raise cli.ConfigError(f'--width must be even and at least 64, got {args.width}')
    if not source.is_dir():
        raise FileNotFoundError(f'{source}: no such folder')
    names, bad = find_panoramas(source)
    for line in bad:
        print(f'left out: {line}')
    if not names:
        raise FileNotFoundError(f'{source}: no panorama in it ({", ".join(PICTURES)})')
    if out.resolve().is_relative_to(source.resolve()):
        raise cli.ConfigError(f'{out}: must not lie in {source}')
    if args.split_file:
        splits = read_splits(Path(args.split_file))
    else:
        splits = draw_splits(names, args.seed)
    missing = sorted({name for found in splits.values() for name in found} - set(names))
    if missing:
        raise cli.ConfigError(
            f'{args.split_file} lists {len(missing)} picture(s) that are not there or no '
            f'panoramas, first {missing[0]!r}'
        )
    written = {split: [target_name(name) for name in found] for split, found in splits.items()}
    for split, found in splits.items():
        for name, target in zip(found, written[split], strict=True):
            if args.overwrite or not (out / target).is_file():
                convert(source / name, out / target, args.width)
        print(f'{split}: {len(found)} panoramas')
    write_text(out / SPLIT_FILE, json.dumps(written, indent=1) + '\n')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
