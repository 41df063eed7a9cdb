"""The plug-in example: a head outside the package builds, trains, and behaves as it says."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope

from whmr.engine.config import load_config
from whmr.engine.embedded import use_embedded
from whmr.registry import HEADS, MODELS
from whmr.testing import tiny_batch

EXAMPLES = Path(__file__).resolve().parents[1] / 'examples'
CONFIG = EXAMPLES / 'custom_head' / 'whmr_lite_custom_head.py'


@pytest.fixture(scope='module', autouse=True)
def plug_in() -> Iterator[None]:
    """`examples/` on Python's path, as PYTHONPATH=examples puts it, and our scope for names."""
    sys.path.insert(0, str(EXAMPLES))
    with DefaultScope.overwrite_default_scope('whmr'):
        yield
    sys.path.remove(str(EXAMPLES))


def test_config_is_short() -> None:
    assert len(CONFIG.read_text(encoding='utf-8').splitlines()) <= 20


def test_example_trains() -> None:
    cfg, _ = use_embedded(load_config(CONFIG))
    model = MODELS.build(cfg.model).train()
    assert [type(head).__name__ for head in model.regressors] == ['GatedRegressor'] * 3
    height, width = next(
        step['crop_shape']
        for step in cfg.train_dataloader.dataset.pipeline
        if step['type'] == 'CropPerson'
    )
    batch = tiny_batch(2, (height, width))
    before = {name: value.clone() for name, value in model.regressors.named_parameters()}
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-3))
    totals = [model.train_step(batch, wrapper)['loss'].item() for _ in range(4)]
    assert all(map(torch.isfinite, torch.tensor(totals)))
    assert totals[-1] < totals[0]
    unchanged = [n for n, p in model.regressors.named_parameters() if torch.equal(p, before[n])]
    assert not unchanged, f'these received no gradient: {unchanged}'


def test_closed_gate_keeps_the_pose() -> None:
    load_config(CONFIG)  # imports the plug-in
    head = HEADS.build(dict(type='GatedRegressor', feat_dim=8, hidden_dim=16))
    inputs = (torch.randn(2, 8), torch.randn(2, 5), torch.randn(2, 24, 3, 3))
    inputs += (torch.randn(2, 10), torch.randn(2, 3))
    with torch.no_grad():
        torch.nn.init.normal_(head.pose.weight)
        torch.nn.init.zeros_(head.gate.weight)
        head.gate.bias.fill_(20.0)
        head.gate.bias[3] = -100.0  # this joint's gate is shut
        output = head(*inputs)
    change = (output.pose - inputs[2]).abs().amax(dim=(0, 2, 3))
    assert change[3] < 1e-6
    assert (change[torch.arange(24) != 3] > 1e-3).all()
    assert output.betas.shape == (2, 10) and output.weak_cam.shape == (2, 3)
