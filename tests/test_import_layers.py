"""Imports inside the package point one way only (CONTRIBUTING.md)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'whmr'

# Part -> the parts that it may import. `testing` is for tests and plug-in authors: it may use
# everything but the command line, and nothing may use it.
BASE = {'fileio', 'geometry', 'keypoints', 'registry', 'version'}
BODIES = BASE | {'structures', 'body_models', 'rendering'}
MIDDLE = {'models', 'datasets', 'evaluation', 'visualization', 'checkpoints', 'tracking'}
ALLOWED: dict[str, set[str]] = {
    '': {'version'},  # whmr/__init__.py
    'version': set(),
    'fileio': BASE,
    'geometry': BASE,
    'keypoints': BASE,
    'registry': BASE,
    'structures': BASE | {'structures'},
    'body_models': BODIES,
    'rendering': BODIES,
    **{part: BODIES | {part} for part in MIDDLE},
    'engine': BODIES | MIDDLE | {'engine'},
    'apis': BODIES | MIDDLE | {'engine', 'deploy', 'apis'},
    'exporting': BODIES | MIDDLE | {'engine', 'apis', 'deploy', 'exporting'},
    'deploy': {'deploy'},  # runs without torch, MMEngine and MMCV
    'cli': {'cli', 'version'},  # runs the scripts of tools/; they import what they need
    '__main__': {'cli'},
    'testing': BODIES | MIDDLE | {'engine', 'apis', 'testing'},
}
OUTSIDE = {'configs', 'tools', 'tests', 'benchmarks', 'examples'}


def imported_modules(source: str) -> list[tuple[int, str]]:
    """(line, absolute module) of every import, those inside functions included.

    Relative imports are given as '.': the style asks for absolute ones. Names that
    `from package import name` brings in are given as `package.name`, because they may be modules.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.append((node.lineno, '.'))
            else:
                found += [(node.lineno, f'{node.module}.{alias.name}') for alias in node.names]
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            literal = node.args[0] if node.args else None
            if (
                name in {'import_module', '__import__', 'import_modules_from_strings'}
                and isinstance(literal, ast.Constant)
                and isinstance(literal.value, str)
            ):
                found.append((node.lineno, literal.value))
    return found


def wrong_edges(part: str, source: str) -> list[str]:
    """What is wrong with the imports of one file of the package's part `part`."""
    problems = []
    for line, module in imported_modules(source):
        head, _, rest = module.partition('.')
        if module == '.':
            problems.append(f'line {line}: relative import')
        elif head in OUTSIDE:
            problems.append(f'line {line}: the package imports {module}')
        elif head == 'whmr':
            target = rest.split('.')[0]
            if target == '__version__':
                target = 'version'
            if target not in ALLOWED[part]:
                problems.append(f'line {line}: {part or "whmr"} must not import whmr.{target}')
    return problems


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to; '' is `whmr/__init__.py`."""
    head = path.relative_to(PACKAGE).parts[0]
    return '' if head == '__init__.py' else head.removesuffix('.py')


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {part_of(path) for path in PACKAGE.rglob('*.py')}
    assert parts <= set(ALLOWED), f'no layer is stated for {sorted(parts - set(ALLOWED))}'


@pytest.mark.parametrize('part', sorted(ALLOWED))
def test_imports_point_one_way(part: str) -> None:
    files = [path for path in sorted(PACKAGE.rglob('*.py')) if part_of(path) == part]
    problems = [
        f'{path.relative_to(PACKAGE.parent)}: {problem}'
        for path in files
        for problem in wrong_edges(part, path.read_text(encoding='utf-8'))
    ]
    assert not problems, '\n'.join(problems)


@pytest.mark.parametrize(
    ('part', 'source', 'ok'),
    [
        ('models', 'from whmr.geometry import rot6d_to_rotmat', True),
        ('models', 'from whmr.models.heads import IUVHead', True),
        ('models', 'from whmr.datasets import HMRDataset', False),
        ('datasets', 'import whmr.models.heads.iuv_head', False),
        ('evaluation', 'def f():\n    from whmr.visualization import overlay', False),
        ('geometry', 'from whmr.structures import HMRTargets', False),
        ('geometry', 'from whmr import structures', False),
        ('geometry', 'from whmr import keypoints', True),
        ('engine', 'from whmr.apis import HMRInferencer', False),
        ('engine', 'from whmr.models import WHMR', True),
        ('apis', 'from tools.train import main', False),
        ('apis', 'import importlib\nimportlib.import_module("configs.x")', False),
        ('body_models', 'import importlib\nimportlib.import_module("whmr.models")', False),
        ('models', 'from .heads import IUVHead', False),
        ('rendering', 'import numpy as np\nfrom mmengine import Config', True),
        ('models', 'from whmr.testing import TinyBody', False),
        ('deploy', 'from whmr.geometry import crop_affine', False),
        ('deploy', 'from whmr.deploy.pixels import crop_person', True),
        ('apis', 'from whmr.exporting import export_onnx', False),
    ],
)
def test_checker_tells_good_edges_from_bad(part: str, source: str, ok: bool) -> None:
    assert (wrong_edges(part, source) == []) is ok
