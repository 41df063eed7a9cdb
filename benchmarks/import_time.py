"""Seconds that `import whmr` and its sub-packages take in a fresh interpreter."""

import argparse
import statistics
import subprocess
import sys
import time

MODULES = ('whmr', 'whmr.geometry', 'whmr.body_models', 'whmr.models', 'whmr.datasets', 'whmr.apis')


def measure(module: str, repeats: int) -> float:
    """Median seconds from the start of the interpreter to the end of the import."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, '-c', f'import {module}'], check=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--repeats', type=int, default=3, help='fresh interpreters (default: 3)')
    args = parser.parse_args()
    print('| module | s |')
    print('|---|---|')
    for module in MODULES:
        print(f'| `{module}` | {measure(module, args.repeats):.2f} |')


if __name__ == '__main__':
    main()
