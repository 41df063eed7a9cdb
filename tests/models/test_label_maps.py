"""Rendered label maps lie where the crop shows the body."""

import pytest
import torch

from whmr.body_models import FreeBody
from whmr.geometry import CROP_FOCAL_LENGTH, apply_affine, invert_affine
from whmr.keypoints import JOINT_SETS
from whmr.models import HMRDataPreprocessor
from whmr.models.label_maps import LabelMapRenderer
from whmr.testing import tiny_batch as make_batch

SHAPE = (256, 192)


BODY = FreeBody()


def tiny_batch(num: int, crop_shape: tuple[int, int] = (64, 48), **options) -> dict:
    """A batch whose labels are made with the one body of this file."""
    return make_batch(num, crop_shape, body=BODY, **options)


@pytest.fixture
def body() -> FreeBody:
    return BODY


def targets_of(body: FreeBody, batch: dict, **maps):
    out = HMRDataPreprocessor(body, render_maps=dict(dict(shape=SHAPE), **maps))(batch, True)
    return out['targets'], out['metas']


@pytest.mark.parametrize('train', [False, True])
def test_maps_are_registered_with_the_crop(body: FreeBody, train: bool) -> None:
    """The silhouette is exactly where the label camera projects the vertices."""
    batch = tiny_batch(3, SHAPE, train=train)
    targets, metas = targets_of(body, batch)
    assert targets.has_fields.all()
    for index, sample in enumerate(batch['data_samples']):
        placed = targets.vertices[index] + targets.cam_t[index]
        pixels = placed @ sample.gt_camera.intrinsics[0].T
        pixels = apply_affine(invert_affine(metas.crop2full[index]), pixels[:, :2] / pixels[:, 2:])
        rows, cols = torch.nonzero(targets.iuv_index[index], as_tuple=True)
        low = torch.stack([cols.min(), rows.min()]) + 0.5
        high = torch.stack([cols.max(), rows.max()]) + 0.5
        edge_low = pixels.amin(0).clamp(min=torch.tensor([0.0, 0.0]))
        edge_high = torch.minimum(pixels.amax(0), torch.tensor([192.0, 256.0]))
        assert ((low - edge_low) >= -1e-3).all()
        assert ((low - edge_low) <= 1.5).all()
        assert ((edge_high - high) >= -1e-3).all()
        assert ((edge_high - high) <= 1.5).all()


def test_a_smaller_map_spans_the_same_crop(body: FreeBody) -> None:
    large, _ = targets_of(body, tiny_batch(2, SHAPE))
    small, _ = targets_of(body, tiny_batch(2, SHAPE), shape=(64, 48))
    area = (large.iuv_index > 0).float().mean((1, 2))
    assert torch.allclose(area, (small.iuv_index > 0).float().mean((1, 2)), atol=0.01)
    pooled = torch.nn.functional.avg_pool2d((large.iuv_index > 0).float(), 4)
    assert ((pooled > 0.5) == (small.iuv_index > 0)).float().mean() > 0.99


def unlabel_camera(batch: dict) -> dict:
    for sample in batch['data_samples']:
        sample.gt_instances.has_cam_t = torch.tensor([False])
        sample.gt_camera.has_focal_length = torch.tensor([False])
    return batch


def test_without_a_camera_label_the_crop_camera_is_fitted(body: FreeBody) -> None:
    labelled, _ = targets_of(body, tiny_batch(3, SHAPE))
    fitted, _ = targets_of(body, unlabel_camera(tiny_batch(3, SHAPE)))
    assert fitted.has_fields.all()
    a, b = labelled.iuv_index > 0, fitted.iuv_index > 0
    overlap = (a & b).sum((1, 2)) / (a | b).sum((1, 2))
    assert (overlap > 0.8).all()  # another perspective of the same body
    both = a & b
    gap = (labelled.depth[:, 0] - fitted.depth[:, 0])[both].abs()
    assert gap.median() < 0.15  # the crop camera's depth either way
    assert fitted.depth[:, 0][b].mean() > 4


def test_depth_of_either_camera(body: FreeBody) -> None:
    crop, metas = targets_of(body, tiny_batch(2, SHAPE))
    label, _ = targets_of(body, tiny_batch(2, SHAPE), depth_camera='label')
    assert torch.equal(crop.iuv_index, label.iuv_index)
    for index in range(2):
        seen = label.iuv_index[index] > 0
        true = label.depth[index, 0][seen]
        low, high = (label.vertices[index, :, 2] + label.cam_t[index, 2]).aminmax()
        assert true.min() >= low - 1e-3
        assert true.max() <= high + 1e-3
        shift = (crop.depth[index, 0] - label.depth[index, 0])[seen]
        assert shift.max() - shift.min() < 1e-3  # the relief stays in metres
        zoom = CROP_FOCAL_LENGTH * metas.bbox_size[index] / (256 * label.focal_length[index])
        assert (crop.depth[index, 0][seen] / true).median().item() == pytest.approx(
            zoom.item(), abs=0.05
        )
        assert not crop.depth[index, 0][~seen].any()
        assert not crop.iuv_uv[index][:, ~seen].any()


def test_too_few_keypoints_give_no_map(body: FreeBody) -> None:
    batch = unlabel_camera(tiny_batch(3, SHAPE))
    first, second, _ = (sample.gt_instances for sample in batch['data_samples'])
    first.keypoints_2d_conf[:, 28:] = 0  # three annotated joints are left
    second.keypoints_2d_conf[:, 25:] = 0  # only detected (OpenPose) ones
    targets, _ = targets_of(body, batch)
    assert targets.has_fields.tolist() == [False, False, True]
    assert not targets.iuv_index[:2].any()
    assert not targets.depth[:2].any()
    assert targets.iuv_index[2].any()
    assert JOINT_SETS['spin49'].joints[24].startswith('op_')


def test_no_body_label_no_map(body: FreeBody) -> None:
    batch = tiny_batch(2, SHAPE)
    batch['data_samples'][0].gt_instances.has_smpl = torch.tensor([False])
    targets, _ = targets_of(body, batch)
    assert targets.has_fields.tolist() == [False, True]
    assert not targets.iuv_index[0].any()


def test_backends_agree(body: FreeBody) -> None:
    slow, _ = targets_of(body, tiny_batch(2, SHAPE), shape=(64, 48), backend='torch')
    fast, _ = targets_of(body, tiny_batch(2, SHAPE), shape=(64, 48), backend='numba')
    assert (slow.iuv_index == fast.iuv_index).float().mean() > 0.9995


@pytest.mark.parametrize('options', [dict(shape=(8,)), dict(shape=(0, 8))])
def test_wrong_shapes_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match='shape must be'):
        LabelMapRenderer(**options)
    with pytest.raises(ValueError, match='depth_camera must be'):
        LabelMapRenderer((8, 8), 'full')
