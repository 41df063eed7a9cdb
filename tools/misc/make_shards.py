"""Pack a data set into WebDataset shards: tars that hold each photo beside its labels.

    python tools/misc/make_shards.py data/h36m/h36m_train.npz SHARDS/h36m
    python tools/misc/make_shards.py data/mpii/mpii_train.npz SHARDS/mpii --photos PHOTOS/images
    python tools/misc/make_shards.py h36m_train.npz SHARDS/h36m --index

Writes `SHARDS/h36m/h36m_train.npz` and `SHARDS/h36m/images/h36m_train-000000.tar`, ...: the layout
of the set itself, so that a config reads them with another `data_root`, a path or a URL. Interrupt
it and start it again as you like: finished tars are kept, and the files are the same in the end.
`--index` writes the annotation file again from the tars alone.

Exit codes: 0 packed; 2 nothing could be packed, one line says why; 3 packed, but photos were
missing or broken and are left out; 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import MMLogger

from whmr.datasets import index_shards, pack_shards, save_annotations
from whmr.engine import ConfigError, cli

PARTLY = 3
SHOWN = 10


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('ann_file', help='the annotation file; with --index: its name')
    parser.add_argument('out_dir', help='folder of the packed set')
    parser.add_argument('--photos', help='folder of the photos; default: images beside ann_file')
    parser.add_argument('--photos-per-shard', type=int, default=1000)
    parser.add_argument('--index', action='store_true', help='only write the annotation file')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def pack(args: argparse.Namespace) -> int:
    """Pack, or write the index.

    Raises:
        ConfigError: An argument is wrong or nothing can be packed.
        OSError: The disk is full or not writable; finished tars are kept.
    """
    logger = MMLogger.get_instance('make_shards')
    try:
        source = Path(args.ann_file)
        photos = Path(args.photos) if args.photos else source.parent / 'images'
        if args.index:
            return _write_index(Path(args.out_dir), source.name, photos.name, logger)
        if not photos.is_dir():
            raise ConfigError(f'{photos}: no such folder; say where the photos are with --photos')
        out = Path(args.out_dir) / source.name
        steps = pack_shards(
            source,
            photos,
            out,
            tar_folder=photos.name,
            photos_per_shard=args.photos_per_shard,
        )
        for number, summary in enumerate(steps, 1):
            if number <= summary.shards:
                logger.info('tar %d of %d: %d photos', number, summary.shards, summary.photos)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    logger.info(
        '%s: %d photos, %d people in %d tars, of which %d were there',
        *(out, summary.photos, summary.people, summary.shards, summary.kept),
    )
    for line in summary.dropped[:SHOWN]:
        logger.warning('left out: %s', line)
    if summary.dropped:
        logger.warning('%d photo(s) are left out', len(summary.dropped))
    return PARTLY if summary.dropped else 0


def _write_index(out_dir: Path, name: str, tar_folder: str, logger: MMLogger) -> int:
    tars = sorted((out_dir / tar_folder).glob(f'{Path(name).stem}-*.tar'))
    columns, meta = index_shards(tars, relative_to=out_dir / tar_folder)
    logger.info('%s: %d people', out_dir / name, save_annotations(out_dir / name, columns, meta))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    codes: list[int] = []
    code = cli.run_tool(lambda args: codes.append(pack(args)), build_parser().parse_args(argv))
    return code or codes[0]


if __name__ == '__main__':
    sys.exit(main())
