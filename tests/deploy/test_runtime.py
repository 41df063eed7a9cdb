"""ONNX Runtime is imported in one place, where its reports to its makers are switched off."""

import ast
import os
import sys
from pathlib import Path

import pytest

from whmr.deploy.runtime import TELEMETRY, import_onnxruntime

PACKAGE = Path(__file__).resolve().parents[2] / 'whmr'


def importers(package: Path) -> set[str]:
    """Files that import onnxruntime, in functions too."""
    found = set()
    for file in package.rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ''] if isinstance(node, ast.ImportFrom) else []
            if any(name.split('.')[0] == 'onnxruntime' for name in names):
                found.add(file.relative_to(package).as_posix())
    return found


def test_there_is_one_place() -> None:
    assert importers(PACKAGE) == {'deploy/runtime.py'}


def test_telemetry_is_off_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TELEMETRY, '0')
    assert import_onnxruntime().__name__ == 'onnxruntime'
    assert os.environ[TELEMETRY] == '0'
    monkeypatch.delenv(TELEMETRY)
    import_onnxruntime()
    assert os.environ[TELEMETRY] == '1'


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match='pip install onnxruntime'):
        import_onnxruntime()
