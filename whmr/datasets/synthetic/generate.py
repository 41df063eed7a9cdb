"""Making the missing images of a synthetic world, in one or several processes and machines."""

import multiprocessing
import os
import queue
import sys
from collections.abc import Iterable, Iterator, Sequence

import cv2
import torch
from mmengine.logging import print_log
from mmengine.utils import ProgressBar

from whmr.datasets.synthetic.cache import SyntheticWorldCache
from whmr.datasets.synthetic.generator import SyntheticWorldGenerator
from whmr.datasets.synthetic.settings import SyntheticWorldSettings

SHOW_PROGRESS_FROM = 50  # images


def generate_images(
    settings: SyntheticWorldSettings,
    root: str | os.PathLike,
    indices: Iterable[int],
    *,
    rank: int = 0,
    world_size: int = 1,
    num_workers: int = 0,
) -> int:
    """Make those images that the cache lacks or holds in a broken state.

    The images do not depend on how the work is split. Run it again after an interruption: what is
    whole is kept.

    Args:
        settings: What the world is made with.
        root: Where the folders of all synthetic worlds lie.
        indices: Which images are wanted.
        rank: This process looks after every `world_size`-th of them, from the `rank`-th on.
        world_size: Over how many callers the work is split.
        num_workers: Processes to start; 0 works in this one.

    Returns:
        How many images were made.

    Raises:
        ValueError: `rank` or `num_workers` is outside its range.
        OSError: The disk is full or not writable.
        ImportError: numba is not installed.
        RuntimeError: A worker process died.

    Shapes: none.
    """
    if not 0 <= rank < world_size:
        raise ValueError(f'rank must lie in 0..{world_size - 1}, got {rank}')
    if num_workers < 0:
        raise ValueError(f'num_workers must not be negative, got {num_workers}')
    cache = SyntheticWorldCache(root, settings)
    missing = [index for index in list(indices)[rank::world_size] if not cache.is_whole(index)]
    if not missing:
        return 0
    cache.write_settings()
    cache.remove_stale_files()
    print_log(f'SyntheticWorld: making {len(missing)} images in {cache.folder}', 'current')
    shown = len(missing) >= SHOW_PROGRESS_FROM and rank == 0
    progress = ProgressBar(len(missing), file=sys.stderr) if shown else None
    workers = min(num_workers, len(missing))
    steps = _in_processes(cache, root, missing, workers) if workers else _here(cache, missing)
    for _ in steps:
        if progress is not None:
            progress.update()
    if progress is not None:
        sys.stderr.write('\n')
    return len(missing)


def _here(cache: SyntheticWorldCache, missing: Sequence[int]) -> Iterator[int]:
    generator = SyntheticWorldGenerator(cache.settings)
    for index in missing:
        cache.write(index, generator(index))
        yield index


def _in_processes(
    cache: SyntheticWorldCache, root: str | os.PathLike, missing: Sequence[int], workers: int
) -> Iterator[int]:
    # A forked child can hang on locks that threads of torch or numba held: start afresh.
    context = multiprocessing.get_context('spawn')
    done = context.Queue()
    processes = [
        context.Process(
            target=_work,
            args=(cache.settings, os.fspath(root), missing[worker::workers], done),
            daemon=True,
        )
        for worker in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        for _ in missing:
            result = _next_result(done, processes)
            if isinstance(result, BaseException):
                raise result
            yield result
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
                process.join()


def _next_result(done: multiprocessing.Queue, processes: Sequence) -> int | BaseException:
    while True:
        try:
            return done.get(timeout=2)
        except queue.Empty:
            codes = [process.exitcode for process in processes]
            if any(code for code in codes if code is not None) or None not in codes:
                raise RuntimeError(
                    f'SyntheticWorld: a worker process died (exit codes {codes}): too little '
                    'memory, or a script without `if __name__ == "__main__":`; start again with '
                    'fewer workers (0 needs no process): what is made is kept'
                ) from None


def _work(
    settings: SyntheticWorldSettings, root: str, indices: Sequence[int], done: multiprocessing.Queue
) -> None:
    """The main function of a worker process."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        for index in _here(SyntheticWorldCache(root, settings), indices):
            done.put(index)
    except BaseException as error:
        done.put(error if isinstance(error, Exception) else RuntimeError(repr(error)))
