"""fill_unlabelled and labelled_mean."""

import math

import pytest
import torch

from whmr.models.losses import fill_unlabelled, labelled_mean


def test_fill_by_row_and_by_entry():
    pred = torch.arange(8.0).view(2, 2, 2).requires_grad_()
    target = torch.full((2, 2, 2), math.nan)
    target[0] = -1
    filled = fill_unlabelled(target, pred, torch.tensor([True, False]))
    assert torch.equal(filled[0], target[0]) and torch.equal(filled[1], pred[1])
    assert not filled.requires_grad
    mask = torch.tensor([[True, False], [False, False]])
    filled = fill_unlabelled(target, pred, mask)
    assert torch.equal(filled[0, 0], target[0, 0]) and torch.equal(filled[0, 1], pred[0, 1])


@pytest.mark.parametrize('dtype', [torch.bool, torch.uint8, torch.float32])
def test_mean_of_the_labelled_rows(dtype):
    error = torch.tensor([[1.0, 3.0], [100.0, 100.0], [5.0, 7.0]])
    has = torch.tensor([1, 0, 1]).to(dtype)
    assert labelled_mean(error, has) == 4
    assert labelled_mean(error[:, 0], has) == 3
    assert labelled_mean(error, torch.zeros_like(has)) == 0


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r'prediction \(2, 3\) and target \(1, 3\)'):
        fill_unlabelled(torch.zeros(1, 3), torch.zeros(2, 3), torch.ones(1))
    with pytest.raises(ValueError, match=r'mask \(3,\) does not fit the target \(2, 3\)'):
        fill_unlabelled(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(3))
