"""Batches from a loader's process."""

from multiprocessing.reduction import ForkingPickler

import torch
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader, Dataset

from whmr.datasets.collate import INLINE_BYTES, inline_collate
from whmr.engine.runner import HMRRunner
from whmr.structures import HMRDataSample


class People(Dataset):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict:
        draw = torch.Generator().manual_seed(index)
        sample = HMRDataSample(metainfo=dict(img_path=f'{index}.jpg', ori_shape=(4, 5)))
        sample.gt_instances = InstanceData(
            betas=torch.randn(1, 10, generator=draw),
            has_smpl=torch.tensor([index % 2 == 0]),
            turned=torch.arange(6.0).reshape(1, 2, 3).transpose(1, 2),
        )
        crop = torch.randint(0, 256, (3, 4, 5), generator=draw, dtype=torch.uint8)
        return {'inputs': {'crop': crop}, 'data_samples': sample}


def assert_same(found: dict, expected: dict) -> None:
    assert list(found) == list(expected) == ['inputs', 'data_samples']
    for one, other in zip(found['inputs']['crop'], expected['inputs']['crop'], strict=True):
        assert one.dtype == torch.uint8 and torch.equal(one, other)
    for one, other in zip(found['data_samples'], expected['data_samples'], strict=True):
        assert one.metainfo == other.metainfo
        for name in ('betas', 'has_smpl', 'turned'):
            assert torch.equal(one.gt_instances[name], other.gt_instances[name])
            assert one.gt_instances[name].dtype == other.gt_instances[name].dtype


def test_a_loader_gives_what_it_gave(tmp_path) -> None:
    people = People()
    config = dict(dataset=people, batch_size=3, sampler=dict(type='DefaultSampler', shuffle=False))
    packed = HMRRunner.build_dataloader(dict(config, num_workers=1))
    plain = HMRRunner.build_dataloader(dict(config, num_workers=0))
    mine = HMRRunner.build_dataloader(dict(config, num_workers=0, collate_fn=dict(type=list)))
    for batches in zip(packed, plain, strict=True):
        assert not batches[0]['inputs']['crop'][0].is_shared()
        assert_same(*batches)
    assert type(next(iter(mine))) is list


class Tensors(Dataset):
    """One sample with tensors of many kinds."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        return {
            'empty': torch.zeros(0, 3),
            'scalar': torch.tensor(2.5, dtype=torch.float64),
            'bfloat16': torch.tensor([1.5, 2.0], dtype=torch.bfloat16),
            'strided': torch.arange(6.0).reshape(2, 3).T,
            'large': torch.arange(INLINE_BYTES, dtype=torch.uint8),
        }


def test_any_tensor_survives_and_can_be_written_to() -> None:
    loader = DataLoader(Tensors(), collate_fn=inline_collate, num_workers=1)
    (found,) = loader
    for name, expected in Tensors()[0].items():
        (tensor,) = found[name]
        assert tensor.dtype == expected.dtype and torch.equal(tensor, expected), name
        tensor += 1
    assert not found['scalar'][0].is_shared()
    assert found['large'][0].is_shared()


def test_the_trainers_own_process_sends_as_before() -> None:
    before = dict(ForkingPickler._extra_reducers)
    loader = DataLoader(People(), batch_size=2, collate_fn=inline_collate)
    assert not next(iter(loader))['inputs']['crop'][0].is_shared()
    assert ForkingPickler._extra_reducers == before
