"""The Python blocks of README and docs run, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / 'README.md',
    ROOT / 'README_zh.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'docs').rglob('*.md')),
]
FENCE = re.compile(r'^```python *\n(.*?)^```', flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r'(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)')
CODE = re.compile(r'^```.*?^```|`[^`\n]*`', flags=re.MULTILINE | re.DOTALL)


def python_blocks(text: str) -> list[tuple[int, str]]:
    """(line, source) of every block fenced as `python`; `python no-run` is left out."""
    return [(text[: m.start(1)].count('\n') + 1, m.group(1)) for m in FENCE.finditer(text)]


def links(text: str) -> list[str]:
    """Relative targets of links and pictures, without their anchors; code is not looked at."""
    found = [a or b for a, b in LINK.findall(CODE.sub('', text))]
    paths = [target.split('#')[0] for target in found if not re.match(r'[a-z]+:', target)]
    return [path for path in paths if path]


def test_every_package_has_a_reference_page() -> None:
    packages = {path.parent.name for path in (ROOT / 'whmr').glob('*/__init__.py')}
    pages = {page.stem for page in (ROOT / 'docs' / 'reference').glob('*.md')}
    assert pages == packages | {'registry'}


def page_id(path: Path) -> str:
    """The page, relative to the repository."""
    return str(path.relative_to(ROOT))


def test_blocks_are_found() -> None:
    text = 'a\n```python\nx = 1\n```\n```python no-run\ny\n```\n```bash\nz\n```\n'
    assert python_blocks(text) == [(3, 'x = 1\n')]
    assert links('[a](b.md#c) `[d](e)` ![f](g.png) [h](https://i.org) [j](#k)') == ['b.md', 'g.png']


@pytest.mark.parametrize(
    'page', [page for page in PAGES if python_blocks(page.read_text('utf-8'))], ids=page_id
)
def test_python_blocks_run(page: Path, workdir: Path) -> None:
    """All blocks of a page share one namespace, in an empty current folder."""
    namespace: dict[str, object] = {'__name__': 'docs'}
    for line, source in python_blocks(page.read_text(encoding='utf-8')):
        # Blank lines in front, so that a traceback names the page's own line.
        code = compile('\n' * (line - 1) + source, str(page), 'exec')
        exec(code, namespace)


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    targets = links(page.read_text(encoding='utf-8'))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f'{page_id(page)}: {missing}'


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_no_figure_is_left_open(page: Path) -> None:
    text = CODE.sub('', page.read_text(encoding='utf-8'))
    assert '<<' not in text, f'{page_id(page)} has a <<marker>> for a figure that nobody filled in'
