"""Samples per second and core of the training pipeline.

    python benchmarks/data_loader.py --seconds 3

Writes JPEG photos of two sizes with exact labels to a temporary folder and runs the transforms of a
training config in one process, one thread.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import mmcv
import numpy as np
import torch

from whmr.datasets import HMRDataset, save_annotations
from whmr.testing import tiny_columns, tiny_photo

CROPS = ((192, 144), (256, 192), (224, 224))
PHOTOS = ((384, 512), (1080, 1920))


def pipeline(crop_shape: tuple[int, int], full_side: int | None, augment: bool) -> list[dict]:
    """A training pipeline."""
    motion = [dict(type=name) for name in ('RandomFlip', 'RandomRoll')]
    motion += [dict(type=name) for name in ('RandomBoxScale', 'RandomBoxShift')]
    look = [dict(type='PhotometricJitter', channel_gain=(0.6, 1.4), blur_prob=0.1, jpeg_prob=0.1)]
    look += [dict(type='RandomOcclusion')]
    return [
        dict(type='LoadImage'),
        dict(type='GetBox'),
        *(motion if augment else []),
        dict(type='CropPerson', crop_shape=crop_shape),
        *([] if full_side is None else [dict(type='ResizeFull', short_side=full_side)]),
        *(look if augment else []),
        dict(type='PackHMRInputs'),
    ]


def write_photos(folder: Path, shape: tuple[int, int], num: int) -> None:
    """JPEG photos with texture, and their annotation file."""
    columns, meta = tiny_columns(num, ori_shape=shape)
    columns['img_path'] = np.array([f'{index}.jpg' for index in range(num)])
    rng = np.random.default_rng(0)
    for index in range(num):
        noise = rng.normal(0, 12, (*shape, 3))
        photo = np.clip(tiny_photo(index, shape) + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f'{index}.jpg'), photo, [cv2.IMWRITE_JPEG_QUALITY, 90])
    save_annotations(folder / 'ann.npz', columns, meta)


def rate(dataset: HMRDataset, seconds: float) -> float:
    """Samples per second."""
    for index in range(3):
        dataset[index]
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        dataset[count % len(dataset)]
        count += 1
    return count / (time.process_time() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=3.0, help='CPU seconds for each figure')
    parser.add_argument('--photos', type=int, default=16, help='photos of each size')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print('| photo | crop | train | train + full 256 | test | decode only |')
    print('|---|---|---|---|---|---|')
    for shape in PHOTOS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_photos(folder, shape, args.photos)
            decode = rate(_decoder(folder), args.seconds)
            for crop in CROPS:
                figures = [
                    rate(
                        HMRDataset(folder / 'ann.npz', data_prefix={'img': name}, pipeline=steps),
                        args.seconds,
                    )
                    for steps in (
                        pipeline(crop, None, True),
                        pipeline(crop, 256, True),
                        pipeline(crop, None, False),
                    )
                ]
                cells = ' | '.join(f'{value:.0f}' for value in [*figures, decode])
                print(f'| {shape[1]}x{shape[0]} | {crop[0]}x{crop[1]} | {cells} |', flush=True)


def _decoder(folder: Path) -> list:
    """A stand-in data set that only decodes."""
    paths = sorted(folder.glob('*.jpg'))

    class Decode(list):
        def __getitem__(self, index: int) -> np.ndarray:
            return mmcv.imread(str(paths[index]))

    return Decode(paths)


if __name__ == '__main__':
    main()
