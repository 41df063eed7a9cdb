"""Reading data samples as MMEngine's evaluator hands them to a metric (nested dicts)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

Sample = Mapping[str, Any]


def as_sample(data_sample: BaseDataElement | Mapping[str, Any]) -> Sample:
    """A data sample as nested dicts.

    MMEngine's evaluator calls `to_dict()` on every sample, which turns the instance data inside
    into dicts as well; a sample that did not pass through it is brought to the same form.

    Args:
        data_sample: A data sample or its `to_dict()`.
    """
    sample = data_sample.to_dict() if isinstance(data_sample, BaseDataElement) else data_sample
    return {
        key: value.to_dict() if isinstance(value, BaseDataElement) else value
        for key, value in sample.items()
    }


def describe(sample: Sample) -> str:
    """How messages name a sample."""
    return f'sample {sample.get("sample_idx", "?")} (img_id {sample.get("img_id", "?")})'


def find(sample: Sample, container: str, field: str) -> Tensor | None:
    """A field on the CPU, or None if the container or the field is absent.

    Args:
        sample: The data sample.
        container: Such as `gt_instances`.
        field: Such as `vertices`.
    """
    value = (sample.get(container) or {}).get(field)
    return None if value is None else torch.as_tensor(value).detach().cpu()


def has_label(sample: Sample, container: str, flag: str) -> bool:
    """Whether a `has_*` flag is there and set.

    Args:
        sample: The data sample.
        container: `gt_instances` or `gt_camera`.
        flag: Such as `has_smpl`.
    """
    value = find(sample, container, flag)
    return value is not None and bool(value.all())


def stack(samples: Sequence[Sample], container: str, field: str, hint: str) -> Tensor:
    """One field of several samples, put together along the first axis (which is 1 in each).

    Args:
        samples: The data samples, at least one.
        container: Such as `pred_instances`.
        field: Such as `vertices`.
        hint: What to do when the field is missing.

    Shapes: N samples.
        returns: (N, ...) float, on the CPU.

    Raises:
        ValueError: A sample lacks the field, or holds more or less than one person, or a label is
            not finite.
    """
    values = []
    for sample in samples:
        value = find(sample, container, field)
        name = f'{container}.{field} of {describe(sample)}'
        if value is None:
            raise ValueError(f'{name} is missing: {hint}')
        if value.dim() == 0 or value.shape[0] != 1:
            raise ValueError(f'{name}: one person per sample, got shape {tuple(value.shape)}')
        if container.startswith('gt_') and not value.isfinite().all():
            raise ValueError(f'{name} is not finite: correct the annotation')
        values.append(value.float())
    return torch.cat(values)
