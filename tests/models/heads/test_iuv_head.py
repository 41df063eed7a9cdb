"""IUVHead."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from whmr.models import IUVHead, IUVLoss, IUVOutput


def test_four_convolutions():
    head, feat = IUVHead(6), torch.randn(2, 6, 4, 3)
    out = head(feat)
    assert isinstance(out, IUVOutput)
    assert [x.shape[1] for x in out] == [25, 25, 25, 15]
    convs = (head.predict_u, head.predict_v, head.predict_index, head.predict_annotation)
    for got, conv in zip(out, convs):
        torch.testing.assert_close(got, F.conv2d(feat, conv.weight, conv.bias, padding=1))


def test_loss_is_that_of_its_component(map_targets):
    head = IUVHead(6, loss=dict(type='IUVLoss', weight_u=2.0, weight_index=0.5))
    out = head(torch.randn(3, 6, 4, 3))
    labels = (map_targets.iuv_index, map_targets.iuv_uv, map_targets.has_fields)
    losses = head.loss_by_feat(out, map_targets)
    assert losses == IUVLoss(weight_u=2.0, weight_index=0.5)(*out, *labels)
    assert set(losses) == {'loss_iuv_u', 'loss_iuv_v', 'loss_iuv_index', 'loss_iuv_annotation'}


def test_every_parameter_learns(assert_all_trained, map_targets):
    head = IUVHead(6)
    losses = head.loss_by_feat(head(torch.randn(3, 6, 4, 3)), map_targets)
    assert_all_trained(head, sum(losses.values()))


def test_other_parts_need_other_groups(map_targets):
    groups = ((0,), (1, 3), (2,))
    head = IUVHead(
        6, num_parts=4, num_annotations=3, loss=dict(type='IUVLoss', annotation_groups=groups)
    )
    targets = replace(map_targets, iuv_index=map_targets.iuv_index % 4)
    losses = head.loss_by_feat(head(torch.randn(3, 6, 4, 3)), targets)
    assert all(torch.isfinite(x) for x in losses.values())
    mismatched = IUVHead(6, num_parts=4, num_annotations=3)
    with pytest.raises(ValueError, match='IUVLoss: u must have shape'):
        mismatched.loss_by_feat(mismatched(torch.randn(3, 6, 4, 3)), targets)


def test_it_learns_a_tiny_set(map_targets):
    head = IUVHead(12)
    feat = torch.randn(3, 12, 4, 3)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        losses = head.loss_by_feat(head(feat), map_targets)
        sum(losses.values()).backward()
        optimiser.step()
    assert sum(losses.values()) < 0.05


def test_maps_of_another_resolution_are_refused(map_targets):
    head = IUVHead(6)
    with pytest.raises(
        ValueError, match=r'IUVHead: targets\.iuv_index must have shape \(3, 8, 6\)'
    ):
        head.loss_by_feat(head(torch.randn(3, 6, 8, 6)), map_targets)


@pytest.mark.parametrize('name', ['iuv_index', 'iuv_uv', 'has_fields'])
def test_missing_maps_are_refused(map_targets, name):
    head = IUVHead(6)
    with pytest.raises(ValueError, match='let the data preprocessor render them'):
        head.loss_by_feat(head(torch.randn(3, 6, 4, 3)), replace(map_targets, **{name: None}))


def test_wrong_channels_are_refused():
    with pytest.raises(ValueError, match='IUVHead: feat'):
        IUVHead(6)(torch.zeros(1, 5, 4, 3))
