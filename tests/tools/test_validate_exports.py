"""The programs that the exports are for; skipped where they are not installed."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

BLENDER, VALIDATOR = 'WHMR_BLENDER_PYTHON', 'WHMR_GLTF_VALIDATOR'
README = 'see tools/misc/validate_exports/README.md'


@pytest.fixture(scope='module')
def checks(repo_root: Path):
    path = repo_root / 'tools' / 'misc' / 'validate_exports' / 'validate.py'
    spec = importlib.util.spec_from_file_location('validate_exports', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_khronos_validator_and_three(checks, tmp_path: Path) -> None:
    modules = os.environ.get(VALIDATOR)
    if not modules or shutil.which('node') is None:
        pytest.skip(f'{VALIDATOR} names no folder with gltf-validator and three, {README}')
    table, body = checks.make_files(tmp_path, 6)
    assert checks.run_validator(modules, sorted(tmp_path.glob('*.glb')))
    found = checks.validate_three(modules, tmp_path, table, body)
    assert len(found) == 2
    assert not [line for line in found if not line[1] < line[2]]


@pytest.mark.slow
def test_blender(checks, tmp_path: Path) -> None:
    python = os.environ.get(BLENDER)
    if not python:
        pytest.skip(f'{BLENDER} names no Python with bpy, {README}')
    found = checks.validate_blender(python, tmp_path, 6)
    assert len(found) == 14
    assert not [line for line in found if not line[1] < line[2]]
