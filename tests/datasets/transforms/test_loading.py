"""Photos are read as they are seen, and broken ones are named."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from whmr.datasets import BadSampleError
from whmr.datasets.transforms import LoadImage
from whmr.testing import tiny_photo

ORIENTATION = 0x0112  # the EXIF tag


def jpeg(path: Path, turn: int | None = None) -> Path:
    """Write a photo of 40 x 60 with a bright left edge; `turn` is its EXIF orientation."""
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, :20] = 255
    exif = Image.Exif()
    if turn is not None:
        exif[ORIENTATION] = turn
    Image.fromarray(photo).save(path, quality=95, exif=exif)
    return path


@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'a.bmp', 'a.webp'])
def test_photos_are_bgr(tmp_path: Path, name: str) -> None:
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[..., 0] = 200
    cv2.imwrite(str(tmp_path / name), photo)
    row = LoadImage()(dict(img_path=str(tmp_path / name), ori_shape=(40, 60)))
    assert row['img'].shape == (40, 60, 3)
    assert row['img'].dtype == np.uint8
    assert np.abs(row['img'].reshape(-1, 3).mean(0) - (200, 0, 0)).max() < 8


def test_gray_photos_get_three_channels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((4, 6), 77, np.uint8))
    assert (LoadImage()(dict(img_path=str(tmp_path / 'a.png')))['img'] == 77).all()


def test_the_orientation_tag_is_honoured(tmp_path: Path) -> None:
    path = str(jpeg(tmp_path / 'a.jpg', turn=6))  # a quarter turn clockwise
    seen = LoadImage()(dict(img_path=path))
    assert seen['ori_shape'] == (60, 40)
    assert seen['img'][:18].mean() > 200  # the left edge is on top
    stored = LoadImage(ignore_orientation=True)(dict(img_path=path))
    assert stored['ori_shape'] == (40, 60)
    with pytest.raises(BadSampleError, match='set ignore_orientation=True'):
        LoadImage()(dict(img_path=path, ori_shape=(40, 60)))


def test_wrong_size_is_named(tmp_path: Path) -> None:
    path = str(jpeg(tmp_path / 'a.jpg'))
    with pytest.raises(BadSampleError, match=r'40 x 60 .* but its label says 80 x 120') as caught:
        LoadImage()(dict(img_path=path, ori_shape=(80, 120)))
    assert path in str(caught.value)


@pytest.mark.parametrize('keep', [0.02, 0.3, 0.6, 0.999])
@pytest.mark.parametrize('name', ['a.jpg', 'a.png'])
def test_cut_files_are_named(tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / name
    cv2.imwrite(str(path), tiny_photo(0))
    content = path.read_bytes()
    path.write_bytes(content[: max(4, int(len(content) * keep) - 4)])
    with pytest.raises(BadSampleError, match=r'cut off|not a picture') as caught:
        LoadImage()(dict(img_path=str(path)))
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_cut_file_with_a_whole_thumbnail_is_named(tmp_path: Path) -> None:
    thumbnail = cv2.imencode('.jpg', tiny_photo(1)[:32, :32])[1].tobytes()
    whole = cv2.imencode('.jpg', tiny_photo(0))[1].tobytes()
    app = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    path = tmp_path / 'a.jpg'
    path.write_bytes(whole[:2] + app + whole[2:])
    assert LoadImage()(dict(img_path=str(path)))['img'].shape == (120, 160, 3)
    path.write_bytes(whole[:2] + app + whole[2 : len(whole) // 2])
    with pytest.raises(BadSampleError, match='cut off'):
        LoadImage()(dict(img_path=str(path)))


def test_bytes_after_the_end_are_fine(tmp_path: Path) -> None:
    path = jpeg(tmp_path / 'a.jpg')
    path.write_bytes(path.read_bytes() + b'camera maker notes' * 100)
    assert LoadImage()(dict(img_path=str(path)))['img'].shape == (40, 60, 3)


@pytest.mark.parametrize('content', [b'', b'text, not pixels', b'\x89PNG', b'GIF89a'])
def test_files_that_are_no_picture_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    reasons = r'a\.jpg: (not a picture|the photo is cut off|the file is empty)'
    with pytest.raises(BadSampleError, match=reasons):
        LoadImage()(dict(img_path=str(path)))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadSampleError, match=r'none\.jpg: cannot be read .*check data_prefix'):
        LoadImage()(dict(img_path=str(tmp_path / 'none.jpg')))
    with pytest.raises(BadSampleError, match='cannot be read'):
        LoadImage()(dict(img_path=str(tmp_path)))


def test_pictures_in_memory_are_taken() -> None:
    img = tiny_photo(3)
    row = LoadImage()(dict(img=img))
    assert row['img'] is img
    assert row['ori_shape'] == row['img_shape'] == (120, 160)
    with pytest.raises(BadSampleError, match='its label says'):
        LoadImage()(dict(img=img, ori_shape=(10, 10)))
