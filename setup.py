"""Package metadata. Versions: ranges here (requirements/), the tested set in constraints.txt."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What the command `whmr` runs and reads, put where OpenMMLab's packages have theirs: whmr/.mim.
BUNDLED = (
    'configs/**/*.py',
    'checkpoints/*.safetensors',
    'model-index.yml',
    'tools/*.py',
    'tools/*.sh',
    'tools/analysis/*.py',
    'tools/checkpoint_converters/*.py',
    'tools/dataset_converters/*.py',
    'tools/misc/*.py',
)


def read_version() -> str:
    """The version, read without importing the package."""
    text = (ROOT / 'whmr' / 'version.py').read_text(encoding='utf-8')
    match = re.search(r"^__version__ = '([^']+)'$", text, flags=re.MULTILINE)
    if match is None:
        raise RuntimeError('whmr/version.py: no line "__version__ = \'...\'"')
    return match.group(1)


def read_requirements(name: str) -> list[str]:
    """The requirements of one file, without comments."""
    lines = (ROOT / 'requirements' / name).read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


def read_optional() -> dict[str, list[str]]:
    """The extras of optional.txt: what stands under a heading `# [name]` belongs to it."""
    extras: dict[str, list[str]] = {}
    current = None
    for line in (ROOT / 'requirements' / 'optional.txt').read_text(encoding='utf-8').splitlines():
        heading = re.match(r'# \[(\w+)\]', line)
        if heading:
            current = extras.setdefault(heading.group(1), [])
        elif line.strip() and not line.startswith('#'):
            if current is None:
                raise RuntimeError(f'requirements/optional.txt: {line!r} is under no heading')
            current.append(line.strip())
    return extras


def read_extras() -> dict[str, list[str]]:
    """All extras: the optional features, `tests`, `docs`, and `all` (every feature)."""
    extras = read_optional()
    extras['all'] = sorted({line for lines in extras.values() for line in lines})
    extras['tests'] = read_requirements('tests.txt')
    extras['docs'] = read_requirements('docs.txt')
    return extras


class BuildWithBundle(build_py):
    """Adds the bundled files to a wheel; an editable install finds them in the checkout."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'whmr' / '.mim'
        for source in sorted(path for pattern in BUNDLED for path in ROOT.glob(pattern)):
            copy = target / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


setup(
    name='whmr',
    version=read_version(),
    description='W-HMR: human mesh recovery in gravity-aligned world space',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE', 'NOTICE'],
    python_requires='>=3.10',
    packages=find_packages(include=['whmr', 'whmr.*']),
    package_data={'whmr': ['assets/*', '**/assets/*', '**/assets/**/*']},
    include_package_data=False,
    cmdclass={'build_py': BuildWithBundle},
    entry_points={'console_scripts': ['whmr = whmr.cli:main']},
    zip_safe=False,
    install_requires=read_requirements('runtime.txt'),
    extras_require=read_extras(),
    keywords=['human mesh recovery', 'SMPL', 'camera calibration', '3D human pose', 'OpenMMLab'],
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3 :: Only',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
