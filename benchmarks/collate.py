"""What it costs to receive a batch from a process of the loader.

    OMP_NUM_THREADS=1 python benchmarks/collate.py

Compares MMEngine's `pseudo_collate` with `inline_collate`, which the runner uses: seconds per batch
of one loading process, and the trainer's own CPU time for receiving it.
"""

import argparse
import time

from mmengine.registry import DefaultScope

from whmr.engine.config import load_config
from whmr.engine.runner import HMRRunner

WAYS = {'pseudo_collate': dict(type='pseudo_collate'), 'inline_collate': None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/whmr/whmr_lite_stage1.py')
    parser.add_argument('--num-images', type=int, default=600, help='of SyntheticWorld')
    parser.add_argument('--batches', type=int, default=12)
    args = parser.parse_args()
    loader = dict(load_config(args.config).train_dataloader, num_workers=1)
    loader['dataset'] = dict(loader['dataset'], num_images=args.num_images)
    print('| way | s per batch | s to receive it |\n|---|---|---|')
    with DefaultScope.overwrite_default_scope('whmr'):
        for name, collate in WAYS.items():
            own = loader if collate is None else dict(loader, collate_fn=dict(collate))
            batches = iter(HMRRunner.build_dataloader(own, seed=0))
            next(batches)
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(args.batches):
                next(batches)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(f'| {name} | {wall / args.batches:.3f} | {cpu / args.batches:.3f} |')


if __name__ == '__main__':
    main()
