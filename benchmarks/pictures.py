"""Processor time of each picture, for one person and for crowds, on photos small and huge.

    python benchmarks/pictures.py

Prints the median of the repeats in milliseconds of processor time, which other work on the machine
hardly changes. `shading` is what the first picture of a photo pays once for all of them.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np

from whmr.body_models import FreeBody
from whmr.visualization import PICTURES, PosedPeople, draw_pictures


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--people', type=int, nargs='+', default=[1, 4, 16], help='in the photo')
    parser.add_argument('--side', type=int, nargs='+', default=[1280, 6000], help='W of the photo')
    parser.add_argument('--pictures', nargs='+', choices=PICTURES, default=list(PICTURES))
    parser.add_argument('--repeats', type=int, default=3)
    return parser.parse_args()


def crowd(number: int, side: int) -> PosedPeople:
    """Standing people, spread over a photo of 4:3 so that all are seen."""
    body, rng = FreeBody(), np.random.default_rng(0)
    mean = body.mean_params
    posed = body(
        betas=mean.betas[None],
        global_orient=mean.global_orient[None],
        body_pose=mean.body_pose[None],
    )
    vertices = np.repeat(posed.vertices.numpy(), number, axis=0)
    joints = np.repeat(body.joints49(posed.joints).numpy(), number, axis=0)
    depth = rng.uniform(1.0, 1.5, number) * (3 + 2 * np.sqrt(number))
    cam_t = np.stack([rng.uniform(-0.4, 0.4, number) * depth, np.zeros(number), depth], axis=1)
    focal = np.full(number, float(side))
    middle = np.array([side / 2, side * 3 / 8])
    pixels = vertices + cam_t[:, None]
    pixels = side * pixels[..., :2] / pixels[..., 2:] + middle
    return PosedPeople(
        vertices,
        body.faces.numpy(),
        cam_t,
        focal,
        vertices,
        joints[:, 8],
        np.eye(3),
        joints=joints,
        boxes=np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1),
    )


def cost(run: Callable[[], object], repeats: int) -> float:
    """Median processor time, ms."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    args = parse_args()
    columns = [(number, side) for side in args.side for number in args.people]
    print('| ms | ' + ' | '.join(f'{n} people, {side} px' for n, side in columns) + ' |')
    print('|---|' + '---:|' * len(columns))
    rows: dict[str, list[float]] = {name: [] for name in ('shading', *args.pictures)}
    for number, side in columns:
        people = crowd(number, side)
        photo = np.full((side * 3 // 4, side, 3), 127, np.uint8)
        draw_pictures(photo, people, args.pictures)  # compiles, and shades
        rows['shading'].append(cost(lambda p=people: replace(p).openness, args.repeats))
        for name in args.pictures:
            draw = lambda p=people, i=photo, n=name: draw_pictures(i, p, [n])  # noqa: E731
            rows[name].append(cost(draw, args.repeats))
    for name, values in rows.items():
        print(f'| {name} | ' + ' | '.join(f'{value:.0f}' for value in values) + ' |')


if __name__ == '__main__':
    main()
