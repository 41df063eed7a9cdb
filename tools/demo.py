"""The whole method in minutes on a CPU: data, three training stages, evaluation, a real photo.

Runs the commands that a user would type, one after another, and prints each before it runs it.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log

ROOT = Path(__file__).resolve().parents[1]
RUNS = Path('work_dirs')
STAGES = (1, 2, 3)


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


def run(title: str, command: Sequence[str | Path]) -> None:
    """Run one command of the demo; ends the demo if it fails."""
    words = [str(word) for word in command]
    print_log(f'\n== {title}\n$ python {shlex.join(words)}\n', logger=None)
    began = time.monotonic()
    code = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment()).returncode
    if code:
        print_log(f'demo: this command ended with exit code {code}', logger=None)
        sys.exit(code)
    print_log(f'-- {title}: {time.monotonic() - began:.0f} s', logger=None)


def environment() -> dict[str, str]:
    """All cores, with threads that sleep while they wait."""
    cores = str(os.cpu_count() or 1)
    return {**os.environ, 'OMP_WAIT_POLICY': 'PASSIVE', 'OMP_NUM_THREADS': cores}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    args = build_parser().parse_args(argv)
    began = time.monotonic()
    out = args.out.resolve()
    for stage in STAGES:
        name = f'demo_stage{stage}'
        shutil.rmtree(ROOT / RUNS / name, ignore_errors=True)
        run(
            f'Stage {stage} of 3: train',
            ['tools/train.py', f'configs/demo/{name}.py', '--work-dir', RUNS / name],
        )
    run(
        'Evaluate three ways to turn the body into the world',
        [
            'tools/analysis/compare_orientations.py',
            'configs/demo/demo_stage3.py',
            RUNS / 'demo_stage3',
            '--work-dir',
            RUNS / 'demo_test',
            '--summary',
            out / 'metrics.json',
        ],
    )
    run(
        'Recover the people of a real photo',
        [
            'tools/infer.py',
            *args.photo,
            '--out',
            out,
            '--config',
            'configs/demo/demo_stage3.py',
            '--checkpoint',
            RUNS / 'demo_stage3',
        ],
    )
    minutes = (time.monotonic() - began) / 60
    print_log(f'\nDone in {minutes:.1f} minutes. Look at the pictures in {out}:', logger=None)
    for picture in sorted(out.glob('*.png')):
        print_log(f'  {picture}', logger=None)
    return 0


if __name__ == '__main__':
    sys.exit(main())
