import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from whmr.apis import ImageSource


def test_one_photo(write_photo) -> None:
    path = write_photo('a.jpg', (60, 80))
    (found,) = ImageSource(path)
    assert found.name == str(path) and found.stem == 'a' and found.error is None
    assert found.image.shape == (60, 80, 3) and found.image.dtype == np.uint8


def test_folder_in_order_without_other_files(write_photo) -> None:
    for name in ('c.png', 'a.jpg', 'b.JPG'):
        path = write_photo(name)
    (path.parent / 'notes.txt').write_text('x')
    (path.parent / 'inner').mkdir()
    source = ImageSource(str(path.parent))
    assert [found.stem for found in source] == ['a', 'b', 'c'] and len(source) == 3


def test_equal_stems_stay_apart(write_photo) -> None:
    paths = [write_photo(name) for name in ('a.png', 'a.jpg', 'a_2.jpg')]
    stems = [found.stem for found in ImageSource([*paths, paths[0]])]
    assert stems[0] == 'a' and len(set(stems)) == 4


def test_arrays() -> None:
    good, gray = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8)
    found = list(ImageSource([good, gray]))
    assert found[0].image is good and found[0].error is None
    assert found[1].image is None and '(4, 6)' in found[1].error
    assert [item.name for item in ImageSource(good)] == ['array#0']


def test_bad_photos_are_reported_and_the_others_come(write_photo, tmp_path: Path) -> None:
    good = write_photo('good.jpg', (64, 64))
    cut = tmp_path / 'cut.jpg'
    cut.write_bytes(good.read_bytes()[:-200])
    text = tmp_path / 'text.png'
    text.write_text('no picture')
    found = list(ImageSource([tmp_path / 'gone.jpg', cut, text, good]))
    assert [item.image is None for item in found] == [True, True, True, False]
    for item, word in zip(found, ('no such file', 'cut off', 'not a picture')):
        assert word in item.error


@pytest.mark.parametrize(('every', 'frames'), [(1, range(10)), (4, (0, 4, 8)), (20, (0,))])
def test_frames_of_a_video(video: Path, every: int, frames) -> None:
    source = ImageSource(video, every=every)
    found = list(source)
    assert [item.name for item in found] == [f'{video}#{number}' for number in frames]
    assert [item.stem for item in found] == [f'clip_{number:06d}' for number in frames]
    assert len(source) == len(found)
    for number, item in zip(frames, found):
        assert abs(float(item.image.mean()) - 20 * number) < 4


def test_frames_are_read_when_asked_for(video: Path) -> None:
    frames = iter(ImageSource(video))
    assert next(frames).image is not None
    video.unlink()  # an open file stays readable: nothing was read ahead into a list
    assert next(frames).stem == 'clip_000001'


def test_cut_off_video(video: Path) -> None:
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    found = list(ImageSource(video))
    assert found[-1].image is None
    assert 'breaks off' in found[-1].error or 'cannot be opened' in found[-1].error


def test_no_video(tmp_path: Path) -> None:
    fake = tmp_path / 'fake.mp4'
    fake.write_text('no video')
    found = list(ImageSource([fake, tmp_path / 'gone.mp4']))
    assert ['opened' in found[0].error, 'no such file' in found[1].error] == [True, True]


def test_dead_links_of_a_folder_are_reported(write_photo) -> None:
    folder = write_photo('a.jpg').parent
    (folder / 'b.jpg').symlink_to(folder / 'gone.jpg')
    found = list(ImageSource(folder))
    assert [item.error for item in found] == [None, 'no such file']


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='holds no picture'):
        ImageSource(tmp_path)
    with pytest.raises(FileNotFoundError, match='no input'):
        ImageSource([])
    with pytest.raises(ValueError, match='every'):
        ImageSource('a.jpg', every=0)


def test_patterns(write_photo, monkeypatch) -> None:
    for name in ('c.png', 'a.jpg', 'b.jpg', 'odd[1].jpg'):
        folder = write_photo(name).parent
    (folder / 'inner.jpg').mkdir()
    assert [found.stem for found in ImageSource(f'{folder}/?.jpg')] == ['a', 'b']
    assert [found.stem for found in ImageSource(f'{folder.parent}/**/c.*')] == ['c']
    assert [found.stem for found in ImageSource(f'{folder}/odd[1].jpg')] == ['odd[1]']  # as it is
    with pytest.raises(FileNotFoundError, match='no file has a name of this pattern'):
        ImageSource(f'{folder}/*.webp')


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'tif'])
@pytest.mark.parametrize('tag', range(1, 9))
def test_photos_are_upright(tmp_path: Path, suffix: str, tag: int) -> None:
    """Whatever the orientation tag, it is what Pillow makes of it."""
    quarters = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    stored = Image.fromarray(np.repeat(np.repeat(quarters, 16, axis=0), 32, axis=1))
    exif = Image.Exif()
    exif[0x0112] = tag
    path = tmp_path / f'a.{suffix}'
    stored.save(path, exif=exif, quality=95)
    (found,) = ImageSource(path)
    with Image.open(path) as photo:
        upright = np.array(ImageOps.exif_transpose(photo).convert('RGB'))
    assert found.image.shape == upright.shape == ((64, 32, 3) if tag > 4 else (32, 64, 3))
    assert np.abs(found.image[4::8, 4::8, ::-1].astype(int) - upright[4::8, 4::8]).max() < 40


def test_a_huge_photo_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """The header alone says it: these files have no pixels at all."""
    path = tmp_path / 'huge.png'
    path.write_bytes(empty_png(20000, 20000))
    (found,) = ImageSource(path)
    assert found.image is None
    assert found.error == 'the photo has more than 178 million pixels: make it smaller first'
    # Pillow warns of this one already, and warnings may be errors.
    path.write_bytes(empty_png(10000, 10000))
    (found,) = ImageSource(path)
    assert found.image is None and 'not a picture' in found.error


def empty_png(width: int, height: int) -> bytes:
    """A PNG without pixels."""

    def chunk(kind: bytes, content: bytes = b'') -> bytes:
        check = struct.pack('>I', zlib.crc32(kind + content))
        return struct.pack('>I', len(content)) + kind + content + check

    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT') + chunk(b'IEND')


def test_most_frames(video: Path) -> None:
    source = ImageSource(video, every=3, max_frames=2)
    found = list(source)
    assert [item.name for item in found] == [f'{video}#0', f'{video}#3'] and len(source) == 2
    assert all(item.error is None for item in found)  # not: the video breaks off
    assert found[0].fps == pytest.approx(10 / 3) and found[0].video == str(video)
    with pytest.raises(ValueError, match='max_frames'):
        ImageSource(video, max_frames=0)


def test_shares_of_photos_and_frames(write_photo, video: Path) -> None:
    inputs = [write_photo('a.jpg'), video, write_photo('a.png')]
    whole = [(item.name, item.stem) for item in ImageSource(inputs)]
    parts = [ImageSource(inputs, share=(rank, 5)) for rank in range(5)]
    shares = [[(item.name, item.stem) for item in part] for part in parts]
    assert [len(part) for part in parts] == [len(share) for share in shares] == [3, 3, 2, 2, 2]
    assert shares == [whole[rank::5] for rank in range(5)]  # also the stems: a and a_2
    with pytest.raises(ValueError, match='share'):
        ImageSource(inputs, share=(5, 5))


def test_finished_pictures_are_not_decoded(write_photo, video: Path, monkeypatch) -> None:
    asked = []

    def finished(found) -> bool:
        asked.append(found.stem)
        assert found.image is None and found.mark
        return found.stem != 'clip_000007'

    array = np.zeros((4, 6, 3), np.uint8)  # has no file: never finished
    source = ImageSource([write_photo('a.jpg'), video, array])
    decoded = [item.stem for item in source.read(finished=finished)]
    assert decoded == ['clip_000007', 'array_000002'] and len(asked) == 11


class Webcam:
    """Three frames, then the plug is pulled."""

    def __init__(self) -> None:
        self.frames = 3

    def open(self, number: int) -> None:
        assert number == 1

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self.frames -= 1
        return self.frames >= 0

    def retrieve(self):
        return True, np.full((4, 6, 3), self.frames, np.uint8)

    def get(self, key: int) -> float:
        return -1.0

    def release(self) -> None:
        self.frames = 0


def test_a_camera_of_the_machine(monkeypatch) -> None:
    monkeypatch.setattr('whmr.apis.frame_reader.cv2.VideoCapture', Webcam)
    source = ImageSource(1)
    assert len(source) == 0 and source.names == ['camera1']
    found = list(source)
    assert [item.name for item in found] == ['camera1#0', 'camera1#1', 'camera1#2']
    assert [item.image[0, 0, 0] for item in found] == [2, 1, 0]
    assert found[0].mark is None and found[0].fps is None
    assert [item.stem for item in ImageSource(1, max_frames=2)] == [
        'camera1_000000',
        'camera1_000001',
    ]


def test_no_such_camera() -> None:
    (found,) = ImageSource(999)
    assert found.name == 'camera999' and found.error == 'cannot be opened as a camera'
