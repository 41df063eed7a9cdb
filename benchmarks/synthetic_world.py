"""How many images per second one core makes of the synthetic world, labels included.

    python benchmarks/synthetic_world.py [--num-images 100] [--image-size 512 384]

Compiling (numba, cached on disk after the first run) and loading the assets are timed apart. CPU
time is what the process used; on a busy machine it says more than the time on the clock.
"""

import argparse
import os
import platform
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np
import torch

from whmr.datasets.synthetic import SyntheticWorldGenerator, SyntheticWorldSettings


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--num-images', type=int, default=100)
    parser.add_argument('--image-size', type=int, nargs=2, default=(512, 384))
    parser.add_argument('--supersample', type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    start = time.perf_counter()
    generator = SyntheticWorldGenerator(
        SyntheticWorldSettings(image_size=tuple(args.image_size), supersample=args.supersample)
    )
    loaded = time.perf_counter()
    generator(0)
    compiled = time.perf_counter()
    print(f'{platform.processor() or platform.machine()}, one thread')
    print(f'load {loaded - start:.1f} s, first image (compiles) {compiled - loaded:.1f} s')

    cpu, people, size = [], 0, 0
    begin = time.perf_counter()
    for index in range(args.num_images):
        before = time.process_time()
        image = generator(index)
        cpu.append(time.process_time() - before)
        people += len(image.columns['bbox'])
        size += len(image.jpeg)
    wall = time.perf_counter() - begin
    number = args.num_images
    print(f'{number} images, {people} labelled people, {size / number / 1e3:.0f} kB per image')
    print(f'CPU time: {np.mean(cpu) * 1e3:.1f} ms per image (median {np.median(cpu) * 1e3:.1f}),')
    print(f'  {1 / np.mean(cpu):.1f} images per second and core')
    print(f'on the clock: {number / wall:.1f} images per second')


if __name__ == '__main__':
    main()
