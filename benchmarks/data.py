"""Samples per second and core of the data pipeline, where the time goes, and memory per worker.

    python benchmarks/data.py
    python benchmarks/data.py --skip-memory --seconds 3
    python benchmarks/data.py --skip-speed

Speed: JPEG photos of 1920 x 1080, enlarged from `demo/images`, with exact labels, through the
training transforms in one process and one thread, four ways: `tiled` (as finely as the crop needs,
and of the tiles between restart markers only those that it needs), `lazy` (as finely as the crop
needs, down to its last row; photos have no restart markers), `whole` (all of it, as it is), and a
straightforward loader in the same data set (whole photo decoded, box cut out, turned and resized,
augmented in float). CPU time; the ways take turns, so that other work on the machine slows all.

Memory: of a worker that has read rows of a file with a thousand people, or with a million, with
columns mapped from disk and with columns in memory: RSS (every page it has touched), PSS (shared
pages divided by those who share them), and what it has for itself without the mapped labels.
"""

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from whmr.datasets import HMRDataset, save_annotations
from whmr.datasets.transforms.jpeg_window import restart_interval
from whmr.datasets.transforms.photo import EncodedPhoto
from whmr.geometry import crop_affine
from whmr.testing import tiny_columns

CROPS = ((224, 224), (256, 192))
SHAPE = (1080, 1920)
PHOTOS = Path(__file__).parents[1] / 'demo' / 'images'
LABELS = [dict(type='GetBox'), dict(type='RandomFlip'), dict(type='RandomRoll')]
LABELS += [dict(type='RandomBoxScale'), dict(type='RandomBoxShift')]
LOOK = [
    dict(type='RandomOcclusion'),
    dict(type='PhotometricJitter', channel_gain=(0.6, 1.4), blur_prob=0.1, jpeg_prob=0.1),
]
KINDS = ('tiled', 'lazy', 'whole', 'straightforward')
ROUNDS = 3
PARTS = {
    'LoadImage': 'decode',
    'CropPerson': 'warp',
    'RandomOcclusion': 'augmentation',
    'PhotometricJitter': 'augmentation',
    'PackHMRInputs': 'packing',
    'decode': 'decode',
}


class StraightforwardCrop:
    """The crop and its augmentation one after the other, in float, as a first version would be.

    Args:
        crop_shape: Height and width.
    """

    def __init__(self, crop_shape: tuple[int, int]) -> None:
        self.crop_shape = crop_shape

    def __call__(self, results: dict) -> dict:
        """Cut, turn, resize, mirror, then change colours."""
        rng, side = np.random.default_rng(), max(self.crop_shape)
        affine = results.get('full2aug', np.eye(3))
        center = np.linalg.solve(affine, [*results['bbox_center'], 1.0])[:2]
        half = round(results['bbox_size'] / 2)
        x, y = (round(value) - half for value in center)
        box = results['img'][max(y, 0) : max(y + 2 * half, 0), max(x, 0) : max(x + 2 * half, 0)]
        crop = np.zeros((2 * half, 2 * half, 3), np.float32)
        top, start = max(-y, 0), max(-x, 0)
        crop[top : top + box.shape[0], start : start + box.shape[1]] = box
        mirrored = np.linalg.det(affine[:2, :2]) < 0
        angle = np.degrees(np.arctan2(affine[1, 0], affine[1, 1]))
        if abs(angle) > 0.1:
            turn = cv2.getRotationMatrix2D((half, half), -angle, 1.0)
            crop = cv2.warpAffine(crop, turn, crop.shape[1::-1])
        crop = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        left = (side - self.crop_shape[1]) // 2
        crop = crop[:, left : left + self.crop_shape[1]]
        crop = crop[:, ::-1] if mirrored else crop
        if rng.random() < 0.5:
            top, start = rng.integers(0, side // 2, 2)
            crop[top : top + side // 4, start : start + side // 4] = rng.uniform(0, 255, 3)
        if rng.random() < 0.8:
            crop = crop * rng.uniform(0.8, 1.2)
            crop = (crop - crop.mean()) * rng.uniform(0.8, 1.2) + crop.mean()
            hsv = cv2.cvtColor((crop / 255).clip(0, 1).astype(np.float32), cv2.COLOR_BGR2HSV)
            hsv[..., 0] = (hsv[..., 0] + rng.uniform(-10, 10)) % 360
            hsv[..., 1] = (hsv[..., 1] * rng.uniform(0.8, 1.2)).clip(0, 1)
            crop = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR) * 255
        crop = np.clip(crop * rng.uniform(0.6, 1.4, 3), 0, 255)
        crop2full = crop_affine(results['bbox_center'], results['bbox_size'], self.crop_shape)
        results.update(crop=crop.astype(np.uint8), crop2full=crop2full, crop_shape=self.crop_shape)
        return results


def pipeline(crop: tuple[int, int], kind: str) -> list:
    """The transforms of one way."""
    load = dict(type='LoadImage', lazy_decode=kind in ('tiled', 'lazy'))
    views = [dict(type='CropPerson', crop_shape=crop), *LOOK]
    views = [StraightforwardCrop(crop)] if kind == 'straightforward' else views
    return [load, *LABELS, *views, dict(type='PackHMRInputs')]


def write_photos(folder: Path, num: int) -> None:
    """Grainy photos, with restart markers and without, and their annotation file."""
    columns, meta = tiny_columns(num, ori_shape=SHAPE)
    columns['img_path'] = np.array([f'{index}.jpg' for index in range(num)])
    sources, rng = sorted(PHOTOS.glob('*.jpg')), np.random.default_rng(0)
    restarts = {'tiled': restart_interval(SHAPE[1]), 'plain': 0}
    sizes = dict.fromkeys(restarts, 0.0)
    for name in restarts:
        (folder / name).mkdir()
    for index in range(num):
        photo = cv2.resize(cv2.imread(str(sources[index % len(sources)])), SHAPE[::-1])
        photo = np.clip(photo + rng.normal(0, 3, photo.shape), 0, 255).astype(np.uint8)
        for name, restart in restarts.items():
            path = folder / name / f'{index}.jpg'
            settings = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
            cv2.imwrite(str(path), photo, settings)
            sizes[name] += path.stat().st_size / num / 1e3
    save_annotations(folder / 'ann.npz', columns, meta)
    heights = (columns['bbox'][:, 3] - columns['bbox'][:, 1]) / SHAPE[0]
    print(
        f'{num} photos of 1920 x 1080, {sizes["plain"]:.0f} kB each ({sizes["tiled"]:.0f} kB with '
        f'restart markers), people {heights.min():.2f} to {heights.max():.2f} of their height'
    )


def rate(dataset: HMRDataset, seconds: float) -> float:
    """Samples per second of CPU time."""
    for index in range(3):
        dataset[index]
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        dataset[count % len(dataset)]
        count += 1
    return count / (time.process_time() - start)


def shares(dataset: HMRDataset, seconds: float) -> dict[str, float]:
    """Milliseconds of each part of a sample."""
    spent: dict[str, float] = defaultdict(float)

    def timed(name: str, call: Callable) -> Callable:
        def run(*args: Any) -> Any:
            before, inner = time.process_time(), spent['decode']
            try:
                return call(*args)
            finally:
                used = time.process_time() - before
                part = PARTS.get(name, 'labels')
                # What was decoded within this step is counted as such already.
                spent[part] += used - (spent['decode'] - inner)

        return run

    decode, EncodedPhoto._decoded = EncodedPhoto._decoded, timed('decode', EncodedPhoto._decoded)
    steps = dataset.pipeline.transforms
    dataset.pipeline.transforms = [timed(type(step).__name__, step) for step in steps]
    dataset.get_data_info = timed('row', dataset.get_data_info)
    try:
        rate(dataset, 0.2)
        spent.clear()
        count = 0
        while sum(spent.values()) < seconds:
            dataset[count % len(dataset)]
            count += 1
        return {name: 1e3 * value / count for name, value in spent.items()}
    finally:
        EncodedPhoto._decoded = decode
        dataset.pipeline.transforms = steps
        del dataset.get_data_info


def bound(folder: Path, seconds: float) -> float:
    """Milliseconds of reading every coded bit of a photo and making hardly any pixels of them."""
    codes = [np.fromfile(path, np.uint8) for path in sorted(folder.glob('*.jpg'))]
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        cv2.imdecode(codes[count % len(codes)], cv2.IMREAD_REDUCED_COLOR_8)
        count += 1
    return 1e3 * (time.process_time() - start) / count


def speed(seconds: float, num: int) -> None:
    """Print both tables of speed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photos(folder, num)

        def data(crop: tuple[int, int], kind: str) -> HMRDataset:
            photos = folder / ('tiled' if kind == 'tiled' else 'plain')
            return HMRDataset(
                folder / 'ann.npz', data_prefix={'img': str(photos)}, pipeline=pipeline(crop, kind)
            )

        print(f'| samples/s | {" | ".join(KINDS)} | tiled / straight. | lazy / straight. |')
        print('|---|---|---|---|---|---|---|')
        for crop in CROPS:
            sets = [data(crop, kind) for kind in KINDS]
            rounds = [[rate(dataset, seconds) for dataset in sets] for _ in range(ROUNDS)]
            rates = np.median(rounds, 0)
            cells = [f'{value:.0f}' for value in rates]
            cells += [f'{value / rates[-1]:.1f}' for value in rates[:2]]
            print(f'| {crop[0]}x{crop[1]} | {" | ".join(cells)} |', flush=True)
        parts = ('decode', 'warp', 'augmentation', 'labels', 'packing')
        print(f'| ms per sample | {" | ".join(parts)} |')
        print('|---|---|---|---|---|---|')
        for crop in CROPS:
            for kind in KINDS[:-1]:
                spent = shares(data(crop, kind), seconds)
                total = sum(spent.values())
                cells = [f'{spent[p]:.1f} ({100 * spent[p] / total:.0f} %)' for p in parts]
                print(f'| {crop[0]}x{crop[1]} {kind} | {" | ".join(cells)} |', flush=True)
        least = bound(folder / 'plain', seconds)
        print(f'{least:.1f} ms to read every bit of a photo without markers (decoded at 1/8)')


class Rows(torch.utils.data.Dataset):
    """Rows of a data set without their photos; each item is the memory of this process.

    Args:
        dataset: The data set.
    """

    def __init__(self, dataset: HMRDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> np.ndarray:
        self.dataset.get_data_info(index)
        return own_memory() if index == 0 else np.zeros(3)


def own_memory() -> np.ndarray:
    """Bytes of this process: RSS, PSS, and its own without the mapped labels (Linux).

    Pages of mapped labels are the kernel's, one copy for all processes, and given back when memory
    is short; the kernel calls a page private as long as only one process has looked at it.

    Shapes: returns: (3,).
    """
    found, is_counted = np.zeros(3), True
    for line in Path('/proc/self/smaps').read_text(encoding='utf-8').splitlines():
        name, *values = line.split()
        if name == 'Rss:':
            found[0] += 1024 * int(values[0])
        elif name == 'Pss:':
            found[1] += 1024 * int(values[0])
        elif name.startswith('Private_'):
            found[2] += is_counted * 1024 * int(values[0])
        elif '-' in name:  # the first line of a mapping, which ends in its file
            is_counted = not line.endswith('.npy')
    return found


def write_rows(path: Path, num: int) -> None:
    """An annotation file of many people, written without packing it."""
    columns, meta = tiny_columns(1000)
    names = ('ori_shape', 'bbox', 'global_orient', 'body_pose', 'betas')
    columns = {k: np.concatenate([columns[k]] * (num // 1000)) for k in names}
    columns['img_path'] = np.array([f'{n % 9}/{n:07d}.jpg' for n in range(num)])
    np.savez(path, format_version=1, meta=np.array(json.dumps(meta)), **columns)


def memory(many: int) -> None:
    """Print the table of memory."""
    with tempfile.TemporaryDirectory() as name:
        columns = 'people | columns | first start, s | next start, s | fork: RSS / PSS / own, MB'
        print(f'| {columns} | spawn |')
        print('|---|---|---|---|---|---|')
        for num in (1000, many):
            path = Path(name) / f'{num}.npz'
            write_rows(path, num)
            ways = {'mapped': 0, 'in memory': None} if num == many else {'mapped': 0}
            for columns, above in ways.items():
                starts = []
                for _ in range(2 if above == 0 else 1):
                    begin = time.perf_counter()
                    dataset = HMRDataset(path, map_above=above)
                    starts.append(f'{time.perf_counter() - begin:.1f}')
                rng = np.random.default_rng(0)
                order = [*rng.integers(1, num, 6000), 0]  # measured at the end
                found = []
                for method in ('fork', 'spawn'):
                    loader = DataLoader(
                        Rows(dataset),
                        batch_size=100,
                        sampler=order,
                        num_workers=1,
                        multiprocessing_context=method,
                    )
                    found.append(max((batch.amax(0) for batch in loader), key=torch.sum))
                cells = [starts[0], starts[-1] if above == 0 else starts[0]]
                cells += [' / '.join(f'{value / 1e6:.0f}' for value in row) for row in found]
                print(f'| {num} | {columns} | {" | ".join(cells)} |', flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--seconds', type=float, default=1.5, help='CPU seconds for each figure')
    parser.add_argument('--photos', type=int, default=12, help='how many')
    parser.add_argument('--people', type=int, default=1_000_000, help='of the large file')
    parser.add_argument('--skip-memory', action='store_true')
    parser.add_argument('--skip-speed', action='store_true')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if not args.skip_speed:
        speed(args.seconds, args.photos)
    if not args.skip_memory:
        memory(args.people)


if __name__ == '__main__':
    main()
