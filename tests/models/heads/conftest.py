"""Map targets for the auxiliary heads."""

from dataclasses import fields, replace

import pytest
import torch

from whmr.structures import HMRTargets


@pytest.fixture
def map_targets() -> HMRTargets:
    """Targets of three people whose only labels are maps of 4 x 3 pixels; the second has none."""
    empty = {f.name: torch.zeros(3) for f in fields(HMRTargets) if f.type is torch.Tensor}
    return replace(
        HMRTargets(**empty),
        iuv_index=torch.randint(25, (3, 4, 3)),
        iuv_uv=torch.rand(3, 2, 4, 3),
        depth=torch.rand(3, 1, 4, 3) * 3,
        has_fields=torch.tensor([True, False, True]),
    )
