"""Batches that cross from a loader's process to the trainer's in one piece."""

from collections.abc import Mapping, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor
from torch.multiprocessing.reductions import reduce_tensor
from torch.utils.data import get_worker_info

INLINE_BYTES = 2**20  # larger tensors are cheaper to share than to copy


def inline_collate(samples: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """MMEngine's `pseudo_collate`, whose tensors a process of the loader sends inside the message.

    A batch of labelled people is hundreds of small tensors. PyTorch gives each a shared file of its
    own, which costs more time than loading the photos; from its first batch on, a process of the
    loader that runs this sends those of less than `INLINE_BYTES` as plain numbers instead. In the
    trainer's own process (`num_workers=0`) nothing is sent.

    Shapes: returns: a mapping with the keys of the samples and a list of each one's values.
    """
    if get_worker_info() is not None:
        ForkingPickler.register(Tensor, _reduce)
    return pseudo_collate(samples)


def _reduce(tensor: Tensor) -> tuple[Any, ...]:
    """How a tensor is sent."""
    plain = tensor.device.type == 'cpu' and tensor.layout == torch.strided
    plain = plain and not tensor.requires_grad and tensor.dtype != torch.bfloat16  # not in numpy
    if not plain or tensor.nbytes >= INLINE_BYTES:
        return reduce_tensor(tensor)
    return torch.from_numpy, (tensor.contiguous().numpy(),)
