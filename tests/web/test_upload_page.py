"""The upload page in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('gradio')

from PIL import Image

from whmr.apis import HMRInferencer
from whmr.apis.serve import running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope='module')
def page(browser, repo_root: Path) -> Iterator[str]:
    """The page's address; it is open."""
    config = repo_root / 'configs' / 'whmr' / 'whmr_lite_stage3.py'
    inferencer = HMRInferencer(config, device='cpu', detector='whole')
    with running_app(inferencer, max_megapixels=0.1) as url:
        browser.open(url)
        browser.wait(lambda: browser.driver.find_elements('css selector', '#photo input'))
        yield url


def upload(browser, photo: Path) -> None:
    browser.driver.find_element('css selector', '#photo input').send_keys(str(photo))
    browser.wait(lambda: browser.driver.find_elements('css selector', '#photo a'))  # it is there
    browser.driver.find_element('id', 'recover').click()


def test_upload_returns_a_mesh(browser, page: str, tmp_path: Path) -> None:
    photo = tmp_path / 'somebody.png'
    colors = np.random.default_rng(0).integers(0, 255, (160, 120, 3), dtype=np.uint8)
    Image.fromarray(colors).save(photo)
    upload(browser, photo)
    frame = browser.wait(lambda: browser.driver.find_element('css selector', '#scene iframe'))
    links = "return [...document.querySelectorAll('#downloads a')].map((link) => link.href)"
    names = {link.rpartition('/')[2].rpartition('.')[2] for link in browser.run(links)}
    assert names == {'html', 'glb', 'npz', 'png'}
    assert browser.driver.find_element('id', 'numbers').text.startswith('1 person · focal length')
    browser.driver.switch_to.frame(frame)
    [person] = browser.wait(lambda: browser.run('return window.whmrState().people'))
    browser.driver.switch_to.default_content()
    assert person['visible'] and np.ptp(np.array(person['joints'])[:, 1]) > 0.5
    assert all(url.startswith(page) for url in browser.requests())


def test_large_photo_is_refused(browser, page: str, tmp_path: Path) -> None:
    browser.open(page)
    browser.wait(lambda: browser.driver.find_elements('css selector', '#photo input'))
    photo = tmp_path / 'large.png'
    Image.new('L', (500, 400)).save(photo)
    upload(browser, photo)
    text = browser.wait(
        lambda: browser.driver.find_element('css selector', '[data-testid=toast-body]').text
    )
    assert 'the photo has 0.2 megapixels, the limit is 0.1' in text
