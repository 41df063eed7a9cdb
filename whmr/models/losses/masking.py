"""Missing labels: they give no value, no gradient and no NaN."""

import torch
from torch import Tensor


def fill_unlabelled(target: Tensor, pred: Tensor, has: Tensor) -> Tensor:
    """The target where there is one, else the detached prediction.

    The error of an unlabelled entry and its gradient are then zero. Whatever a missing label holds,
    NaN included, is dropped before it meets the prediction.

    Args:
        target: Labels.
        pred: Predictions.
        has: True where the label is there; its axes are the first axes of `target`.

    Raises:
        ValueError: `target` and `pred` differ in shape, or `has` does not fit.

    Shapes: B batch.
        target, pred: (B, ...).  has: (B,) or (B, ...) bool.  returns: (B, ...).
    """
    if target.shape != pred.shape:
        raise ValueError(
            f'loss: prediction {tuple(pred.shape)} and target {tuple(target.shape)} differ in shape'
        )
    if has.shape != target.shape[: has.ndim]:
        raise ValueError(
            f'loss: mask {tuple(has.shape)} does not fit the target {tuple(target.shape)}'
        )
    mask = has.bool().reshape(has.shape + (1,) * (target.ndim - has.ndim))
    return torch.where(mask, target, pred.detach())


def labelled_mean(error: Tensor, has: Tensor) -> Tensor:
    """Mean of the rows that are labelled; a zero that stays connected to the graph when none is.

    Args:
        error: Errors, finite and zero in the rows without label.
        has: True for the rows that count.

    Shapes: B batch.
        error: (B, ...).  has: (B,) bool.  returns: ().
    """
    rows = error.flatten(1).mean(dim=1) if error.ndim > 1 else error
    # No row is picked by index, so the device need not be asked how many there are.
    return torch.where(has.bool(), rows, 0.0).sum() / has.sum().clamp(min=1)
