"""The numpy twin of the test pipeline gives the pixels of its OpenCV original."""

import numpy as np
import pytest

from whmr.datasets.transforms import CropPerson, GetBox, ResizeFull
from whmr.deploy import crop_person, resize_photo

BOXES = [
    (40, 30, 90, 200),
    (-60, 100, 100, 190),
    (0, 0, 320, 240),
    (300, 220, 330, 260),
    (101.3, 17.7, 203.1, 229.6),
]


@pytest.fixture
def photo(rng: np.random.Generator) -> np.ndarray:
    """Smooth colours with noise, 240 x 320."""
    ramp = np.stack(np.meshgrid(np.linspace(0, 200, 320), np.linspace(0, 200, 240)), -1)
    ramp = np.concatenate([ramp, ramp[..., :1]], axis=-1)
    return (ramp + rng.integers(0, 56, ramp.shape)).astype(np.uint8)


@pytest.mark.parametrize('box', BOXES)
@pytest.mark.parametrize(
    ('shape', 'padding'), [((192, 160), 1.2), ((64, 48), 1.0), ((32, 32), 1.5)]
)
def test_crop_is_the_pipelines(
    photo: np.ndarray, box: tuple[int, ...], shape: tuple[int, int], padding: float
) -> None:
    sample = {'img': photo, 'ori_shape': photo.shape[:2], 'bbox': np.array(box, np.float32)}
    sample = CropPerson(shape)(GetBox(padding)(sample))
    ours = crop_person(photo, sample['bbox'], shape, padding=padding)
    np.testing.assert_allclose(ours.crop2full, sample['crop2full'], atol=1e-9)
    assert ours.pixels.shape == sample['crop'].shape and ours.pixels.dtype == np.uint8
    np.testing.assert_array_equal(ours.pixels, sample['crop'])


@pytest.mark.parametrize(
    ('short_side', 'max_long_side', 'shape'),
    [(128, 256, (128, 171)), (240, None, (240, 320)), (300, None, (300, 400)), (60, 70, (52, 70))],
)
def test_photo_is_the_pipelines(
    photo: np.ndarray, short_side: int, max_long_side: int | None, shape: tuple[int, int]
) -> None:
    sample = ResizeFull(short_side, max_long_side)({'img': photo, 'ori_shape': photo.shape[:2]})
    ours = resize_photo(photo, short_side, max_long_side)
    assert ours.shape[:2] == shape == sample['full'].shape[:2]
    np.testing.assert_array_equal(ours, sample['full'])
