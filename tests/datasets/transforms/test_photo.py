"""A photo decoded at a part of its size gives the crop of the whole one."""

import functools
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from whmr.datasets import BadSampleError
from whmr.datasets.transforms import (
    CropPerson,
    GetBox,
    LoadImage,
    RandomOcclusion,
    ResizeFull,
    apply_flip,
    apply_roll,
)
from whmr.datasets.transforms import photo as photo_module
from whmr.datasets.transforms.jpeg_window import restart_interval
from whmr.datasets.transforms.photo import EncodedPhoto, header_shape

SHAPE = (603, 805)  # no multiple of 2, 4 or 8
DOTS = np.stack(np.meshgrid(np.linspace(80, 720, 6), np.linspace(80, 520, 5)), -1).reshape(-1, 2)


@functools.cache
def dotted(shape: tuple[int, int] = SHAPE, sigma: float = 9.0) -> np.ndarray:
    """A grey photo with soft bright dots of different colours."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    photo = np.full((*shape, 3), 40.0)
    for index, (px, py) in enumerate(DOTS + 0.37):
        blob = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
        photo += blob[..., None] * np.roll([190.0, 150.0, 120.0], index)
    return photo.clip(0, 255).astype(np.uint8)


def jpeg(photo: np.ndarray, tag: int = 1) -> bytes:
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = tag
    Image.fromarray(photo[..., ::-1]).save(file, 'jpeg', quality=95, exif=exif)
    return file.getvalue()


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp('photos') / 'dots.jpg'
    path.write_bytes(jpeg(dotted()))
    return str(path)


def sample(path: str, side: float = 560.0) -> dict:
    center = np.array([400.0, 300.0])
    box = np.concatenate([center - side / 2, center + side / 2])
    return GetBox(padding=1.0)(dict(img_path=path, ori_shape=SHAPE, bbox=box))


MOTIONS = {
    'none': lambda row: row,
    'roll and flip': lambda row: apply_flip(apply_roll(row, 0.4)),
}


def shift_between(one: np.ndarray, other: np.ndarray) -> float:
    """How far the content of a picture lies from that of another, px: the best first-order fit."""
    one, other = (p.astype(float).mean(2) for p in (one, other))
    slopes = np.stack([slope[3:-3, 3:-3].ravel() for slope in np.gradient((one + other) / 2)], 1)
    gap = (one - other)[3:-3, 3:-3].ravel()
    return float(np.abs(np.linalg.lstsq(slopes, gap, rcond=None)[0]).max())


def test_the_measure_of_shifts_sees_a_quarter_of_a_pixel() -> None:
    one, other = (cv2.resize(dotted()[:600, s : s + 800], None, fx=0.25, fy=0.25) for s in (0, 1))
    assert 0.2 < shift_between(one, other) < 0.3


@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize(
    ('crop_shape', 'factor'),
    [((560, 420), 1), ((300, 225), 1), ((280, 210), 2), ((256, 192), 2), ((139, 104), 4)]
    + [((141, 106), 2), ((70, 70), 8), ((64, 48), 8)],
)
def test_the_crop_is_that_of_the_whole_photo(path: str, motion, crop_shape, factor: int) -> None:
    views = []
    for lazy in (False, True):
        row = MOTIONS[motion](LoadImage(lazy_decode=lazy)(sample(path)))
        assert ('img' in row, 'encoded' in row) == (not lazy, lazy)
        assert row['ori_shape'] == row['img_shape'] == SHAPE
        row = CropPerson(crop_shape)(row)
        views.append(row)
    whole, reduced = views
    found = reduced['encoded']._part.factor
    assert found == factor
    # No pixel of the crop is smaller than one that was decoded.
    assert found == 1 or reduced['bbox_size'] / max(crop_shape) >= found - 1e-6
    assert np.array_equal(whole['crop2full'], reduced['crop2full'])
    gap = np.abs(whole['crop'].astype(float) - reduced['crop'])
    assert gap.mean() < 1.0 and gap.max() < 30
    assert shift_between(whole['crop'], reduced['crop']) < 0.1


@pytest.mark.parametrize('factor', [2, 4, 8])
def test_dots_lie_where_they_are_in_the_whole_photo(path: str, factor: int) -> None:
    photo = EncodedPhoto(Path(path).read_bytes(), path)
    small, found, origin = photo.pixels(factor)
    assert (found, origin) == (factor, (0, 0))
    assert small.shape[:2] == (-(-SHAPE[0] // factor), -(-SHAPE[1] // factor))
    for point in DOTS + 0.37:
        low = np.floor((point - 30) / factor).astype(int)
        high = np.ceil((point + 30) / factor).astype(int)
        part = small[low[1] : high[1], low[0] : high[0]].mean(2) - 40.0
        y, x = np.mgrid[: part.shape[0], : part.shape[1]] + 0.5
        weight = np.where(part > 4, part, 0)  # the ground is not quite even after coding
        seen = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum() + low
        # In pixels of a crop of which each is as wide as one that was decoded.
        assert np.abs(seen - point / factor).max() < 0.1


def test_one_decoding_serves_both_views(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = []
    decode = cv2.imdecode
    monkeypatch.setattr(
        cv2, 'imdecode', lambda code, flag: flags.append(flag) or decode(code, flag)
    )
    row = LoadImage(lazy_decode=True)(sample(path))
    assert not flags  # the header was enough
    row = ResizeFull(150)(row)
    row = RandomOcclusion(prob=0.999, fills=('photo',))(CropPerson((128, 96))(row))
    assert flags == [cv2.IMREAD_REDUCED_COLOR_4]
    assert row['full'].shape[:2] == (150, 200)
    ResizeFull(300)(row)  # what is there is too coarse
    assert flags == [cv2.IMREAD_REDUCED_COLOR_4, cv2.IMREAD_REDUCED_COLOR_2]


def test_the_full_photo_is_that_of_the_whole_one(path: str) -> None:
    for side in (603, 301, 150, 75):
        pair = [ResizeFull(side)(LoadImage(lazy_decode=x)(sample(path))) for x in (False, True)]
        gap = np.abs(pair[0]['full'].astype(float) - pair[1]['full'])
        assert gap.mean() < 1.0
        assert shift_between(*(row['full'] for row in pair)) < 0.1


@pytest.mark.parametrize('tag', [1, 3, 6, 8])
@pytest.mark.parametrize('shape', [(603, 805), (600, 808)])
def test_turned_photos(tag: int, shape: tuple[int, int]) -> None:
    content = jpeg(dotted(shape), tag)
    whole = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    photo = EncodedPhoto(content, 'a.jpg')
    assert photo.shape == whole.shape[:2]
    small, factor, _ = photo.pixels(4.0)
    assert factor == (1 if tag != 1 and shape == (603, 805) else 4)
    rows, columns = (side // factor * factor for side in photo.shape)
    area = cv2.resize(
        whole[:rows, :columns], (columns // factor, rows // factor), interpolation=cv2.INTER_AREA
    )
    gap = np.abs(area.astype(float) - small[: rows // factor, : columns // factor])
    assert gap.mean() < 1.0
    stored = EncodedPhoto(content, 'a.jpg', ignore_orientation=True)
    assert stored.shape == shape
    assert stored.pixels(8.0).factor == 8


def coded(*settings: int) -> bytes:
    return cv2.imencode('.jpg', dotted(), [cv2.IMWRITE_JPEG_QUALITY, 95, *settings])[1].tobytes()


KINDS = {
    'no markers': (),
    'tiles': (cv2.IMWRITE_JPEG_RST_INTERVAL, restart_interval(SHAPE[1])),
    'rows': (cv2.IMWRITE_JPEG_RST_INTERVAL, -(-SHAPE[1] // 16)),
    'progressive': (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('motion', MOTIONS)
@pytest.mark.parametrize('side', [70.0, 150.0, 340.0])
@pytest.mark.parametrize('antialias', [True, False])
def test_a_window_gives_the_pixels_of_the_whole_photo(
    tmp_path: Path, kind: str, motion: str, side: float, antialias: bool
) -> None:
    """Also where the box reaches beyond the photo."""
    path, crop = tmp_path / 'a.jpg', CropPerson((100, 75), antialias=antialias)
    path.write_bytes(coded(*KINDS[kind]))
    for center in ([400.0, 300.0], [20.0, 90.0], [790.0, 590.0]):
        row = sample(str(path), side)
        row['bbox_center'] = np.array(center)
        row = MOTIONS[motion](LoadImage(lazy_decode=True)(row))
        part, whole = crop(dict(row)), dict(row)
        parts = row.pop('encoded')
        whole['encoded'] = EncodedPhoto(path.read_bytes(), 'a.jpg')
        whole['encoded'].pixels(parts._part.factor)
        whole = crop(whole)
        assert (whole['encoded']._part.factor, whole['encoded']._part.origin) == (
            parts._part.factor,
            (0, 0),
        )
        # An affine from another origin is rounded otherwise.
        gap = np.abs(part['crop'].astype(int) - whole['crop'])
        assert gap.max() <= 1 and (gap > 0).mean() < 1e-3
        share = parts._part.pixels.size / whole['encoded']._part.pixels.size
        if kind == 'tiles' and side < 100:
            assert share < 0.2
        assert share == 1.0 or kind != 'progressive'


def test_without_simplejpeg_the_pixels_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('simplejpeg')
    for grey in (False, True):
        picture = dotted()[..., 0] if grey else dotted()
        content = cv2.imencode('.jpg', picture)[1].tobytes()
        for shrink in (1.0, 2.0, 4.0, 8.0):
            pair = []
            for decoder in (photo_module.simplejpeg, None):
                monkeypatch.setattr(photo_module, 'simplejpeg', decoder)
                window = np.array([[100.0, 100.0], [200.0, 250.0]])
                pair.append(EncodedPhoto(content, 'a.jpg').pixels(shrink, window))
            monkeypatch.undo()
            assert pair[0].pixels.shape == pair[1].pixels.shape
            end = int(250 // shrink)
            assert end < len(pair[0].pixels) < SHAPE[0] / shrink * 0.6
            assert np.array_equal(pair[0].pixels[:end], pair[1].pixels[:end])


def test_a_part_is_decoded_again_only_when_more_is_needed() -> None:
    photo = EncodedPhoto(coded(*KINDS['tiles']), 'a.jpg')
    part = photo.pixels(2.0, np.array([[300.0, 200.0], [500.0, 400.0]]))
    assert photo.any_pixels is part.pixels
    assert photo.pixels(4.0, np.array([[310.0, 210.0], [490.0, 390.0]])) is part
    assert photo.pixels(1.0, np.array([[310.0, 210.0], [490.0, 390.0]])).factor == 1
    whole = photo.pixels(2.0)
    assert whole.origin == (0, 0) and whole.pixels.shape[:2] == (302, 403)
    assert photo.pixels(2.0, np.array([[-50.0, 0.0], [900.0, 700.0]])) is whole


def test_what_is_no_jpeg_is_decoded_at_once(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'a.png'), dotted())
    row = LoadImage(lazy_decode=True)(dict(img_path=str(tmp_path / 'a.png')))
    assert np.array_equal(row['img'], dotted())
    row = LoadImage(lazy_decode=True)(dict(img=dotted()))
    assert 'encoded' not in row
    with pytest.raises(ValueError, match="needs imdecode_backend='cv2', not 'pillow'"):
        LoadImage(lazy_decode=True, imdecode_backend='pillow')


def test_bad_photos_are_named(tmp_path: Path) -> None:
    path = tmp_path / 'a.jpg'
    content = jpeg(dotted())
    load = LoadImage(lazy_decode=True)
    path.write_bytes(content)
    with pytest.raises(BadSampleError, match=r'a\.jpg: the photo is 603 x 805'):
        load(dict(img_path=str(path), ori_shape=(805, 603)))
    path.write_bytes(content[:-2000])
    with pytest.raises(BadSampleError, match='cut off'):
        load(dict(img_path=str(path)))
    path.write_bytes(b'\xff\xd8 text \xff\xd9')
    with pytest.raises(BadSampleError, match=r'a\.jpg: not a picture'):
        load(dict(img_path=str(path)))
    # A good header, but the quantisation tables are gone.
    path.write_bytes(content[: content.index(b'\xff\xdb')] + content[content.index(b'\xff\xc0') :])
    row = load(sample(str(path)))
    with pytest.raises(BadSampleError, match=r'a\.jpg: not a picture that can be decoded'):
        CropPerson((64, 64))(row)


def test_the_header_says_the_shape(path: str) -> None:
    assert header_shape(path) == (*SHAPE, 1)
    content = jpeg(dotted(), 6)
    assert header_shape(io.BytesIO(content)) == (805, 603, 6)
    assert header_shape(io.BytesIO(content), ignore_orientation=True) == (*SHAPE, 1)
