from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from whmr.apis import HMRInferencer, HMRResult, PersonDetector
from whmr.apis.photo_service import PhotoService
from whmr.datasets import BadSampleError


class Nobody(PersonDetector):
    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


@pytest.fixture
def service(make_inferencer: Callable[..., HMRInferencer], tmp_path: Path) -> PhotoService:
    limits = dict(max_megabytes=0.05, max_megapixels=0.01, keep=2)
    return PhotoService(make_inferencer(detector='whole'), tmp_path / 'service', **limits)


def test_photo(service: PhotoService, write_photo: Callable[..., Path]) -> None:
    found = service.recover(write_photo('a.jpg'), camera={'vfov': 0.8})
    names = {path.name for path in found.files}
    pictures = {'a_overlay.png', 'a_world.png'}
    assert names == {'a.html', 'a.npz', 'a_world.glb', *pictures}
    assert {found.overlay.name, found.world.name} == pictures
    world = next(path for path in found.files if path.suffix == '.glb')
    assert world.read_bytes()[:4] == b'glTF'
    assert '>a</h1>' in found.page.read_text(encoding='utf-8')
    assert found.result.focal_source == 'given'
    saved = HMRResult.load(found.page.with_name('a.npz'))
    assert saved.image_name == 'a.jpg' and len(saved) == 1


def test_nobody(
    make_inferencer: Callable[..., HMRInferencer], write_photo: Callable[..., Path], tmp_path: Path
) -> None:
    service = PhotoService(make_inferencer(detector=Nobody()), tmp_path / 'service')
    found = service.recover(write_photo('a.jpg'))
    assert found.overlay is found.world is None
    assert {path.name for path in found.files} == {'a.html', 'a.npz'}


def test_older_files_are_removed(service: PhotoService, write_photo: Callable[..., Path]) -> None:
    pages = [service.recover(write_photo(f'{name}.jpg')).page for name in 'abc']
    assert [page.exists() for page in pages] == [False, True, True]
    assert len(list(service.folder.iterdir())) == 2


def refused(service: PhotoService, photo: Path) -> str:
    with pytest.raises(BadSampleError) as caught:
        service.recover(photo)
    assert not service.folder.exists()
    return str(caught.value)


def test_what_is_no_photo(service: PhotoService, tmp_path: Path) -> None:
    text = tmp_path / 'text.jpg'
    text.write_text('no photo')
    assert 'this picture cannot be read; send one of bmp, jpeg' in refused(service, text)
    movie = tmp_path / 'movie.mp4'
    movie.write_bytes(b'0')
    assert 'this is no photo by its name' in refused(service, movie)
    broken = tmp_path / 'broken.jpg'
    Image.effect_noise((80, 60), 99).convert('RGB').save(broken, quality=95)
    broken.write_bytes(broken.read_bytes()[:900])
    assert refused(service, broken)


def test_limits(service: PhotoService, tmp_path: Path) -> None:
    heavy = tmp_path / 'heavy.jpg'
    heavy.write_bytes(b'0' * 60_000)
    assert 'the file has 0.1 MB, the limit is 0.05 MB' in refused(service, heavy)
    huge = tmp_path / 'huge.png'
    Image.new('L', (2000, 1000)).save(huge)
    assert 'the photo has 2.0 megapixels, the limit is 0.01' in refused(service, huge)


def test_bomb(service: PhotoService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that Pillow will not even open."""
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    bomb = tmp_path / 'bomb.png'
    Image.new('L', (2000, 1000)).save(bomb)
    assert 'far too many pixels, the limit is 0.002' in refused(service, bomb)


def test_wrong_arguments(make_inferencer: Callable[..., HMRInferencer], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='max_megapixels=0: must be above 0'):
        PhotoService(make_inferencer(), tmp_path, max_megapixels=0)
