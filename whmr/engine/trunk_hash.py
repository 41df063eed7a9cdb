"""What tells one frozen trunk from another."""

import hashlib

import torch
from torch import nn

NOT_THE_TRUNK = 'orientation.'


def trunk_hash(model: nn.Module) -> str:
    """A hash of every weight of a `WorldHMR` but those of its orientation module."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if not name.startswith(NOT_THE_TRUNK):
            digest.update(f'{name} {tuple(value.shape)} {value.dtype}'.encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
