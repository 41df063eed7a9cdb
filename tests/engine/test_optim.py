"""Mixed precision on the CPU, and optimisers that hold what is trained."""

from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn
from toy_parts import ToyModel, build_runner, toy_config

from whmr.engine import AutocastOptimWrapper, TrainableOptimWrapperConstructor


def build(model: nn.Module, paramwise: dict | None = None, **config: object) -> OptimWrapper:
    cfg = dict(optimizer=dict(type='Adam', lr=0.1, weight_decay=0.0), **config)
    return TrainableOptimWrapperConstructor(cfg, paramwise)(model)


def test_autocast_computes_in_bfloat16_and_steps_in_float32() -> None:
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = AutocastOptimWrapper(optimizer, clip_grad=dict(max_norm=0.5))
    x = torch.randn(8, 4)
    with wrapper.optim_context(model):
        out = model(x)
    assert out.dtype == torch.bfloat16
    before = [parameter.detach().clone() for parameter in model.parameters()]
    wrapper.update_params(100 * out.float().square().sum())
    steps = [(a - b.detach()) / 0.1 for a, b in zip(before, model.parameters())]
    assert all(step.dtype == torch.float32 for step in steps)
    assert float(torch.cat([step.flatten() for step in steps]).norm()) == pytest.approx(0.5, 1e-4)
    assert wrapper.state_dict()['loss_scaler'] == {}  # bfloat16 needs no scaling


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(dtype='float16'), "dtype='bfloat16' only"),
        (dict(dtype='int8'), "'auto', 'float16' or 'bfloat16', not 'int8'"),
        (dict(loss_scale='static'), 'loss_scale must be'),
    ],
)
def test_autocast_refuses_what_cannot_work(arguments: dict, message: str) -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    with pytest.raises(ValueError, match=message):
        AutocastOptimWrapper(optimizer, **arguments)


def test_accumulated_batches_step_like_one_batch() -> None:
    """Two half batches give the parameters that the whole batch gives."""
    x = torch.randn(8, 3)
    results = []
    for parts, counts in (([x], 1), ([x[:4], x[4:]], 2)):
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        wrapper = build(model, accumulative_counts=counts)
        for part in parts:
            wrapper.update_params(model(part).square().mean())
        results.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(results[0], results[1])


def test_frozen_parameters_never_reach_the_optimiser(tmp_path: Path) -> None:
    config = toy_config(tmp_path, model=dict(type='ToyModel', freeze=True))
    runner = build_runner(config)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    groups = runner.optim_wrapper.optimizer.param_groups
    held = {id(parameter) for group in groups for parameter in group['params']}
    assert held == {id(parameter) for parameter in runner.model.head.parameters()}
    state = torch.load(tmp_path / 'iter_6.pth', weights_only=True)['optimizer']['state']
    assert len(state) == 2
    after = runner.model.state_dict()
    assert torch.equal(before['backbone.weight'], after['backbone.weight'])
    assert not torch.equal(before['head.weight'], after['head.weight'])


def test_groups_with_equal_settings_are_one() -> None:
    model = ToyModel(norm=True)
    wrapper = build(model, dict(custom_keys={'backbone': dict(lr_mult=0.1)}, norm_decay_mult=0.0))
    groups = wrapper.optimizer.param_groups
    assert len(groups) == 2
    assert sorted(len(group['params']) for group in groups) == [2, 4]
    assert sorted(group['lr'] for group in groups) == pytest.approx([0.01, 0.1])
    model.backbone.requires_grad_(False)
    frozen = build(model, dict(custom_keys={'backbone': dict(lr_mult=0.1)}))
    assert [len(group['params']) for group in frozen.optimizer.param_groups] == [4]


def test_shared_parameters_are_held_once() -> None:
    model = nn.ModuleDict({'a': nn.Linear(2, 2)})
    model['b'] = model['a']
    wrapper = build(model, dict(custom_keys={'a': dict(lr_mult=0.5)}))
    assert sum(len(group['params']) for group in wrapper.optimizer.param_groups) == 2


@pytest.mark.parametrize(
    ('paramwise', 'message'),
    [
        (dict(custom_key={}), "no key 'custom_key'; did you mean 'custom_keys'"),
        (dict(custom_keys={'backbne': dict(lr_mult=0.1)}), "no parameter has 'backbne' in its"),
        (dict(custom_keys={'head': dict(lr_mul=0.1)}), "no key 'lr_mul'; did you mean 'lr_mult'"),
    ],
)
def test_a_typo_in_paramwise_cfg_is_an_error(paramwise: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(ToyModel(), paramwise)


def test_a_model_without_trainable_parameters_is_an_error() -> None:
    with pytest.raises(ValueError, match='nothing to train'):
        build(ToyModel().requires_grad_(False))


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'auto'])
def test_mixed_precision_on_cuda(tmp_path: Path, dtype: str) -> None:
    wrapper = dict(
        type='AutocastOptimWrapper',
        dtype=dtype,
        optimizer=dict(type='Adam', lr=0.01),
        clip_grad=dict(max_norm=1.0),
    )
    runner = build_runner(toy_config(tmp_path, optim_wrapper=wrapper))
    runner.train()
    assert next(runner.model.parameters()).is_cuda
    saved = torch.load(tmp_path / 'iter_6.pth', weights_only=True)['optimizer']['loss_scaler']
    assert bool(saved) is (dtype == 'float16')
    again = toy_config(tmp_path, optim_wrapper=wrapper, resume=True)
    again['train_cfg'] = dict(by_epoch=False, max_iters=8)
    build_runner(again).train()
    assert (tmp_path / 'iter_8.pth').is_file()
