"""Curves from the logs of training runs."""

import json
from pathlib import Path

import cv2
import training_curves

from whmr.engine.config import load_config


def write(folder: Path, records: list[dict], tail: str = '') -> None:
    path = folder / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, records)) + '\n' + tail, encoding='utf-8')


def test_a_resumed_run_is_joined(tmp_path: Path) -> None:
    first = [
        {'loss': 9.0, 'step': 10},
        {'loss': 8.0, 'step': 20},
        {'camera/MPJPE': 200.0, 'step': 20},
        {'loss': 99.0, 'step': 30},
    ]
    write(tmp_path / 'run' / '20260101_000000', first, tail='{"loss": 7')
    second = [{'loss': 7.0, 'step': 30}, {'loss': 6.0, 'step': 40}]
    write(tmp_path / 'run' / '20260101_010000', [*second, {'camera/MPJPE': 150.0, 'step': 0}])
    curves = training_curves.read_curves(tmp_path / 'run')
    assert curves.loss == {10: 9.0, 20: 8.0, 30: 7.0, 40: 6.0}
    assert curves.validation['camera/MPJPE'] == {20: 200.0, 40: 150.0}


def test_picture_has_a_panel_for_each_run(tmp_path: Path, capsys) -> None:
    for name in ('one', 'two'):
        write(tmp_path / name / 'now', [{'loss': 2.0, 'step': 5}, {'mine': 3.0, 'step': 5}])
    out = tmp_path / 'curves.png'
    runs = [str(tmp_path / 'one'), str(tmp_path / 'two')]
    assert training_curves.main([*runs, '--metrics', 'mine', '--out', str(out)]) == 0
    height, width = cv2.imread(str(out)).shape[:2]
    assert width > 2 * height
    assert "two: 5 iterations, loss 2, {'mine': 3.0}" in capsys.readouterr().out


def test_runs_of_one_name_are_told_apart(tmp_path: Path, capsys) -> None:
    runs = [tmp_path / 'first' / 'run', tmp_path / 'second' / 'run']
    for number, folder in enumerate(runs):
        write(folder / 'now', [{'loss': 1.0 + number, 'step': 5}])
    assert training_curves.main([*map(str, runs), '--out', str(tmp_path / 'a.svg')]) == 0
    printed = capsys.readouterr().out
    assert f'{runs[0]}: 5 iterations, loss 1,' in printed
    assert f'{runs[1]}: 5 iterations, loss 2,' in printed


def test_a_folder_without_logs_is_named(tmp_path: Path, capsys) -> None:
    assert training_curves.main([str(tmp_path), '--out', str(tmp_path / 'a.png')]) == 2
    assert 'not the work folder of a training run' in capsys.readouterr().err
    assert not (tmp_path / 'a.png').exists()


def test_validations_are_logged_at_their_iteration(repo_root: Path) -> None:
    """By epoch they would all be at 0: no config counts epochs."""
    cfg = load_config(repo_root / 'configs' / 'whmr' / 'whmr_lite_stage1.py')
    assert cfg.log_processor.by_epoch is cfg.default_hooks.logger.log_metric_by_epoch is False
