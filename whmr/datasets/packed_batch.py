"""Batches that cross from a loader's process to the trainer's in one piece."""

import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor
from torch.utils.data import get_worker_info
from torch.utils.data._utils.pin_memory import pin_memory


def packed_collate(samples: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """MMEngine's `pseudo_collate`, sent as one block of memory from a process of the loader.

    A batch of labelled people is hundreds of small tensors, and PyTorch sends each through shared
    memory of its own, which costs more time than loading the photos. In the trainer's own process
    (`num_workers=0`) nothing is packed.

    Shapes: returns: a mapping with the keys of the samples and a list of each one's values.
    """
    batch = pseudo_collate(samples)
    return batch if get_worker_info() is None else PackedBatch(batch)


class PackedBatch(Mapping):
    """A batch that is serialised at once, and read when somebody first asks for a part of it.

    Args:
        batch: Anything that pickle takes; its tensors may be of any type and shape, on the CPU.
    """

    def __init__(self, batch: Mapping[str, Any]) -> None:
        buffer = io.BytesIO()
        _TensorPickler(buffer, protocol=5).dump(dict(batch))
        self._block: Tensor | None = torch.frombuffer(buffer.getbuffer(), dtype=torch.uint8)
        self._batch: dict[str, Any] = {}

    def _content(self) -> dict[str, Any]:
        if self._block is not None:
            # Written by this program's own loader process a moment ago.
            self._batch = pickle.loads(memoryview(self._block.numpy()))
            self._block = None
        return self._batch

    def __getitem__(self, key: str) -> Any:
        return self._content()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content())

    def __len__(self) -> int:
        return len(self._content())

    def pin_memory(self) -> dict[str, Any]:
        """The batch itself, its tensors where the GPU copies them from fastest."""
        return pin_memory(self._content())


class _TensorPickler(pickle.Pickler):
    """Tensors as numpy arrays: PyTorch's own way writes a small archive for each."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is Tensor and value.device.type == 'cpu' and not value.requires_grad:
            if value.dtype == torch.bfloat16:
                return NotImplemented  # numpy has no such type
            array = value.contiguous().numpy()
            return _tensor, (array,)
        return NotImplemented


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array)
