"""The table of camera-space metrics."""

import argparse
import json
import os
from pathlib import Path

import metrics_table
import pytest

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / 'checkpoints' / 'whmr_lite.safetensors'


def test_rows_are_read() -> None:
    row = metrics_table.Row.parse('V, F=configs/v.py:work_dirs/a,work_dirs/b')
    assert row == metrics_table.Row('V, F', 'configs/v.py', ('work_dirs/a', 'work_dirs/b'))
    for text in ('configs/v.py:work_dirs/a', 'V=configs/v.py', '=c:d', 'V=:d'):
        with pytest.raises(argparse.ArgumentTypeError, match='NAME=CONFIG:CHECKPOINT'):
            metrics_table.Row.parse(text)


@pytest.mark.slow
def test_table_is_written(tmp_path: Path, monkeypatch, capsys) -> None:
    base = os.path.relpath(ROOT / 'configs' / 'demo' / 'demo_stage3.py', tmp_path)
    weights = f'checkpoint={str(WEIGHTS)!r}'
    (tmp_path / 'stage3.py').write_text(
        f'_base_ = {base!r}\n'
        f'model = dict(estimator=dict(init_cfg=dict({weights}, source_prefix="estimator."),\n'
        f'    backbone=dict(weights=None)), camera=dict(init_cfg=dict({weights})))\n'
        'test_dataloader = dict(dataset=dict(num_images=4, num_workers=0))\n',
        encoding='utf-8',
    )
    monkeypatch.chdir(tmp_path)
    rows = [f'one=stage3.py:{WEIGHTS}', f'twice=stage3.py:{WEIGHTS},{WEIGHTS}']
    assert metrics_table.main(['mine', '--rows', *rows, '--splits', 'test', 'val']) == 0
    record = json.loads(Path('docs/results/mine.json').read_text(encoding='utf-8'))
    assert [row['name'] for row in record['models']] == ['one', 'twice']
    for test in ('test', 'val'):
        one, twice = (record['rows'][test][name] for name in ('one', 'twice'))
        assert one[0]['MPJPE'] > one[0]['PA-MPJPE'] > 0
        assert twice == one * 2
    text = Path('docs/results/mine.md').read_text(encoding='utf-8')
    assert '## val' in text and '| twice ' in text

    assert metrics_table.main(['mine', '--rows', rows[0], rows[0]]) == 2
    assert metrics_table.main(['mine', '--rows', 'one=stage3.py:missing.pth']) == 2
    assert 'missing.pth' in capsys.readouterr().err
