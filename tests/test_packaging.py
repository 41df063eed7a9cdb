"""The wheel holds the whole package and works from another folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ['setup.py', 'pyproject.toml', 'README.md', 'LICENSE', 'NOTICE', 'MANIFEST.in']
SOURCES += ['model-index.yml']
FOLDERS = ['whmr', 'requirements', 'configs', 'checkpoints', 'tools']
BUNDLE = 'whmr/.mim/'

# Runs with the installed wheel: builds what reads bundled files. `build` rather than the class, so
# that registries find their modules in the installed package too.
USE = """
import sys, whmr
assert whmr.__file__.startswith(sys.argv[1]), whmr.__file__
import numpy, torch
from whmr.registry import BODY_MODELS, DETECTORS
from whmr.datasets.synthetic.assets import load_panorama
body = BODY_MODELS.build(dict(type='FreeBody'))
pose = dict(global_orient=torch.zeros(1, 3), body_pose=torch.zeros(1, 69))
assert body(betas=torch.zeros(1, 10), **pose).vertices.shape == (1, 6890, 3)
detector = DETECTORS.build(dict(type='OnnxPersonDetector'))
detector(numpy.zeros((48, 64, 3), dtype=numpy.uint8))
assert load_panorama('pmndrs_park').shape[2] == 3
"""


def package_files() -> set[str]:
    """Every file of the package, relative to the repository."""
    found = (path for path in (ROOT / 'whmr').rglob('*') if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if '__pycache__' not in path.parts}


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    source, out = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
    for name in SOURCES:
        shutil.copy(ROOT / name, source / name)
    for name in FOLDERS:
        ignore = shutil.ignore_patterns('__pycache__', 'node_modules')
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    command = [sys.executable, '-m', 'pip', 'wheel', '.', '--no-deps', '--no-build-isolation']
    done = subprocess.run(
        [*command, '--wheel-dir', str(out)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob('*.whl'))


@pytest.mark.slow
def test_wheel_holds_the_whole_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    bundled = {name for name in names if name.startswith(BUNDLE)}
    held = {name for name in names if name.startswith('whmr/')} - bundled
    assert held == package_files()
    configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*.py')}
    assert configs <= {name.removeprefix(BUNDLE) for name in bundled}
    others = {name.split('/')[0] for name in names - held - bundled}
    assert len(others) == 1 and next(iter(others)).endswith('.dist-info')
    licences = {name.rsplit('/', 1)[-1] for name in names if '/licenses/' in name}
    assert licences >= {'LICENSE', 'NOTICE'}


@pytest.fixture(scope='module')
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is installed into."""
    folder = tmp_path_factory.mktemp('site')
    install = [sys.executable, '-m', 'pip', 'install', '--no-deps', '--target', str(folder)]
    done = subprocess.run([*install, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run_elsewhere(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the installed wheel, in a folder of its own beside it."""
    elsewhere = site.with_name(f'{site.name}_elsewhere')
    elsewhere.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *command],
        cwd=elsewhere,
        env={**os.environ, 'PYTHONPATH': str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_installed_wheel_finds_its_data(site: Path) -> None:
    done = run_elsewhere(site, '-c', USE, str(site))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_command_works_outside_of_the_checkout(site: Path, tmp_path: Path) -> None:
    photo, out = ROOT / 'demo' / 'images' / 'park_walk.jpg', tmp_path / 'out'
    run = ['infer', str(photo), '--out', str(out), '--no-meshes', '--no-progress']
    done = run_elsewhere(site, str(site / 'bin' / 'whmr'), *run, '--device', 'cpu')
    assert done.returncode == 0, done.stderr
    assert (out / 'park_walk.npz').is_file() and list(out.glob('park_walk_*.png'))
    done = run_elsewhere(site, '-m', 'whmr', 'train', 'configs/whmr/whmr_lite_stage1.py', '--help')
    assert done.returncode == 0 and done.stdout.startswith('usage: whmr train ')
    done = run_elsewhere(site, '-m', 'whmr', 'infer', 'nothing.jpg', '--out', str(tmp_path / 'new'))
    assert done.returncode == 1 and 'nothing.jpg: no such file' in done.stdout, done.stderr


def requirement_names(path: Path) -> dict[str, str]:
    """Name (normalised) -> the rest of the line, of one requirements file."""
    found = {}
    for line in path.read_text(encoding='utf-8').splitlines():
        match = re.match(r'([A-Za-z0-9_.-]+)(.*)', line.strip())
        if match and not line.startswith('#'):
            found[re.sub(r'[-_.]+', '-', match.group(1)).lower()] = match.group(2)
    return found


@pytest.mark.parametrize('name', ['runtime', 'optional', 'tests', 'docs'])
def test_every_requirement_is_pinned_for_ci(name: str) -> None:
    pins = requirement_names(ROOT / 'requirements' / 'constraints.txt')
    wanted = requirement_names(ROOT / 'requirements' / f'{name}.txt')
    unpinned = [package for package in wanted if not pins.get(package, '').startswith('==')]
    assert wanted and not unpinned, f'not in requirements/constraints.txt: {unpinned}'


def test_hooks_use_the_pinned_linters() -> None:
    pins = requirement_names(ROOT / 'requirements' / 'constraints.txt')
    text = (ROOT / '.pre-commit-config.yaml').read_text(encoding='utf-8')
    for package, repo in (('ruff', 'ruff-pre-commit'), ('codespell', 'codespell')):
        rev = re.search(rf'/{repo}\n\s+rev: v([\d.]+)', text).group(1)
        assert pins[package] == f'=={rev}'


def test_version_is_said_once() -> None:
    import whmr

    citation = (ROOT / 'CITATION.cff').read_text(encoding='utf-8')
    assert f'\nversion: {whmr.__version__}\n' in citation
    assert f'## [{whmr.__version__}]' in (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8')


def test_build_leaves_nothing_out_that_is_ignored_by_git() -> None:
    """No source, config or test data is hidden from a clone by .gitignore."""
    if not (ROOT / '.git').exists() or shutil.which('git') is None:
        pytest.skip('not a git checkout')
    command = ['git', 'ls-files', '--others', '--ignored', '--exclude-standard', '--']
    folders = ['whmr', 'configs', 'tests', 'tools', 'docs', 'examples', 'benchmarks']
    done = subprocess.run(
        [*command, *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {'__pycache__', 'node_modules'}  # by running the code and by `npm ci`
    hidden = [name for name in done.stdout.splitlines() if made.isdisjoint(name.split('/'))]
    assert not hidden, f'.gitignore hides {hidden}'
