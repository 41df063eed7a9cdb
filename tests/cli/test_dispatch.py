"""The command `whmr`: which script runs, under which name, and with which exit code."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whmr.cli import main
from whmr.cli.bundle import bundle_root, find_argument
from whmr.cli.commands import COMMANDS, CONVERTERS

SCRIPTS = {name: command.script for name, command in COMMANDS.items() if command.script}
SCRIPTS |= {f'convert {name}': command.script for name, command in CONVERTERS.items()}
SCRIPTS |= {'convert dataset coco': 'dataset_converters/coco.py'}
del SCRIPTS['convert dataset']


@pytest.fixture
def fake_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a script in the place of the tool `infer`."""
    monkeypatch.setattr('whmr.cli.dispatch.bundle_root', lambda: tmp_path)
    (tmp_path / 'tools').mkdir()

    def write(source: str) -> Path:
        path = tmp_path / 'tools' / 'infer.py'
        path.write_text(f'import sys\nfrom pathlib import Path\n{source}\n')
        return path

    return write


def test_help_is_quick_and_imports_nothing_slow() -> None:
    code = (
        'import sys, time; from whmr.cli import main; assert main(["--help"]) == 0; '
        'slow = {"torch", "mmengine", "numpy", "cv2"} & set(sys.modules); assert not slow, slow; '
        'assert time.process_time() < 0.5, time.process_time()'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, command in COMMANDS.items():
        assert f'\n  {name} ' in done.stdout and command.summary in done.stdout
    assert all(code in done.stdout for code in ('0;', '1 if', '2 if', '130 if'))


def test_the_module_is_the_command() -> None:
    command = [sys.executable, '-m', 'whmr', '--version']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    from whmr import __version__

    assert done.stdout == f'whmr {__version__}\n'


@pytest.mark.parametrize('name', sorted(SCRIPTS))
def test_every_command_helps(name: str, capsys: pytest.CaptureFixture) -> None:
    assert main([*name.split(), '--help']) == 0
    said = capsys.readouterr().out
    assert said.startswith(f'usage: whmr {name} ')
    assert f'python tools/{SCRIPTS[name]}' not in said


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ([], 'usage: whmr COMMAND'),
        (['convert'], 'usage: whmr convert KIND'),
        (['convert', 'dataset'], 'usage: whmr convert dataset NAME'),
        (['infr'], "no command 'infr'; did you mean 'infer'?"),
        (['zzz'], 'one of infer, report'),
        (['convert', 'chekpoint'], "did you mean 'checkpoint'?"),
        (['convert', 'dataset', 'cocoa'], "did you mean 'coco'?"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.out + captured.err


@pytest.mark.parametrize(
    ('source', 'code', 'said'),
    [
        ('sys.exit(0)', 0, ''),
        ('pass', 0, ''),
        ('sys.exit()', 0, ''),
        ('sys.exit(1)', 1, ''),
        ("sys.exit('no such photo')", 2, 'error: no such photo'),
        ('raise KeyboardInterrupt', 130, 'interrupted'),
        ("raise FileNotFoundError('x.jpg: not there')", 2, 'error: x.jpg: not there'),
    ],
)
def test_exit_codes(
    fake_tool: Callable[[str], Path],
    source: str,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture,
) -> None:
    fake_tool(source)
    assert main(['infer', 'a.jpg']) == code
    assert said in capsys.readouterr().err


def test_a_script_runs_as_if_by_itself(
    fake_tool: Callable[[str], Path], capsys: pytest.CaptureFixture
) -> None:
    script = fake_tool('print(__name__, sys.argv, sys.path[0] == str(Path(__file__).parent))')
    bundled = script.parents[1] / 'configs' / 'a.py'
    bundled.parent.mkdir()
    bundled.touch()
    before = sys.argv, sys.path[:]
    assert main(['infer', 'a.jpg', 'configs/a.py', '--device=cpu']) == 0
    expected = ['whmr infer', 'a.jpg', str(bundled), '--device=cpu']
    assert capsys.readouterr().out == f'__main__ {expected} True\n'
    assert (sys.argv, sys.path) == before


def test_bundled_paths(workdir: Path) -> None:
    root = bundle_root()
    config = 'configs/whmr/whmr_lite_stage3.py'
    assert find_argument(config, root) == str(root / config)
    assert find_argument(f'--config={config}', root) == f'--config={root / config}'
    for untouched in ('configs/none.py', 'photo.jpg', '--out', '', str(root / config)):
        assert find_argument(untouched, root) == untouched
    (workdir / config).parent.mkdir(parents=True)
    (workdir / config).touch()
    assert find_argument(config, root) == config
