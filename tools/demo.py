"""The whole method in minutes on a CPU: data, three training stages, evaluation, a real photo.

Runs the commands that a user would type, one after another, and prints each. What they say goes
to a file per command; the end of it is shown where a command fails.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = Path('work_dirs')
STAGES = (1, 2, 3)
INTERRUPTED = 130
BAR_WIDTH = 24
SHOWN_ON_FAILURE = 25  # last lines of the log
# How the commands say how far they are: MMEngine's progress bar, and its lines for iterations.
PROGRESS_BAR = re.compile(r'^\[[> ]*\] (\d+)/(\d+)')
ITERATION = re.compile(r'(?:Iter|Epoch)\((\w+)\)\s+\[\s*(\d+)/(\d+)\]')
MAKING_IMAGES = 'images'


@dataclass(frozen=True)
class Step:
    """One command; the demo repeats what it says from the last line on that `result` matches."""

    title: str
    command: Sequence[str | Path]
    log: str
    result: re.Pattern[str] | None = None


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('outputs/demo'),
        metavar='FOLDER',
        help='where pictures, meshes and metrics are written (default: outputs/demo)',
    )
    parser.add_argument(
        '--photo',
        nargs='+',
        default=['demo/images/park_walk.jpg'],
        metavar='FILE',
        help='real photos (default: demo/images/park_walk.jpg)',
    )
    return parser


def make_steps(out: Path, photos: Sequence[str]) -> Iterator[Step]:
    """The commands, in order."""
    for stage in STAGES:
        name = f'demo_stage{stage}'
        command = ['tools/train.py', f'configs/demo/{name}.py', '--work-dir', RUNS / name]
        yield Step(f'Stage {stage} of 3: train', command, f'train_stage{stage}.log')
    last = RUNS / f'demo_stage{STAGES[-1]}'
    config = f'configs/demo/demo_stage{STAGES[-1]}.py'
    command = ['tools/analysis/compare_orientations.py', config, last]
    command += ['--work-dir', RUNS / 'demo_test', '--summary', out / 'metrics.json']
    title = 'Evaluate three ways to turn the body into the world'
    yield Step(title, command, 'evaluate.log', re.compile(r'^\| orientation'))
    command = ['tools/infer.py', *photos, '--out', out, '--config', config, '--checkpoint', last]
    command += ['--overwrite']
    title = 'Recover the people of a real photo'
    yield Step(title, command, 'infer.log', re.compile(r'^\d+ people in '))


def run(step: Step, number: str, logs: Path) -> int:
    """Run one command, with a progress bar on a terminal; returns its exit code."""
    words = [str(word) for word in step.command]
    print(f'\n[{number}] {step.title}\n  $ python {shlex.join(words)}', flush=True)
    began = time.monotonic()
    path = logs / step.log
    tail: deque[str] = deque(maxlen=SHOWN_ON_FAILURE)
    shown: list[str] = []
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding='utf-8',
        errors='replace',
    )
    with process, path.open('w', encoding='utf-8') as log:
        for line in process.stdout:  # a carriage return ends a line, too
            progress = read_progress(line)
            if progress is not None:
                draw(progress, time.monotonic() - began)
            if PROGRESS_BAR.match(line):
                continue
            log.write(line)
            tail.append(line)
            if step.result is not None and step.result.match(line):
                shown = [line]
            elif shown:
                shown.append(line)
    clear()
    if process.returncode:
        print('  ... ' + '  '.join(tail).strip())
        print(f'demo: this command ended with exit code {process.returncode}; all of it: {path}')
    else:
        print(f'  done in {time.monotonic() - began:.0f} s, log: {path}', flush=True)
        print(''.join(shown), end='', flush=True)
    return process.returncode


def read_progress(line: str) -> tuple[str, int, int] | None:
    """What a line of output says of the progress: of what, how many, of how many."""
    bar = PROGRESS_BAR.match(line)
    if bar is not None:
        return MAKING_IMAGES, int(bar[1]), int(bar[2])
    iteration = ITERATION.search(line)
    return iteration and (iteration[1], int(iteration[2]), int(iteration[3]))


def draw(progress: tuple[str, int, int], seconds: float) -> None:
    """Draw the progress bar over the last one."""
    if not sys.stdout.isatty():
        return
    what, done, total = progress
    full = BAR_WIDTH * done // max(total, 1)
    bar = '#' * full + '-' * (BAR_WIDTH - full)
    sys.stdout.write(f'\r\033[K  {what:<6} [{bar}] {done}/{total}  {seconds:.0f} s')
    sys.stdout.flush()


def clear() -> None:
    """Remove the progress bar."""
    if sys.stdout.isatty():
        sys.stdout.write('\r\033[K')


def environment() -> dict[str, str]:
    """All cores, with threads that sleep while they wait."""
    cores = str(os.cpu_count() or 1)
    waiting = {'OMP_WAIT_POLICY': 'PASSIVE', 'OMP_NUM_THREADS': cores}
    return {**os.environ, **waiting, 'PYTHONUNBUFFERED': '1'}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    args = build_parser().parse_args(argv)
    began = time.monotonic()
    out = args.out.resolve()
    logs = out / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        shutil.rmtree(ROOT / RUNS / f'demo_stage{stage}', ignore_errors=True)
    steps = list(make_steps(out, args.photo))
    try:
        for number, step in enumerate(steps, start=1):
            code = run(step, f'{number}/{len(steps)}', logs)
            if code:
                return code
    except KeyboardInterrupt:
        clear()
        print(f'interrupted; what was said so far is in {logs}')
        return INTERRUPTED
    minutes = (time.monotonic() - began) / 60
    print(f'\nDone in {minutes:.1f} minutes. Look at the pictures in {out}:')
    for picture in sorted(out.glob('*.png')):
        print(f'  {picture}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
