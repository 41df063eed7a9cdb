"""Batches from a loader's process."""

import pickle

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader, Dataset

from whmr.datasets.packed_batch import PackedBatch, packed_collate
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
        assert isinstance(batches[0], PackedBatch)
        assert type(batches[1]) is dict
        assert_same(*batches)
    assert type(next(iter(mine))) is list


def test_what_was_read_can_be_written_to() -> None:
    batch = PackedBatch(pseudo_collate([People()[0]]))
    betas = batch['data_samples'][0].gt_instances.betas
    betas += 1
    assert batch['data_samples'][0].gt_instances.betas is betas
    assert len(batch) == 2


@pytest.mark.parametrize(
    'tensor',
    [
        torch.zeros(0, 3),
        torch.tensor(2.5, dtype=torch.float64),
        torch.tensor([1.5, 2.0], dtype=torch.bfloat16),
        torch.ones(2, requires_grad=True),
        torch.nn.Parameter(torch.ones(2)),
    ],
    ids=['empty', 'scalar', 'bfloat16', 'gradient', 'parameter'],
)
def test_any_tensor_survives(tensor: torch.Tensor) -> None:
    found = PackedBatch({'tensor': tensor})['tensor']
    assert type(found) is type(tensor) and found.requires_grad == tensor.requires_grad
    assert found.dtype == tensor.dtype and torch.equal(found, tensor)


def test_what_cannot_be_sent_is_an_error_in_the_loader() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        PackedBatch({'function': lambda: None})


def test_the_trainers_own_process_packs_nothing() -> None:
    loader = DataLoader(People(), batch_size=2, collate_fn=packed_collate)
    assert type(next(iter(loader))) is dict
