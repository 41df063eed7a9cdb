"""The report in a real browser."""

import io

import numpy as np
import pytest
from PIL import Image

from whmr.apis import gather_results
from whmr.body_models import FreeBody
from whmr.testing import clip_results
from whmr.visualization.export import ResultsTable, person_motions
from whmr.visualization.web import PagePicture, encode_page

pytestmark = pytest.mark.browser

TITLE = '<img src=x onerror="window.broken = 1">'
FRAMES = 6


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def table(body: FreeBody) -> ResultsTable:
    """Two people; the second is away in frames 2 and 3."""
    return gather_results(clip_results(FRAMES, 2, absent=(2, 3)), body, fps=10)


@pytest.fixture(scope='module')
def page(browser, table: ResultsTable, body: FreeBody, tmp_path_factory) -> str:
    """The page's address; it is open and loaded."""
    photo = np.full((72, 128, 3), (200, 40, 40), np.uint8)
    pictures = [PagePicture(0, photo, 255 - photo), PagePicture(5, photo // 2, photo // 3)]
    path = tmp_path_factory.mktemp('page') / 'page.html'
    text = encode_page(table, body, title=TITLE, pictures=pictures, fps=10)
    path.write_text(text, encoding='utf-8')
    browser.open(path.as_uri())
    browser.wait(lambda: browser.run('return window.whmrState !== undefined'))
    return path.as_uri()


def canvas(browser) -> np.ndarray:
    """The scene's pixels, once they are drawn."""
    browser.driver.execute_async_script(
        'const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))'
    )
    png = browser.driver.find_element('id', 'canvas').screenshot_as_png
    return np.asarray(Image.open(io.BytesIO(png)).convert('RGB')).astype(int)


def show(browser, frame: int) -> dict:
    """Move the slider; returns what the page then shows."""
    script = """
        const slider = document.getElementById('frame');
        slider.value = arguments[0];
        slider.dispatchEvent(new Event('input'));
        return window.whmrState();
    """
    return browser.run(script, frame)


def click(browser, selector: str) -> None:
    browser.run('document.querySelector(arguments[0]).click()', selector)


def changed(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that differ."""
    return float((np.abs(one - other).max(axis=-1) > 24).mean())


def test_page_loads_and_asks_for_nothing(browser, page: str) -> None:
    assert browser.errors() == []
    assert browser.requests() == [page]
    assert browser.run('return document.title') == TITLE
    assert browser.run('return window.broken') is None
    assert canvas(browser)[150:, 20:-20].std() > 5


def test_slider_moves_the_bodies(browser, page: str, table: ResultsTable, body: FreeBody) -> None:
    first, second = person_motions(table, body, space='world')
    pictures = []
    for frame in (0, 3, 5):
        shown = show(browser, frame)
        assert shown['frame'] == frame
        np.testing.assert_allclose(shown['people'][0]['joints'], first.joints()[frame], atol=1e-4)
        assert shown['people'][1]['visible'] == (frame in second.frames)
        pictures.append(canvas(browser))
    assert changed(pictures[0], pictures[1]) > 0.002
    assert changed(pictures[1], pictures[2]) > 0.002
    assert browser.run("return document.getElementById('clock').textContent") == '5 / 5 · 0.50 s'


def test_camera_view_looks_through_the_camera(browser, page: str) -> None:
    show(browser, 0)
    free = canvas(browser)
    click(browser, '#view [value=photo]')
    seen = canvas(browser)
    assert browser.run('return window.whmrState().view') == 'photo'
    # The red photo is behind everybody; the free view has only its small image plane.
    red = (np.abs(seen - (200, 40, 40)).max(axis=-1) < 12).mean()
    assert red > 0.5 and changed(free, seen) > 0.5
    click(browser, '#view [value=free]')
    assert changed(free, canvas(browser)) < 0.001


def test_toggles(browser, page: str) -> None:
    show(browser, 0)
    everything = canvas(browser)
    for selector in ('#show-frustum', '#show-ground', '#people li:first-child input'):
        click(browser, selector)
        assert changed(everything, canvas(browser)) > 0.0005, selector
        click(browser, selector)
    assert changed(everything, canvas(browser)) < 0.001
    click(browser, '#people li:first-child input')
    assert [person['visible'] for person in show(browser, 0)['people']] == [False, True]
    click(browser, '#people li:first-child input')
    before = show(browser, 0)['people'][1]['joints'][0][1]
    click(browser, '#on-floor')
    assert show(browser, 0)['people'][1]['joints'][0][1] != pytest.approx(before, abs=1e-3)
    click(browser, '#on-floor')
    click(browser, '#theme')
    assert canvas(browser).mean() < everything.mean() - 60
    click(browser, '#theme')


def test_keys_turn_the_view(browser, page: str) -> None:
    show(browser, 0)
    element = browser.driver.find_element('id', 'canvas')
    element.send_keys('\ue011')  # home; the canvas has the focus from here on
    still = canvas(browser)
    element.send_keys('\ue014\ue014\ue014')  # arrow right
    assert changed(still, canvas(browser)) > 0.02
    element.send_keys('\ue011')
    assert changed(still, canvas(browser)) < 0.001
    element.send_keys(' ')
    browser.wait(lambda: browser.run('return window.whmrState().frame') > 0)
    element.send_keys(' ')
    assert browser.run('return window.whmrState().playing') is False


def test_pictures(browser, page: str) -> None:
    sources = []
    for kind in ('photo', 'overlay'):
        click(browser, f'#picture-kind [value={kind}]')
        for frame in (1, 4):  # the nearest pictures are those of 0 and 5
            show(browser, frame)
            sources.append(browser.run("return document.querySelector('#picture img').src"))
    assert len(set(sources)) == 4 and browser.errors() == []
