import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from whmr.apis import gather_results
from whmr.body_models import FreeBody
from whmr.testing import clip_results
from whmr.visualization.export import ResultsTable
from whmr.visualization.web import PagePicture, encode_page

ROOT = Path(__file__).resolve().parents[3]
VIEWER = ROOT / 'tools' / 'misc' / 'web_viewer'
BUNDLE = ROOT / 'whmr' / 'visualization' / 'web' / 'assets' / 'viewer.js'
EVIL = '</script><script>alert("1")</script><img src=x onerror=alert(2)>&amp;\'"$title'


class Elements(HTMLParser):
    """Elements of a page with their attributes, and the text in each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append('')

    def handle_endtag(self, tag: str) -> None:
        self.found.append(('', {}))
        self.texts[''] = ['']

    def handle_data(self, data: str) -> None:
        if self.found:
            self.texts[self.found[-1][0]][-1] += data


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def table(body: FreeBody) -> ResultsTable:
    return gather_results(clip_results(1, 5), body)


@pytest.fixture(scope='module')
def photo() -> np.ndarray:
    """A picture that JPEG cannot make small."""
    return np.random.default_rng(0).integers(0, 255, (720, 1280, 3), dtype=np.uint8)


def evil_page(table: ResultsTable, body: FreeBody) -> Elements:
    named = replace(table, frame_names=np.array([EVIL]))
    return Elements(encode_page(named, body, title=EVIL))


def test_texts_are_never_markup(table: ResultsTable, body: FreeBody) -> None:
    page = evil_page(table, body)
    assert [tag for tag, _ in page.found].count('script') == 2
    assert 'img' not in page.texts
    assert page.texts['title'] == [EVIL] and page.texts['h1'][0].strip() == EVIL
    assert json.loads(page.texts['script'][0])['frameNames'] == [Path(EVIL).name]


def test_page_forbids_all_but_itself(table: ResultsTable, body: FreeBody) -> None:
    page = evil_page(table, body)
    [policy] = [at['content'] for tag, at in page.found if tag == 'meta' and 'http-equiv' in at]
    rules = dict(rule.split(' ', 1) for rule in policy.split('; '))
    assert rules['default-src'] == "'none'" and rules['img-src'] == 'data: blob:'
    for rule, text in (
        ('script-src', page.texts['script'][1]),
        ('style-src', page.texts['style'][0]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    for _, attributes in page.found:
        assert not {'src', 'srcset', 'style', 'onload', 'onerror', 'onclick'} & set(attributes)
        assert not attributes.get('href')


def test_one_photo_with_five_people_is_small(
    table: ResultsTable, body: FreeBody, photo: np.ndarray
) -> None:
    smooth = np.repeat(np.repeat(photo[::8, ::8], 8, axis=0), 8, axis=1)
    page = encode_page(table, body, title='a', pictures=[PagePicture(0, smooth, smooth)])
    assert len(page.encode()) < 5e6
    assert page.count('data:image/jpeg;base64,') == 2


def test_bundle_is_made_of_the_sources() -> None:
    """If this fails, run tools/misc/web_viewer/build.sh."""
    files = [VIEWER / 'package.json', *sorted((VIEWER / 'src').glob('*.js'))]
    digest = hashlib.sha256(b''.join(path.read_bytes() for path in files)).hexdigest()
    bundle = BUNDLE.read_text(encoding='utf-8')
    assert f'sources sha256 {digest}' in bundle.splitlines()[0]
    version = json.loads(files[0].read_text())['dependencies']['three']
    assert f'three.js {version}:\n\nThe MIT License' in bundle
    assert not re.search(r'</script|<!--', bundle)


def test_wrong_arguments(table: ResultsTable, body: FreeBody, photo: np.ndarray) -> None:
    with pytest.raises(ValueError, match='fps=0: must be above 0'):
        encode_page(table, body, title='a', fps=0)
    with pytest.raises(ValueError, match=r'pictures of the frames \[1\]: there are 1 frames'):
        encode_page(table, body, title='a', pictures=[PagePicture(1, photo, photo)])
    with pytest.raises(ValueError, match='PagePicture: overlay must be'):
        PagePicture(0, photo, photo.astype(float))
