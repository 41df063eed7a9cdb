"""CamCalib."""

import math

import pytest
import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import pitch_roll_to_rotmat
from whmr.models import CamCalib, CameraLogits


class TinyBackbone(BaseModule):
    """Four channels at half the resolution."""

    out_channels = 4

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.calls: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append(tuple(images.shape))
        return self.conv(images).tanh()


@pytest.fixture
def camera(wiggle) -> CamCalib:
    return wiggle(CamCalib(TinyBackbone(), num_bins=16))


def peaked(vfov, pitch, roll, num_bins=256):
    """Logits with all their weight on one bin of each angle."""
    rows = zip(*(torch.as_tensor(x).tolist() for x in (vfov, pitch, roll)))
    scores = torch.full((3, len(vfov), num_bins), -1e4)
    for b, bins in enumerate(rows):
        for a, bin_ in enumerate(bins):
            scores[a, b, bin_] = 0
    return CameraLogits(*scores)


def test_decoding_matches_the_reference(units):
    camera = CamCalib(TinyBackbone())
    logits = CameraLogits(
        *(units(f'camcalib_decode/logits_{n}') for n in ('vfov', 'pitch', 'roll'))
    )
    estimate = camera.decode(logits)
    for name in ('vfov', 'pitch', 'roll'):
        expected = units(f'camcalib_decode/{name}')
        torch.testing.assert_close(getattr(estimate, name), expected, atol=1e-6, rtol=1e-6)
    expected = units('camcalib_decode/softargmax_vfov')
    torch.testing.assert_close(camera.positions(logits).vfov, expected, atol=1e-6, rtol=1e-6)
    expected = pitch_roll_to_rotmat(estimate.pitch, estimate.roll)
    torch.testing.assert_close(estimate.world2cam_rotmat, expected)


def test_first_and_last_bin_are_the_ends_of_the_range():
    camera = CamCalib(TinyBackbone(), vfov_range=(0.5, 1.5), pitch_range=(-0.3, 0.9))
    estimate = camera.decode(peaked([0, 255], [0, 255], [0, 255]))
    torch.testing.assert_close(estimate.vfov, torch.tensor([0.5, 1.5]))
    torch.testing.assert_close(estimate.pitch, torch.tensor([-0.3, 0.9]))
    torch.testing.assert_close(estimate.roll, torch.tensor([-0.6, 0.6]))


def test_scores_are_linear_in_the_pooled_feature(camera):
    images = torch.randn(2, 3, 12, 16)
    pooled = camera.backbone(images).flatten(2).mean(dim=2)
    for got, fc in zip(camera(images), (camera.fc_vfov, camera.fc_pitch, camera.fc_roll)):
        torch.testing.assert_close(got, pooled @ fc.weight.T + fc.bias)


def test_prediction_groups_equal_sizes_and_keeps_the_order(camera):
    sizes = [(12, 16), (16, 12), (12, 16), (8, 8), (16, 12)]
    images = [torch.randn(3, *size) for size in sizes]
    estimate = camera.predict(images)
    assert sorted(camera.backbone.calls) == [(1, 3, 8, 8), (2, 3, 12, 16), (2, 3, 16, 12)]
    for i, image in enumerate(images):
        alone = camera.predict(image[None])
        for name in ('vfov', 'pitch', 'roll', 'world2cam_rotmat'):
            expected = getattr(alone, name)[0]
            torch.testing.assert_close(getattr(estimate, name)[i], expected, atol=1e-6, rtol=1e-5)


def test_prediction_has_no_gradient_and_indexes_by_crop(camera):
    estimate = camera.predict(torch.randn(2, 3, 12, 16))
    assert not estimate.world2cam_rotmat.requires_grad
    crops = estimate[torch.tensor([1, 0, 1])]
    assert crops.vfov.tolist() == estimate.vfov[[1, 0, 1]].tolist()
    assert crops.world2cam_rotmat.shape == (3, 3, 3)


def test_short_side(wiggle):
    camera = wiggle(CamCalib(TinyBackbone(), num_bins=16, short_side=24))
    camera.predict([torch.randn(3, 12, 18), torch.randn(3, 48, 30), torch.randn(3, 24, 25)])
    assert sorted(camera.backbone.calls) == [(1, 3, 24, 25), (1, 3, 24, 36), (1, 3, 38, 24)]


def angle(camera, name, position):
    low, high = camera.ranges[name]
    return low + (high - low) * (position + 1) / 2


def test_loss_values(camera):
    """10 times the square on the scale of -1 to 1, biased for the field of view."""
    images = torch.randn(4, 3, 12, 16)
    with torch.no_grad():
        positions = camera.positions(camera(images))
    gap = torch.tensor([0.5, -0.5, 0.2, 0.0])  # prediction minus target
    targets = {
        name: angle(camera, name, p - gap) for name, p in zip(('vfov', 'pitch', 'roll'), positions)
    }
    losses = camera.loss(images, **targets, valid=torch.ones(4, dtype=torch.bool))
    plain = 10 * (0.25 + 0.25 + 0.04) / 4
    biased = 10 * (0.25 + 0.25 / 1.25 + 0.04) / 4
    assert losses['loss_vfov'].item() == pytest.approx(biased, rel=1e-4)
    assert losses['loss_pitch'].item() == pytest.approx(plain, rel=1e-4)
    assert losses['loss_roll'].item() == pytest.approx(plain, rel=1e-4)


def test_loss_of_a_list_is_that_of_the_batch_and_reaches_everything(camera, assert_all_trained):
    images = torch.randn(4, 3, 12, 16)
    labels = [torch.rand(4) for _ in range(3)]
    valid = torch.ones(4, dtype=torch.bool)
    whole = camera.loss(images, *labels, valid)
    listed = camera.loss(list(images), *labels, valid)
    for name in whole:
        torch.testing.assert_close(whole[name], listed[name])
    assert_all_trained(camera, sum(listed.values()))


def test_loss_masks_rows_and_single_angles(camera):
    images = torch.randn(3, 3, 12, 16)
    good = [torch.rand(3) for _ in range(3)]
    broken = [x.clone() for x in good]
    for x in broken:
        x[1] = math.nan
    rows = torch.tensor([True, False, True])
    expected = camera.loss(images[[0, 2]], *(x[[0, 2]] for x in good), rows[[0, 2]])
    got = camera.loss(images, *broken, rows)
    for name in got:
        torch.testing.assert_close(got[name], expected[name])
    columns = torch.tensor([[True, False, True]] * 3)
    single = camera.loss(images, good[0], torch.full((3,), math.nan), good[2], columns)
    assert single['loss_pitch'] == 0 and single['loss_vfov'] > 0 and single['loss_roll'] > 0


def test_no_label_gives_a_zero_that_back_propagates(camera):
    nan = torch.full((2,), math.nan)
    none = torch.zeros(2, dtype=torch.bool)
    total = sum(camera.loss(torch.randn(2, 3, 8, 8), nan, nan, nan, none).values())
    assert total == 0
    total.backward()
    assert all((p.grad == 0).all() for p in camera.parameters())


def test_loss_components_are_configurable():
    camera = CamCalib(
        TinyBackbone(), loss_vfov=dict(type='CameraAngleLoss', weight=1.0), num_bins=16
    )
    assert camera.losses['vfov'].weight == 1.0 and not camera.losses['vfov'].biased
    assert camera.losses['pitch'].weight == 10.0
    assert CamCalib(TinyBackbone()).losses['vfov'].biased


def test_backbone_is_built_from_a_config():
    camera = CamCalib(dict(type='TimmBackbone', model_name='resnet18'))
    assert camera.fc_roll.weight.shape == (256, 512)
    with torch.no_grad():
        assert camera.eval()(torch.randn(1, 3, 40, 64)).pitch.shape == (1, 256)


def test_it_learns_a_tiny_set():
    camera = CamCalib(TinyBackbone(), num_bins=32)
    images = torch.randn(3, 3, 8, 8) + torch.tensor([-2.0, 0, 2]).view(3, 1, 1, 1)
    labels = (
        torch.tensor([0.5, 0.9, 1.4]),
        torch.tensor([0.3, -0.2, 0.1]),
        torch.tensor([0, 0.4, 0]),
    )
    valid = torch.ones(3, dtype=torch.bool)
    optimiser = torch.optim.Adam(camera.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        losses = camera.loss(images, *labels, valid)
        sum(losses.values()).backward()
        optimiser.step()
    estimate = camera.predict(images)
    torch.testing.assert_close(estimate.vfov, labels[0], atol=0.02, rtol=0)
    torch.testing.assert_close(estimate.pitch, labels[1], atol=0.02, rtol=0)
    torch.testing.assert_close(estimate.roll, labels[2], atol=0.02, rtol=0)


@pytest.mark.parametrize('name', ['vfov_range', 'pitch_range', 'roll_range'])
def test_an_empty_range_is_refused(name):
    with pytest.raises(ValueError, match=f'{name} must rise'):
        CamCalib(TinyBackbone(), **{name: (0.5, 0.5)})


def test_bad_images_are_refused(camera):
    with pytest.raises(ValueError, match='no images were given'):
        camera.predict([])
    with pytest.raises(ValueError, match=r'images\[1\] must have shape \(3, \*, \*\)'):
        camera.predict([torch.zeros(3, 8, 8), torch.zeros(8, 8, 3)])
    with pytest.raises(ValueError, match='CamCalib: images must have shape'):
        camera(torch.zeros(3, 8, 8))


def test_labels_of_another_batch_are_refused(camera):
    one, valid = torch.zeros(1), torch.ones(2, dtype=torch.bool)
    with pytest.raises(ValueError, match='CamCalib: vfov must have shape'):
        camera.loss(torch.zeros(2, 3, 8, 8), one, one, one, valid)
    with pytest.raises(ValueError, match='CamCalib: valid must have shape'):
        camera.loss(torch.zeros(2, 3, 8, 8), one, one, one, valid[:1])
