"""Put restart markers into the JPEGs of a data set, so that training decodes only the person.

    python tools/misc/tile_photos.py data/3dpw/imageFiles data/3dpw/imageFiles_tiled

Writes the folder again with the same pixels: each JPEG is recoded without loss by `jpegtran`
(Debian and Ubuntu: libjpeg-turbo-progs), decoded, and compared with the original; progressive ones
become sequential. What is no JPEG, or cannot be recoded, is linked as it is. Interrupted and
started again, it goes on. Then train with `data_prefix=dict(img='imageFiles_tiled')`.

Exit codes: 0 done; 2 nothing could be done, one line says why; 3 done, but some JPEGs could not be
recoded; 130 interrupted.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from mmengine.logging import MMLogger

from whmr.datasets.transforms.jpeg_window import read_layout, restart_interval
from whmr.engine import ConfigError, cli
from whmr.fileio import write_bytes

JPEG_START = b'\xff\xd8'
TILED, THERE, OTHER, FAILED = 'tiled', 'there already', 'no JPEG: linked', 'not recoded: linked'
PARTLY = 3
EVERY = 1000  # photos between two lines of the log


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('photos', help='folder of the photos')
    parser.add_argument('out_dir', help='the folder to write')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='how many at a time')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def tile_folder(args: argparse.Namespace) -> int:
    """Write the folder again.

    Raises:
        ConfigError: There is no such folder, no photo in it, or no jpegtran.
        OSError: The disk is full or not writable; what is written is kept.
    """
    logger = MMLogger.get_instance('tile_photos')
    source, target = Path(args.photos), Path(args.out_dir)
    if not source.is_dir():
        raise ConfigError(f'{source}: no such folder')
    if target.resolve().is_relative_to(source.resolve()):
        raise ConfigError(f'{target}: must not lie in {source}')
    if shutil.which('jpegtran') is None:
        raise ConfigError('jpegtran is not installed: apt install libjpeg-turbo-progs')
    names = sorted(path.relative_to(source) for path in source.rglob('*') if path.is_file())
    if not names:
        raise ConfigError(f'{source}: holds no file')
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(args.jobs) as pool:
        results = pool.map(lambda name: tile_file(source / name, target / name), names)
        for name, result in zip(names, results, strict=True):
            counts[result] += 1
            if result == FAILED:
                logger.warning('%s: %s', name, result)
            if counts.total() % EVERY == 0:
                logger.info('%d of %d', counts.total(), len(names))
    told = ', '.join(f'{count} {result}' for result, count in counts.items())
    logger.info('%s: %s', target, told)
    return PARTLY if counts[FAILED] else 0


def tile_file(source: Path, target: Path) -> str:
    """Write one photo; returns what became of it."""
    if target.exists():
        return THERE
    content = source.read_bytes()
    is_jpeg = content.startswith(JPEG_START)
    tiled = tile(content) if is_jpeg else None
    if tiled is not None:
        write_bytes(target, tiled)
        return TILED
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system
        write_bytes(target, content)
    return FAILED if is_jpeg else OTHER


def tile(content: bytes) -> bytes | None:
    """The JPEG with restart markers and the same pixels; None if that cannot be had."""
    layout = read_layout(content)
    sequential = content if layout is not None else recode(content)
    layout = layout or read_layout(sequential)
    if layout is None:
        return None
    tiled = recode(sequential, '-restart', f'{restart_interval(layout.shape[1], layout.unit[1])}B')
    before, after = pixels(content), pixels(tiled)
    return tiled if before is not None and np.array_equal(before, after) else None


def recode(content: bytes, *options: str) -> bytes:
    """What jpegtran makes of a JPEG; nothing if it cannot."""
    command = ['jpegtran', '-copy', 'all', *options]
    return subprocess.run(command, input=content, capture_output=True, check=False).stdout


def pixels(content: bytes) -> np.ndarray | None:
    """The decoded picture, if it is one."""
    code = np.frombuffer(content, np.uint8)
    return cv2.imdecode(code, cv2.IMREAD_COLOR) if code.size else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    codes: list[int] = []
    parsed = build_parser().parse_args(argv)
    code = cli.run_tool(lambda args: codes.append(tile_folder(args)), parsed)
    return code or codes[0]


if __name__ == '__main__':
    sys.exit(main())
