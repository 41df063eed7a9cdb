"""The table tools from configs to files, on a few synthetic images."""

import json
import os
from pathlib import Path

import distortion_table
import noise_curve
import pytest
import results_table
from orientation_study import study

from whmr.engine.cli import ConfigError

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / 'checkpoints' / 'whmr_lite.safetensors'
FEW = ('--seeds', '0', '1', '--max-iters', '20', '--versions', '1', '--train-images', '6')
DIRECT = str(ROOT / 'configs' / 'orient_correct' / 'whmr_lite_direct.py')


@pytest.fixture
def config(tmp_path: Path, monkeypatch) -> Path:
    """Stage III on the bundled checkpoint; runs write below a folder of the test."""
    base = os.path.relpath(ROOT / 'configs' / 'demo' / 'demo_stage3.py', tmp_path)
    weights = f'checkpoint={str(WEIGHTS)!r}'
    path = tmp_path / 'stage3.py'
    path.write_text(
        f'_base_ = {base!r}\n'
        'model = dict(\n'
        f'    estimator=dict(init_cfg=dict({weights}, source_prefix="estimator."),\n'
        '        backbone=dict(weights=None)),\n'
        f'    camera=dict(init_cfg=dict({weights}), backbone=dict(weights=None)),\n'
        ')\n'
        'train_dataloader = dict(num_workers=0, dataset=dict(num_workers=0))\n'
        'test_dataloader = dict(dataset=dict(num_images=4, num_workers=0))\n',
        encoding='utf-8',
    )
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.slow
def test_tables_are_written_and_training_is_kept(config: Path, capsys, monkeypatch) -> None:
    rows = ('--rows', DIRECT, str(config), f'{config}:{config}')
    assert results_table.main(['mine', str(config), *rows, *FEW, '--splits', 'test', 'val']) == 0
    record = json.loads(Path('docs/results/mine.json').read_text(encoding='utf-8'))
    assert record['seeds'] == [0, 1]
    assert record['settings']['train_images'] == 6
    names = ['`whmr_lite_direct`', '`stage3`', '`stage3` on `stage3`']
    assert list(record['rows'])[4:] == names
    figures = {name: runs[0]['test'] for name, runs in record['rows'].items()}
    assert len({round(values['PA-MPJPE'], 2) for values in figures.values()}) == 1
    assert figures['multiplied by the true rotation']['camera rotation error (deg)'] < 0.05
    bound = figures['labelled orientation']
    assert bound['up-vector error (deg)'] < 0.05
    assert bound['PA-MPJPE'] < bound['W-MPJPE'] < figures['uncorrected']['W-MPJPE']
    own, transplant = (record['rows'][name] for name in names[1:])
    assert own == transplant  # the same model on both sides
    assert own[0] != own[1]
    assert '## val' in Path('docs/results/mine.md').read_text(encoding='utf-8')

    def fail(*args: object) -> None:
        raise AssertionError('trained again')

    monkeypatch.setattr('orientation_study.training._train', fail)
    assert results_table.main(['again', str(config), *rows, *FEW, '--splits', 'test', 'val']) == 0
    again = json.loads(Path('docs/results/again.json').read_text(encoding='utf-8'))
    assert again['rows'] == record['rows']
    monkeypatch.undo()
    os.chdir(config.parent)

    assert noise_curve.main([str(config), '--rows', str(config), *FEW, '--degrees', '0', '20']) == 0
    curve = json.loads(Path('docs/results/noise_curve.json').read_text(encoding='utf-8'))
    multiplied = curve['rows']['test']['multiplied']
    assert multiplied[1][0]['up-vector error (deg)'] > multiplied[0][0]['up-vector error (deg)']
    assert len(curve['rows']['test']['`stage3`, trained with noise'][1]) == 2

    assert distortion_table.main([str(config), str(WEIGHTS), '--work-dir', 'work']) == 0
    text = Path('docs/results/distortion.md').read_text(encoding='utf-8')
    assert all(f'| {rule}' in text for rule in distortion_table.RULES)
    assert 'error' not in capsys.readouterr().err


def test_another_kind_of_config_is_refused() -> None:
    for name in ('whmr/whmr_lite_stage1.py', 'orient_correct/whmr_lite_known_rotation.py'):
        with pytest.raises(ConfigError, match='give a WorldHMR that is fed the predicted rotation'):
            study.Study(ROOT / 'configs' / name, study.Settings())
    with pytest.raises(ConfigError, match='no orientation module'):
        study.read_row(str(ROOT / 'configs' / 'whmr' / 'whmr_lite_stage1.py'))
