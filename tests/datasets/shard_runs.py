"""What the processes of `test_shards.py` run, started by torchrun: `... SOURCE PACKED OUT`."""

import json
import sys
from pathlib import Path

from mmengine.dist import barrier, get_rank
from torch.utils.data import DataLoader

from whmr.datasets import MixtureDataset
from whmr.engine import ResumableSampler, init_cpu_distributed, shutdown_distributed
from whmr.engine.seeding import SeedPerSample
from whmr.testing import tiny_pipeline


class Named(SeedPerSample):
    """Index, name and some numbers of each sample."""

    def __getitem__(self, index: int) -> list:
        """What a sample can be told by."""
        sample = super().__getitem__(index)
        labels = sample['data_samples']
        pixels = int(sample['inputs']['crop'].long().sum())
        return [int(index), labels.img_id, pixels, labels.gt_instances.cam_t.flatten().tolist()]


def draw(root: str, *, epoch: int = 0, offset: int = 0) -> list:
    """This process's samples of an epoch of a mixture of two data sets."""
    parts = [
        dict(
            type='HMRDataset',
            ann_file='tiny.npz',
            data_root=root,
            data_prefix=dict(img='images'),
            indices=indices,
        )
        for indices in (4, -3)
    ]
    mixture = MixtureDataset(
        parts, [0.5, 0.5], pipeline=tiny_pipeline(train=True), length=12, seed=3
    )
    sampler = ResumableSampler(mixture, seed=3)
    sampler.seek(epoch, offset)
    loader = DataLoader(Named(mixture), 1, sampler=sampler, num_workers=2, collate_fn=list)
    return [sample for batch in loader for sample in batch]


def main() -> None:
    """All runs, one after the other."""
    source, packed, out = sys.argv[1:]
    init_cpu_distributed('pytorch')
    found = dict(files=draw(source), shards=draw(f'file://{packed}'))
    found['resumed'] = draw(f'file://{packed}', offset=3)
    found['next epoch'] = draw(f'file://{packed}', epoch=1)
    (Path(out) / f'rank{get_rank()}.json').write_text(json.dumps(found))
    barrier()
    shutdown_distributed()


if __name__ == '__main__':
    main()
