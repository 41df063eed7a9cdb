"""Exported weights load into the model they came from, and are half the size where asked for."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

from whmr.body_models import FreeBody
from whmr.engine import CheckpointError, load_weights, read_checkpoint, write_checkpoint

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'misc' / 'export_weights.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('whmr_export_weights', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64))


def test_half_precision_rounds_matrices_and_keeps_statistics(tool, tmp_path, capsys):
    model = make_model()
    model[1].running_var.fill_(1e-6)
    write_checkpoint(tmp_path / 'run.pth', {'state_dict': model.state_dict(), 'meta': {'iter': 3}})
    out = tmp_path / 'weights.safetensors'
    assert tool.main([str(tmp_path / 'run.pth'), str(out), '--half']) == 0
    assert 'MB' in capsys.readouterr().out
    other = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64))
    load_weights(other, out)
    torch.testing.assert_close(other[0].weight, model[0].weight, atol=1e-4, rtol=1e-3)
    assert not torch.equal(other[0].weight, model[0].weight)
    torch.testing.assert_close(other[0].bias, model[0].bias, atol=0, rtol=0)
    torch.testing.assert_close(other[1].running_var, model[1].running_var, atol=0, rtol=0)
    assert out.stat().st_size < 0.7 * (tmp_path / 'run.pth').stat().st_size


def test_what_does_not_fit_is_refused_and_nothing_is_written(tool, tmp_path):
    model = make_model()
    with torch.no_grad():
        model[0].weight[0, 0] = 1e6
    write_checkpoint(tmp_path / 'run.pth', {'state_dict': model.state_dict(), 'meta': {}})
    out = tmp_path / 'weights.safetensors'
    assert tool.main([str(tmp_path / 'run.pth'), str(out), '--half']) == 2
    assert tool.main([str(tmp_path / 'run.pth'), str(tmp_path / 'weights.bin')]) == 2
    assert not out.exists()
    assert tool.main([str(tmp_path / 'run.pth'), str(out)]) == 0


def test_the_body_is_noted_and_checked(tool, tmp_path):
    model = make_model()
    content = {'state_dict': model.state_dict(), 'meta': {'iter': 3, 'topology': ['smpl']}}
    write_checkpoint(tmp_path / 'run.pth', content)
    out = tmp_path / 'weights.safetensors'
    assert tool.main([str(tmp_path / 'run.pth'), str(out)]) == 0
    assert read_checkpoint(out)['meta'] == {'iter': 3, 'topology': ['smpl']}
    load_weights(make_model(), out)
    model.body = FreeBody()
    with pytest.raises(CheckpointError, match=r'weights\.safetensors was .* body topology smpl'):
        load_weights(model, out)
