"""The square box, its random scale and shift."""

import numpy as np
import pytest

from whmr.datasets.transforms import GetBox, RandomBoxScale, RandomBoxShift


@pytest.mark.parametrize(
    ('bbox', 'padding', 'center', 'size'),
    [
        ([10, 20, 50, 100], 1.0, [30, 60], 80),
        ([10, 20, 50, 100], 1.2, [30, 60], 96),
        ([10, 20, 90, 60], 1.0, [50, 40], 80),
        ([-40, 20, 20, 60], 1.0, [-10, 40], 60),
    ],
)
def test_the_square_covers_the_box(bbox, padding, center, size) -> None:
    row = GetBox(padding)(dict(bbox=np.array(bbox, 'f4'), ori_shape=(200, 100)))
    assert np.allclose(row['bbox_center'], center)
    assert row['bbox_size'] == pytest.approx(size)


@pytest.mark.parametrize(
    ('bbox', 'message'),
    [
        ([10, 10, 10, 50], 'has no area'),
        ([50, 10, 10, 50], 'has no area'),
        ([100, 10, 150, 50], 'lies outside the photo of 200 x 100'),
        ([10, -20, 50, 0], 'lies outside the photo'),
        ([10, 10, np.nan, 50], 'must be four finite numbers'),
        ([10, 10, 50], 'must be four finite numbers'),
    ],
)
def test_wrong_boxes_are_named(bbox, message) -> None:
    row = dict(bbox=np.array(bbox, 'f4'), ori_shape=(200, 100), img_path='a/b.jpg')
    with pytest.raises(ValueError, match=message) as caught:
        GetBox()(row)
    assert 'a/b.jpg' in str(caught.value)


def test_scale_touches_only_the_size() -> None:
    row = dict(bbox_size=100.0, bbox_center=np.zeros(2), keypoints_2d=np.ones((49, 2)))
    sizes = np.array([RandomBoxScale()(dict(row))['bbox_size'] for _ in range(500)])
    assert sizes.min() == 75
    assert sizes.max() == 125
    assert abs(sizes.mean() - 100) < 3
    assert len(set(sizes)) > 200
    assert RandomBoxScale(prob=0.0)(dict(row)) == row


def test_shift_is_a_share_of_the_box() -> None:
    row = dict(bbox_size=100.0, bbox_center=np.array([10.0, 20.0]))
    found = np.array([RandomBoxShift(0.2)(dict(row))['bbox_center'] for _ in range(500)])
    assert np.abs(found - (10, 20)).max() <= 20
    assert (np.abs(found - (10, 20)).max(0) > 18).all()
    assert np.abs(found.mean(0) - (10, 20)).max() < 2
    assert np.array_equal(RandomBoxShift(prob=0.0)(dict(row))['bbox_center'], [10, 20])


@pytest.mark.parametrize(
    'build',
    [
        lambda: GetBox(0),
        lambda: RandomBoxScale(-1),
        lambda: RandomBoxScale(0.1, (1.2, 0.8)),
        lambda: RandomBoxScale(prob=2),
        lambda: RandomBoxShift(1.5),
        lambda: RandomBoxShift(prob=-0.1),
    ],
)
def test_wrong_numbers_are_refused(build) -> None:
    with pytest.raises(ValueError, match=r'must be|need'):
        build()
