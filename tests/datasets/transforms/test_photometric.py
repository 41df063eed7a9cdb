"""Colour and sharpness change as asked, and stay around where they were."""

import numpy as np
import pytest

from whmr.datasets.transforms import PhotometricJitter
from whmr.testing import tiny_photo

OFF = dict(brightness=0.0, contrast=0.0, saturation=0.0, hue_deg=0.0, color_prob=1.0)


def apply(picture: np.ndarray, **options) -> np.ndarray:
    return PhotometricJitter(**{**OFF, **options})(dict(crop=picture))['crop']


def test_off_is_exact() -> None:
    photo = tiny_photo(0)
    assert np.array_equal(apply(photo), photo)
    assert np.array_equal(apply(photo, color_prob=0.0, brightness=1.0), photo)


def test_brightness_is_one_factor_around_one() -> None:
    gray = np.full((8, 8, 3), 100, np.uint8)
    values = np.array([apply(gray, brightness=0.2)[0, 0] for _ in range(300)])
    assert (np.ptp(values.astype(int), axis=1) <= 1).all()  # no tint
    assert 80 <= values.min() < 84
    assert 116 < values.max() <= 120
    assert abs(values.mean() - 100) < 2


def test_contrast_keeps_the_mean() -> None:
    photo = np.repeat(np.uint8([[[100], [140]]]), 3, 2)
    for _ in range(20):
        found = apply(photo, contrast=0.5)[0, :, 0].astype(float)
        assert abs(found.mean() - 120) <= 1
        assert 19 <= found[1] - found[0] <= 61


def test_gray_has_no_colour_and_keeps_the_luma() -> None:
    photo = np.full((4, 4, 3), (200, 100, 50), np.uint8)  # BGR
    found = apply(photo, gray_prob=1.0)
    assert (found == round(0.114 * 200 + 0.587 * 100 + 0.299 * 50)).all()


def test_saturation_and_hue_leave_gray_alone() -> None:
    gray = np.full((4, 4, 3), 90, np.uint8)
    red = np.full((4, 4, 3), (40, 40, 200), np.uint8)
    changed = False
    for _ in range(20):
        assert np.abs(apply(gray, saturation=0.5, hue_deg=40).astype(int) - 90).max() <= 1
        changed |= not np.array_equal(apply(red, saturation=0.5, hue_deg=40), red)
    assert changed


def test_a_third_of_a_turn_of_hue_permutes_the_channels() -> None:
    from whmr.datasets.transforms.photometric import _apply_color, _hue_turn

    red = np.full((2, 2, 3), (0, 0, 200), np.uint8)
    turned = _apply_color(red, _hue_turn(2 * np.pi / 3), 1.0)[0, 0]
    assert sorted(turned) == [0, 0, 200]
    assert turned[2] == 0


def test_channel_gains_are_independent() -> None:
    gray = np.full((4, 4, 3), 100, np.uint8)
    values = np.array([apply(gray, channel_gain=(0.6, 1.4))[0, 0] for _ in range(300)])
    assert values.min() >= 60
    assert values.max() <= 140
    assert np.abs(np.corrcoef(values.T)[np.triu_indices(3, 1)]).max() < 0.2


def test_blur_and_coding_touch_only_the_crop() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    jitter = PhotometricJitter(**OFF, blur_prob=1.0, blur_sigma=(1.0, 1.0))
    row = jitter(dict(crop=noise, full=noise))
    assert row['crop'].std() < 0.5 * noise.std()
    assert np.array_equal(row['full'], noise)
    jitter = PhotometricJitter(**OFF, jpeg_prob=1.0, jpeg_quality=(10, 10))
    row = jitter(dict(crop=noise, full=noise))
    assert row['crop'].shape == noise.shape
    assert not np.array_equal(row['crop'], noise)
    assert np.array_equal(row['full'], noise)


def test_crop_and_photo_get_the_same_colour() -> None:
    gray = np.full((4, 4, 3), 100, np.uint8)
    jitter = PhotometricJitter(contrast=0.0, channel_gain=(0.6, 1.4))
    row = jitter(dict(crop=gray, full=gray.copy()))
    assert np.array_equal(row['crop'], row['full'])
    only = PhotometricJitter(keys=('full',), channel_gain=(0.5, 0.6))
    assert np.array_equal(only(dict(crop=gray, full=gray.copy()))['crop'], gray)


def test_inputs_are_not_written_to() -> None:
    photo = tiny_photo(1)
    kept = photo.copy()
    PhotometricJitter(blur_prob=1.0, jpeg_prob=1.0)(dict(crop=photo))
    assert np.array_equal(photo, kept)


def test_it_must_come_after_the_crop() -> None:
    with pytest.raises(KeyError, match='after CropPerson'):
        PhotometricJitter()(dict(img=tiny_photo(0)))


@pytest.mark.parametrize(
    'options',
    [
        dict(brightness=1.5),
        dict(gray_prob=-1),
        dict(hue_deg=200),
        dict(channel_gain=(1.4, 0.6)),
        dict(jpeg_quality=(0, 50)),
        dict(blur_sigma=(-1, 1)),
    ],
)
def test_wrong_numbers_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=f'{next(iter(options))} must be'):
        PhotometricJitter(**options)
