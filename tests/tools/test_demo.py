"""The demo's console is calm, and shows what went wrong."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHATTER = """
import sys
from mmengine.utils import ProgressBar
print('System environment: a page of it')
bar = ProgressBar(3, file=sys.stderr)
for _ in range(3):
    bar.update()
sys.stderr.write('\\n')
print('Iter(train) [ 10/20]  loss: 1.0')
print('| orientation | of an earlier table')
print('in between')
print('| orientation | W-MPJPE |')
print('| uncorrected | 1.0 |')
if len(sys.argv) > 1:
    raise ValueError('what went wrong')
"""


@pytest.fixture(scope='module')
def demo():
    spec = importlib.util.spec_from_file_location('demo_tool', ROOT / 'tools' / 'demo.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def step(demo, tmp_path: Path):
    def make(*arguments: str):
        script = tmp_path / 'chatter.py'
        script.write_text(CHATTER)
        return demo.Step(
            'Talk', [script, *arguments], 'talk.log', demo.re.compile(r'^\| orientation')
        )

    return make


def test_console_is_calm_and_the_log_is_whole(demo, step, tmp_path, capsys) -> None:
    assert demo.run(step(), '1/2', tmp_path) == 0
    printed = capsys.readouterr().out
    lines = printed.strip().splitlines()
    assert lines[0] == '[1/2] Talk' and lines[1].startswith('  $ python ')
    assert lines[2].startswith('  done in ') and lines[3:] == [
        '| orientation | W-MPJPE |',
        '| uncorrected | 1.0 |',
    ]
    log = (tmp_path / 'talk.log').read_text()
    assert 'System environment' in log and 'loss: 1.0' in log and '1/3' not in log


def test_a_failure_is_shown_and_ends_the_demo(demo, step, tmp_path, capsys, monkeypatch) -> None:
    assert demo.run(step('fail'), '1/2', tmp_path) == 1
    printed = capsys.readouterr().out
    assert 'ValueError: what went wrong' in printed and 'exit code 1' in printed
    assert str(tmp_path / 'talk.log') in printed
    monkeypatch.setattr(demo, 'ROOT', tmp_path)
    monkeypatch.setattr(demo, 'make_steps', lambda out, photos: [step('fail'), step()])
    assert demo.main(['--out', str(tmp_path / 'out')]) == 1
    assert '[2/2]' not in capsys.readouterr().out


def test_progress_is_drawn_on_a_terminal(demo, step, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    demo.run(step(), '1/1', tmp_path)
    printed = capsys.readouterr().out
    assert 'images [################--------] 2/3' in printed
    assert 'train  [############------------] 10/20' in printed


def test_commands_exist(demo) -> None:
    steps = list(demo.make_steps(Path('out'), ['photo.jpg']))
    assert len(steps) == 5 and len({step.log for step in steps}) == 5
    for step in steps:
        for word in map(str, step.command):
            if word.startswith(('tools/', 'configs/')):
                assert (ROOT / word).is_file(), word
