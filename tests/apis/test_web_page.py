import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from whmr.apis import ResultsSource, gather_results
from whmr.apis.web_page import write_page
from whmr.body_models import FreeBody
from whmr.testing import clip_results


@pytest.fixture(scope='module')
def source() -> ResultsSource:
    body = FreeBody()
    return ResultsSource(gather_results(clip_results(5, 1, absent=(4, 4)), body, fps=10), body)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """clip.mp4, as the results name it; frame i is grey of the value 40 i."""
    path = tmp_path / 'clip.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (320, 180))
    for number in range(5):
        writer.write(np.full((180, 320, 3), 40 * number, dtype=np.uint8))
    writer.release()
    return path


def page_data(path: Path) -> dict:
    text = path.read_text(encoding='utf-8')
    start = text.index('id="data">') + len('id="data">')
    return json.loads(text[start : text.index('</script>', start)])


def test_photos_of_a_video(source: ResultsSource, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / 'page.html'
    report = write_page(source, out, title='clip', photos=clip, max_pictures=3)
    assert (report.num_pictures, report.num_wanted) == (3, 3)
    assert (report.num_people, report.num_frames) == (1, 5)
    assert report.num_bytes == out.stat().st_size
    data = page_data(out)
    assert data['fps'] == 10
    assert [picture['frame'] for picture in data['pictures']] == [0, 2, 4]
    first, _, last = data['pictures']
    assert first['photo'] != first['overlay']
    assert last['photo'] == last['overlay']  # nobody is there


def test_photos_that_are_not_there(source: ResultsSource, tmp_path: Path) -> None:
    report = write_page(source, tmp_path / 'page.html', title='clip')
    assert (report.num_pictures, report.num_wanted) == (0, 5)
    assert page_data(tmp_path / 'page.html')['pictures'] == []


def test_photos_where_the_results_say(
    source: ResultsSource, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip.parent)
    assert write_page(source, 'page.html', title='clip', max_pictures=1).num_pictures == 1
    assert write_page(source, 'page.html', title='clip', max_pictures=0).num_pictures == 0


def test_wrong_arguments(source: ResultsSource, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='max_pictures=-1: must be 0 or more'):
        write_page(source, tmp_path / 'page.html', title='a', max_pictures=-1)
    assert not list(tmp_path.iterdir())
