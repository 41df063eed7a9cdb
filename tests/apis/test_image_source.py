from pathlib import Path

import numpy as np
import pytest

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
