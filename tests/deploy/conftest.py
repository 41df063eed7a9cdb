"""The light model, exported once."""

from pathlib import Path

import pytest

from whmr.exporting import export_onnx

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py'
CHECKPOINT = ROOT / 'checkpoints' / 'whmr_lite.safetensors'


@pytest.fixture(scope='session')
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the light model with its bundled weights."""
    folder = tmp_path_factory.mktemp('onnx')
    reports = list(export_onnx(CONFIG, CHECKPOINT, folder, timing=False))
    assert [report.name for report in reports] == ['model.onnx', 'camera.onnx', 'orient.onnx']
    assert max(report.worst for report in reports) < 1e-4
    return folder
