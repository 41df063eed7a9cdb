"""The command line: what it does, and what it says when it cannot."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from mmengine import Config

from whmr.engine import find_last_checkpoint, read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / 'tests' / 'engine'


def load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f'{name}_tool', ROOT / 'tools' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def write_config(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a toy config, whose work folder is the tool's own choice."""
    monkeypatch.syspath_prepend(str(TOY))
    from toy_parts import toy_config

    def write(name: str = 'toy', record: dict | None = None, **changes: object) -> Path:
        config = toy_config(workdir, **changes)
        del config['work_dir']
        config['custom_imports'] = dict(imports=['toy_parts'])
        config['custom_hooks'] = [dict(type='RecordHook', path=f'{name}.txt', **(record or {}))]
        path = workdir / f'{name}.py'
        path.write_text('\n'.join(f'{key} = {value!r}' for key, value in config.items()))
        return path

    return write


def test_a_run_and_its_test(write_config: Callable[..., Path], workdir: Path) -> None:
    config = write_config(_helper=[1], grad_flow=dict(a=True))
    arguments = ['--amp', '--seed', '7', '--tensorboard', '--cfg-options', 'train_cfg.max_iters=3']
    assert load_tool('train').main([str(config), *arguments]) == 0
    folder = workdir / 'work_dirs' / 'toy'
    assert find_last_checkpoint(folder) == folder / 'iter_3.pth'
    dumped = Config.fromfile(folder / 'toy.py')
    assert '_helper' not in dumped and 'grad_flow' not in dumped  # building blocks are used up
    assert dumped.optim_wrapper.type == 'AutocastOptimWrapper'
    assert dumped.randomness.seed == 7 and read_checkpoint(folder)['meta']['seed'] == 7
    assert list(folder.rglob('events.out.tfevents.*'))

    tested = write_config(
        'toy_test',
        test_dataloader=dict(
            batch_size=2,
            dataset=dict(type='ToyDataset', size=4),
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        test_evaluator=dict(type='ToyMetric'),
        test_cfg=dict(),
    )
    assert load_tool('test').main([str(tested), str(folder), '--summary', 'out/metrics.json']) == 0
    summary = json.loads((workdir / 'out' / 'metrics.json').read_text())
    assert summary['checkpoint'].endswith('iter_3.pth') and summary['num_samples'] == 4
    assert 0 < summary['metrics']['error'] < 5


@pytest.mark.parametrize(
    ('arguments', 'changes', 'code', 'message'),
    [
        (['--cfg-options', 'train_cfg.max_iter=3'], {}, 2, 'did you mean train_cfg.max_iters'),
        ([], dict(train_dataloder=1), 2, "did you mean 'train_dataloader'"),
        ([], dict(model=dict(type='ToyModle')), 2, 'ToyModle'),
        ([], dict(model=dict(type='ToyModel', widht=3)), 2, "argument 'widht'"),
        ([], dict(optim_wrapper=dict(optimizer=dict(type='Adam', lrr=1))), 2, 'optim_wrapper: '),
        ([], dict(param_scheduler=[dict(type='StepLR', stepsize=1)]), 2, 'param_scheduler: '),
        ([], dict(load_from='gone.pth'), 2, 'gone.pth does not exist'),
        (['--resume', 'gone.pth'], {}, 2, 'gone.pth does not exist'),
        ([], dict(model=dict(type='ToyModel', nan_at=2)), 1, 'iteration 2: not finite: loss_fit'),
        ([], dict(train_cfg=None, optim_wrapper=None), 2, 'has no train_cfg'),
        (['--amp'], dict(optim_wrapper=dict(type='Other', optimizer={})), 2, '--amp cannot be'),
    ],
)
def test_errors_are_one_line(
    write_config: Callable[..., Path],
    capsys: pytest.CaptureFixture,
    arguments: list[str],
    changes: dict,
    code: int,
    message: str,
) -> None:
    assert load_tool('train').main([str(write_config(**changes)), *arguments]) == code
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith('error: ')]
    assert len(lines) == 1 and message in lines[0]
    assert 'Traceback' not in error


def test_everything_missing_is_listed_with_the_way_out(
    write_config: Callable[..., Path], capsys: pytest.CaptureFixture
) -> None:
    data = dict(type='HMRDataset', data_root='data/h36m', ann_file='h36m_train.npz')
    loader = dict(batch_size=2, dataset=data, sampler=dict(type='ResumableSampler'))
    model = dict(type='ToyModel', body=dict(type='SMPL'))
    config = write_config(train_dataloader=loader, model=model)
    assert load_tool('train').main([str(config)]) == 2
    error = capsys.readouterr().err
    assert 'h36m_train.npz' in error and 'SMPL_NEUTRAL.npz' in error and '--embedded' in error


def test_debug_shows_where(
    write_config: Callable[..., Path], capsys: pytest.CaptureFixture
) -> None:
    config = write_config(model=dict(type='ToyModel', widht=3))
    assert load_tool('train').main([str(config), '--debug']) == 2
    error = capsys.readouterr().err
    assert 'Traceback' in error and error.rstrip().splitlines()[-1].startswith('error: ')


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_help_explains_every_option(tool: str, capsys: pytest.CaptureFixture) -> None:
    parser = load_tool(tool).build_parser()
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(['--help'])
    assert caught.value.code == 0
    assert 'examples:' in capsys.readouterr().out
    assert all(action.help for action in parser._actions)


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    write_config: Callable[..., Path], workdir: Path
) -> None:
    """SIGKILL in the middle of the second epoch; checkpoints every second iteration."""
    changes = dict(
        train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=2, by_epoch=False, max_keep_ckpts=1)
        ),
    )
    config = write_config('killed', record=dict(kill_at=9), **changes)
    text = config.read_text()
    config.write_text(text.replace("'num_workers': 0", "'num_workers': 2", 1))
    result = subprocess.run(
        [sys.executable, str(ROOT / 'tools' / 'train.py'), str(config)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), str(TOY)])},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == -signal.SIGKILL, result.stderr[-2000:]
    before = (workdir / 'killed.txt').read_text().splitlines()
    assert len(before) == 9  # the last of them after the checkpoint of iteration 8
    train = load_tool('train')
    write_config('killed', **changes)
    assert train.main([str(config), '--resume']) == 0
    after = (workdir / 'killed.txt').read_text().splitlines()[9:]
    assert train.main([str(write_config('straight', **changes))]) == 0
    straight = (workdir / 'straight.txt').read_text().splitlines()
    assert len(straight) == 12
    assert before == straight[:9] and after == straight[8:]


@pytest.mark.parametrize('script', ['dist_train.sh', 'slurm_train.sh'])
def test_the_shell_scripts_say_how_to_call_them(script: str) -> None:
    path = ROOT / 'tools' / script
    subprocess.run(['bash', '-n', str(path)], check=True)
    result = subprocess.run(['bash', str(path), 'x'], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert f'bash tools/{script}' in result.stderr
