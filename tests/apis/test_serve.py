import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('gradio')

import httpx

from whmr.apis import HMRInferencer
from whmr.apis.photo_service import PhotoService
from whmr.apis.serve import build_app, running_app


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go while a test runs."""
    folder = tmp_path / 'tmp'
    folder.mkdir()
    monkeypatch.setattr('tempfile.tempdir', str(folder))
    return folder


@pytest.fixture
def inferencer(make_inferencer: Callable[..., HMRInferencer]) -> HMRInferencer:
    return make_inferencer(detector='whole')


@pytest.fixture
def url(inferencer: HMRInferencer, temporary: Path, workdir: Path) -> Iterator[str]:
    with running_app(inferencer, max_megabytes=0.1) as url:
        yield url


def test_app_works_on_one_photo_at_a_time(inferencer: HMRInferencer, tmp_path: Path) -> None:
    app = build_app(PhotoService(inferencer, tmp_path))
    assert not app.analytics_enabled
    assert [function.concurrency_limit for function in app.fns.values()] == [1]


def test_it_listens_on_loopback_and_leaves_nothing(
    inferencer: HMRInferencer, temporary: Path, workdir: Path
) -> None:
    before = dict(os.environ)
    with running_app(inferencer) as url:
        assert url.startswith('http://127.0.0.1:')
        assert httpx.get(url).status_code == 200
        assert [path.name[:11] for path in temporary.iterdir()] == ['whmr_serve_']
    assert not list(temporary.iterdir())
    assert [path.name for path in workdir.iterdir() if path not in (temporary,)] in ([], ['config'])
    assert dict(os.environ) == before


def upload(url: str, name: str, content: bytes) -> httpx.Response:
    return httpx.post(f'{url}gradio_api/upload', files={'files': (name, content)})


def test_uploads_stay_in_the_folder(url: str, temporary: Path) -> None:
    answer = upload(url, '../../../a.jpg', b'0')
    assert answer.status_code == 200
    [path] = map(Path, answer.json())
    assert path.resolve().is_relative_to(temporary) and path.name == 'a.jpg'


def test_large_uploads_are_refused(url: str) -> None:
    answer = upload(url, 'a.jpg', np.zeros(200_000, np.uint8).tobytes())
    assert answer.status_code == 413 and 'exceeded' in answer.text


def test_files_of_the_machine_are_not_served(url: str, tmp_path: Path) -> None:
    secret = tmp_path / 'secret.txt'
    secret.write_text('secret')
    assert httpx.get(f'{url}gradio_api/file={secret}').status_code == 403


def test_wrong_limits(inferencer: HMRInferencer) -> None:
    wrong = running_app(inferencer, max_megabytes=0)
    with pytest.raises(ValueError, match='max_megabytes=0: must be above 0'), wrong:
        pass
