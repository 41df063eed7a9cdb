from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from whmr.apis import focal_from_35mm, read_exif_focal

FOCAL, FOCAL_35MM, WIDTH, HEIGHT = 0x920A, 0xA405, 0xA002, 0xA003
RESOLUTION, UNIT, ORIENTATION = 0xA20E, 0xA210, 0x0112


@pytest.fixture
def write(tmp_path: Path):
    """Writes a photo of 80 x 60 px (W x H) with EXIF tags."""

    def make(tags: dict, *, size=(80, 60), orientation: int = 1) -> Path:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        exif.get_ifd(0x8769).update(tags)
        path = tmp_path / 'photo.jpg'
        Image.new('RGB', size).save(path, exif=exif)
        return path

    return make


def test_equivalent_focal_length(write) -> None:
    path = write({FOCAL_35MM: 28, FOCAL: 4.25})
    assert read_exif_focal(path, (60, 80)) == pytest.approx(focal_from_35mm(28, (60, 80)))
    assert read_exif_focal(path, (60, 80)) == pytest.approx(28 / np.hypot(36, 24) * 100)


def test_a_smaller_copy_has_the_same_angle_of_view(write) -> None:
    path = write({FOCAL_35MM: 28, WIDTH: 4000, HEIGHT: 3000})
    assert read_exif_focal(path, (60, 80)) == pytest.approx(focal_from_35mm(28, (60, 80)))


def test_a_turned_photo(write) -> None:
    """EXIF says the sides of the stored pixels, the photo is seen upright."""
    path = write({FOCAL_35MM: 28, WIDTH: 80, HEIGHT: 60}, orientation=6)
    assert read_exif_focal(path, (80, 60)) == pytest.approx(focal_from_35mm(28, (80, 60)))


def test_a_cropped_photo_says_nothing(write) -> None:
    path = write({FOCAL_35MM: 28, WIDTH: 4000, HEIGHT: 3000}, size=(60, 60))
    assert read_exif_focal(path, (60, 60)) is None


@pytest.mark.parametrize(('unit', 'per_mm'), [(2, 25.4), (3, 10), (4, 1)])
def test_by_the_sensor(write, unit: int, per_mm: float) -> None:
    """5 mm before a sensor of 4000 px on 8 mm: 2500 px; 50 px in a copy of 80 px."""
    tags = {FOCAL: 5.0, RESOLUTION: 500 * per_mm, UNIT: unit, WIDTH: 4000, HEIGHT: 3000}
    assert read_exif_focal(write(tags), (60, 80)) == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize(
    'tags', [{}, {FOCAL_35MM: 0}, {FOCAL: 5.0}, {FOCAL: 5.0, RESOLUTION: 500.0, UNIT: 1}]
)
def test_nothing_said(write, tags) -> None:
    assert read_exif_focal(write(tags), (60, 80)) is None


def test_no_photo(tmp_path: Path) -> None:
    (tmp_path / 'a.jpg').write_text('no picture')
    assert read_exif_focal(tmp_path / 'a.jpg', (60, 80)) is None
    assert read_exif_focal(tmp_path / 'gone.jpg', (60, 80)) is None
