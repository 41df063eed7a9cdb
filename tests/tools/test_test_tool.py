"""tools/test.py without a checkpoint: the weights are those that the config's parts name."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('whmr_test_tool', ROOT / 'tools' / 'test.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_config_that_names_no_weights_needs_a_checkpoint(tool, workdir, capsys):
    config = ROOT / 'configs' / 'orient_correct' / 'hmr_lite.py'
    assert tool.main([str(config), '--embedded']) == 2
    assert 'names no weights: give a checkpoint' in capsys.readouterr().err
