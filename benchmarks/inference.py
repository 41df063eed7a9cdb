"""Images per second from photo to people, by part, for 1, 4 and 16 people on a 1080p photo.

    python benchmarks/inference.py
    python benchmarks/inference.py --runtimes pytorch --amp auto --clock wall --device cuda

`read` decodes the JPEG, `detect` is the bundled person detector, `crop` cuts people and the whole
photo to the model's sizes, `records` makes results of predictions, `pictures` draws the three
views, `npz` packs the result file. Images per second are those of all parts up to `records`. Boxes
are given, so that there are as many people as are asked for; the detector runs all the same. CPU
time is the default: other work on the machine spoils it less. Take wall-clock figures from a quiet
machine.

`pytorch` is the inferencer; its `model` includes the camera calibrator and the orientation in the
world. `onnxruntime` is `whmr.deploy.OnnxHMR` on an export made here, always in float32 on the CPU;
`camera`, `model` and `orient` are its files, `crop` is all else that it does, records included.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import cv2
import numpy as np
import torch

from whmr.apis import HMRInferencer, ImageSource, OnnxPersonDetector, Photo
from whmr.deploy import OnnxHMR
from whmr.exporting import export_onnx

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py'
CHECKPOINT = ROOT / 'checkpoints' / 'whmr_lite.safetensors'
PHOTO = ROOT / 'demo' / 'images' / 'park_walk.jpg'
WIDTH, HEIGHT = 1920, 1080
CLOCKS = {'cpu': time.process_time, 'wall': time.perf_counter}
FILES = ('camera', 'model', 'orient')  # of an exported model
PARTS = ('read', 'detect', 'crop', *FILES, 'records', 'pictures', 'npz')
COUNTED = PARTS[: PARTS.index('records') + 1]

Times = dict[str, float]  # part -> ms of one photo


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--people', type=int, nargs='+', default=[1, 4, 16])
    parser.add_argument('--runtimes', nargs='+', choices=tuple(RUNTIMES), default=list(RUNTIMES))
    parser.add_argument('--config', default=str(CONFIG))
    parser.add_argument('--checkpoint', default=str(CHECKPOINT))
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--amp', choices=('auto', 'bfloat16', 'float16'))
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--clock', choices=tuple(CLOCKS), default='cpu')
    return parser.parse_args()


def make_photo(folder: Path) -> Path:
    """A photograph of 1920 x 1080 px as a JPEG file."""
    path = folder / 'photo.jpg'
    image = cv2.resize(cv2.imread(str(PHOTO)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def make_boxes(count: int) -> np.ndarray:
    """Boxes of standing people side by side, in two rows if there are many: (N, 4) xyxy px."""
    columns = min(count, 8)
    rows = -(-count // columns)
    place = np.arange(count)
    side = np.array([WIDTH / columns, HEIGHT / rows])
    start = np.stack([place % columns, place // columns], axis=1) * side
    size = np.array([min(side[0], side[1] / 2), side[1]]) * 0.9
    return np.concatenate([start, start + size], axis=1)


class Stopwatch:
    """Adds up what the parts of one pass take."""

    def __init__(self, clock: Callable[[], float], device: str) -> None:
        self.clock, self.device = clock, torch.device(device)
        self.times: Times = {}

    def time(self, part: str, work: Callable[[], object]) -> object:
        """Do the work of a part and remember how long it took."""
        began = self.clock()
        done = work()
        if self.device.type != 'cpu':
            torch.accelerator.synchronize(self.device)
        self.times[part] = 1000 * (self.clock() - began)
        return done


def measure(step: Callable[[Stopwatch], None], args: argparse.Namespace) -> Times:
    """Medians over the repeats; the first pass, which compiles and fills caches, does not count."""
    passes = []
    for _ in range(args.repeats + 1):
        clock = Stopwatch(CLOCKS[args.clock], args.device)
        step(clock)
        passes.append(clock.times)
    return {part: statistics.median(each[part] for each in passes[1:]) for part in passes[0]}


def time_pytorch(path: Path, boxes: np.ndarray, args: argparse.Namespace) -> Times:
    """The inferencer, step by step."""
    run = HMRInferencer(
        args.config,
        args.checkpoint,
        device=args.device,
        detector=None,
        batch_size=len(boxes),
        amp=args.amp,
        compile=args.compile,
    )
    detector = OnnxPersonDetector(num_threads=1)

    def step(clock: Stopwatch) -> None:
        image = clock.time('read', lambda: next(iter(ImageSource(path))).image)
        clock.time('detect', lambda: detector.detect(image))
        photos: list[Photo] = clock.time('crop', lambda: next(run.preprocess(image, boxes=boxes)))
        predicted = clock.time('model', lambda: run.forward(photos))
        (result,) = clock.time('records', lambda: run.postprocess(photos, predicted))
        clock.time('pictures', lambda: run.visualize(photos[0], result))
        clock.time('npz', result.to_bytes)

    return measure(step, args)


class TimedOnnxHMR(OnnxHMR):
    """Tells a stopwatch how long each file of the model runs."""

    clock: Stopwatch

    def _run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        run = super()._run
        return self.clock.time(name, lambda: run(name, inputs))


def time_onnxruntime(path: Path, boxes: np.ndarray, args: argparse.Namespace) -> Times:
    """The exported model, as programs without PyTorch run it."""
    folder = path.with_name('onnx')
    if not folder.exists():
        list(export_onnx(args.config, args.checkpoint, folder, timing=False))
    run = TimedOnnxHMR(folder, batch_size=len(boxes), num_threads=torch.get_num_threads())
    detector = OnnxPersonDetector(num_threads=1)

    def step(clock: Stopwatch) -> None:
        run.clock = clock
        image = clock.time('read', lambda: next(iter(ImageSource(path))).image)
        clock.time('detect', lambda: detector.detect(image))
        result = clock.time('crop', lambda: run(image, boxes))
        clock.times['crop'] -= sum(clock.times.get(name, 0) for name in FILES)
        clock.time('npz', lambda: np.savez_compressed(io.BytesIO(), **result))

    return measure(step, args)


# Another runtime is another function of the photo, its boxes and the arguments.
RUNTIMES: Mapping[str, Callable[[Path, np.ndarray, argparse.Namespace], Times]] = {
    'pytorch': time_pytorch,
    'onnxruntime': time_onnxruntime,
}


def main() -> None:
    """Print one row per runtime and number of people."""
    args = parse_args()
    print(f'ms per 1080p photo, {args.clock} time, {torch.get_num_threads()} thread(s)')
    print(f'| runtime | people | {" | ".join(PARTS)} | images/s |')
    print('|---|---' + '|---' * len(PARTS) + '|---|')
    with tempfile.TemporaryDirectory() as folder:
        path = make_photo(Path(folder))
        for runtime in args.runtimes:
            for count in args.people:
                times = RUNTIMES[runtime](path, make_boxes(count), args)
                cells = [f'{times[part]:.1f}' if part in times else '' for part in PARTS]
                rate = 1000 / sum(times.get(part, 0) for part in COUNTED)
                print(f'| {runtime} | {count} | {" | ".join(cells)} | {rate:.1f} |', flush=True)


if __name__ == '__main__':
    main()
