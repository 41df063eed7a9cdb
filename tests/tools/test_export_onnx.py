"""tools/export_onnx.py: what it says, and its exit codes. What it exports: tests/deploy."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from whmr.exporting import ExportMismatchError, FileReport

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py')
REPORT = FileReport('model.onnx', {'vertices': 2e-6}, 42_000_000, 4, 1.5, 0.1)


@pytest.fixture(scope='module')
def tool() -> ModuleType:
    """The script, imported."""
    path = ROOT / 'tools' / 'export_onnx.py'
    spec = importlib.util.spec_from_file_location('export_onnx_tool', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, tuple]]:
    """Runs the tool with an exporter that yields one report, and then raises if it is told to."""

    def call(*arguments: str, error: Exception | None = None) -> tuple[int, tuple]:
        called: list[tuple] = []

        def fake(config, checkpoint, out, *, torchscript, timing) -> Iterator[FileReport]:
            called.append((checkpoint, out, torchscript, timing))
            yield REPORT
            if error is not None:
                raise error

        monkeypatch.setattr(tool, 'export_onnx', fake)
        code = tool.main(list(arguments))
        return code, called[0] if called else ()

    return call


def test_reports_are_printed(run, capsys: pytest.CaptureFixture) -> None:
    assert run(CONFIG, 'a.pth', 'onnx') == (0, ('a.pth', 'onnx', False, True))
    said = capsys.readouterr().out
    assert 'model.onnx: 42.0 MB' in said and 'vertices              2.0e-06' in said
    assert '1500 ms in PyTorch, 100 ms in ONNX Runtime: 15.0 times faster' in said
    assert 'all within 0.0001; written to onnx' in said
    options = (CONFIG, 'none', 'onnx', '--torchscript', '--no-timing', '--embedded')
    assert run(*options) == (0, (None, 'onnx', True, False))


@pytest.mark.parametrize(
    ('error', 'code', 'said'),
    [
        (ExportMismatchError("model.onnx: output 'betas' is off"), 1, "output 'betas' is off"),
        (OSError(28, 'No space left on device'), 1, 'No space left'),
        (FileExistsError(17, 'File exists'), 2, 'there is a file in the way'),
        (ValueError('bad config'), 2, 'bad config'),
    ],
)
def test_failures(run, error: Exception, code: int, said: str, capsys) -> None:
    assert run(CONFIG, 'a.pth', 'onnx', error=error)[0] == code
    captured = capsys.readouterr()
    assert said in captured.err and 'all within' not in captured.out


def test_missing_files_are_named(tool: ModuleType, tmp_path: Path, capsys) -> None:
    assert tool.main(['no_config.py', 'none', str(tmp_path / 'out')]) == 2
    assert 'no_config.py' in capsys.readouterr().err
    assert tool.main([CONFIG, 'no_weights.pth', str(tmp_path / 'out')]) == 2
    assert 'no_weights.pth' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
