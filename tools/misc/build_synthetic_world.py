"""Make a synthetic world beforehand, in several processes and on several machines.

    python tools/misc/build_synthetic_world.py train 50000 --num-workers 16
    # on machine r of n that share the folder:
    python tools/misc/build_synthetic_world.py train 50000 --rank r --world-size n --num-workers 16

Interrupt it and start it again as you like: what is whole is kept, what is broken is made again.
`SyntheticWorld(split='train', num_images=50000, ...)` with the same settings then finds everything.
"""

import argparse
import sys
from collections.abc import Sequence

from mmengine.logging import MMLogger

from whmr.datasets.synthetic import SPLITS, SyntheticWorldSettings, generate_images
from whmr.engine import ConfigError, cli


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    defaults = SyntheticWorldSettings()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('split', choices=sorted(SPLITS))
    parser.add_argument('num_images', type=int, help='1 or more')
    parser.add_argument('--data-root', default='data/synthetic_world')
    parser.add_argument('--seed', type=int, default=defaults.seed)
    parser.add_argument(
        '--image-size', type=int, nargs=2, metavar=('W', 'H'), default=defaults.image_size
    )
    parser.add_argument('--max-people', type=int, default=defaults.max_people)
    parser.add_argument('--max-boxes', type=int, default=defaults.max_boxes)
    parser.add_argument('--num-workers', type=int, default=0, help='processes to start')
    parser.add_argument('--rank', type=int, default=0, help='number of this machine')
    parser.add_argument('--world-size', type=int, default=1, help='how many machines')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def build(args: argparse.Namespace) -> None:
    """Make what is missing.

    Raises:
        ConfigError: An argument is wrong.
        OSError: The disk is full or not writable; what is made is kept.
    """
    if args.num_images < 1:
        raise ConfigError(f'num_images={args.num_images}: must be 1 or more')
    logger = MMLogger.get_instance('build_synthetic_world')
    try:
        settings = SyntheticWorldSettings(
            split=args.split,
            seed=args.seed,
            image_size=tuple(args.image_size),
            max_people=args.max_people,
            max_boxes=args.max_boxes,
        )
        made = generate_images(
            settings,
            args.data_root,
            range(args.num_images),
            rank=args.rank,
            world_size=args.world_size,
            num_workers=args.num_workers,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
    logger.info('%d images made, the others were there', made)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(build, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
