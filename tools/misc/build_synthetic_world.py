"""Make a synthetic world beforehand, in several processes and on several machines.

    python tools/misc/build_synthetic_world.py train 50000 --num-workers 16
    # on machine r of n that share the folder:
    python tools/misc/build_synthetic_world.py train 50000 --rank r --world-size n --num-workers 16

Interrupt it and start it again as you like: what is whole is kept, what is broken is made again.
`SyntheticWorld(split='train', num_images=50000, ...)` with the same settings then finds everything.
"""

import argparse

from mmengine.logging import MMLogger

from whmr.datasets.synthetic import SPLITS, SyntheticWorldSettings, generate_images


def main() -> None:
    """Parse the command line and generate."""
    defaults = SyntheticWorldSettings()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('split', choices=sorted(SPLITS))
    parser.add_argument('num_images', type=int)
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
    args = parser.parse_args()
    logger = MMLogger.get_instance('build_synthetic_world')
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
    logger.info('%d images made, the others were there', made)


if __name__ == '__main__':
    main()
