"""Hooks: what ends a run, what survives it, and what is said and written."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn
from toy_parts import build_runner, toy_config

from whmr.engine import (
    CheckpointError,
    DumpPredictionsHook,
    HMRRunner,
    NonFiniteError,
    find_last_checkpoint,
    read_checkpoint,
)
from whmr.engine.hooks import count_parameters
from whmr.structures import HMRDataSample


def build(work_dir: Path, checkpoint: dict | None = None, **changes: object) -> HMRRunner:
    config = toy_config(work_dir, **changes)
    config['default_hooks']['checkpoint'].update(checkpoint or {})
    return build_runner(config)


def log_of(runner: HMRRunner) -> str:
    return next(Path(runner.log_dir).glob('*.log')).read_text()


def test_a_nan_loss_ends_the_run_and_names_its_terms(tmp_path: Path) -> None:
    runner = build(tmp_path, model=dict(type='ToyModel', nan_at=4))
    with pytest.raises(NonFiniteError) as caught:
        runner.train()
    text = str(caught.value)
    assert 'iteration 4' in text and 'loss_fit = nan' in text and 'loss_size' not in text
    assert str(tmp_path / 'iter_3.pth') in text
    assert find_last_checkpoint(tmp_path) == tmp_path / 'iter_3.pth'
    assert not (tmp_path / 'iter_4.pth').exists()
    state = read_checkpoint(tmp_path)['state_dict']
    assert all(torch.isfinite(value).all() for value in state.values())


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    runner = build(tmp_path, optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e30)))
    with pytest.raises(NonFiniteError, match=r'(weights are NaN|not finite)'):
        runner.train()
    for path in tmp_path.glob('iter_*.pth'):
        state = read_checkpoint(path)['state_dict']
        assert all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.parametrize('keep', [1, -1])
def test_a_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    runner = build(tmp_path, dict(max_keep_ckpts=keep))
    real, calls = os.fsync, []

    def fsync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        calls.append(size)
        if size > 1000 and sum(s > 1000 for s in calls) == 3:  # the third checkpoint
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(OSError, match=r'could not write .*iter_3\.pth: No space left'):
        runner.train()
    monkeypatch.undo()
    assert find_last_checkpoint(tmp_path) == tmp_path / 'iter_2.pth'
    assert read_checkpoint(tmp_path)['meta']['iter'] == 2
    assert not list(tmp_path.glob('.*'))
    build(tmp_path, dict(max_keep_ckpts=keep), resume=True).train()
    assert find_last_checkpoint(tmp_path) == tmp_path / 'iter_6.pth'
    assert len(list(tmp_path.glob('iter_*.pth'))) == (1 if keep == 1 else 6)


def test_old_files_go_only_after_the_new_ones_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every moment of a run there is a whole checkpoint, and `last_checkpoint` names it."""
    (tmp_path / '.iter_9.123.partial.pth').write_bytes(b'left by a killed run')
    saves = []
    original = HMRRunner.save_checkpoint

    def watched(self: HMRRunner, out_dir: str, filename: str, **arguments: object) -> None:
        if saves:
            read_checkpoint(find_last_checkpoint(tmp_path))
        if any('best' in name for name in saves):
            assert list(tmp_path.glob('best_*.pth'))
        saves.append(filename)
        original(self, out_dir, filename, **arguments)

    monkeypatch.setattr(HMRRunner, 'save_checkpoint', watched)
    runner = build(
        tmp_path,
        dict(
            max_keep_ckpts=1, save_best='error', rule='less', published_keys=['meta', 'state_dict']
        ),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.05)),
        train_cfg=dict(by_epoch=False, max_iters=6, val_interval=1),
        model=dict(type='ToyModel', dropout=0.0),
    )
    runner.train()
    names = sorted(path.name for path in tmp_path.glob('*.pth'))
    assert len([n for n in names if n.startswith('best_') and 'published' not in n]) == 1
    assert [name for name in names if name.startswith('iter_')] == [
        'iter_6.pth',
        'iter_6_published.pth',
    ]
    assert set(read_checkpoint(tmp_path / 'iter_6_published.pth')) == {'meta', 'state_dict'}
    assert sum('best' in name for name in saves) > 1  # an old best was replaced
    assert not list(tmp_path.glob('.*'))


def test_averaged_weights_are_what_a_test_loads(tmp_path: Path) -> None:
    ema = dict(type='EMAHook', momentum=0.5)
    runner = build(tmp_path, custom_hooks=[ema])
    runner.train()
    checkpoint = read_checkpoint(tmp_path)
    trained = runner.model.state_dict()
    averaged = checkpoint['state_dict']
    assert not torch.equal(averaged['head.weight'], trained['head.weight'])
    assert torch.equal(checkpoint['ema_state_dict']['module.head.weight'], trained['head.weight'])
    test = dict(
        train_dataloader=None, train_cfg=None, optim_wrapper=None, param_scheduler=None,
        val_dataloader=None, val_cfg=None, val_evaluator=None,
        test_dataloader=toy_config(tmp_path)['val_dataloader'],
        test_evaluator=dict(type='ToyMetric'), test_cfg=dict(),
        load_from=str(tmp_path),
    )  # fmt: skip
    for hooks in ([ema], []):
        tester = build(tmp_path / 'test', custom_hooks=hooks, **test)
        tester.test()
        for key, value in tester.model.state_dict().items():
            assert torch.equal(value, averaged[key]), key


def test_tensorboard_events_are_written(tmp_path: Path) -> None:
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    runner = build(
        tmp_path, visualizer=dict(type='mmengine.Visualizer', vis_backends=backends, name='tb')
    )
    runner.train()
    runner.visualizer.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (event,) = Path(runner.log_dir).rglob('events.out.tfevents.*')
    events = EventAccumulator(str(event)).Reload()
    assert [scalar.step for scalar in events.Scalars('loss')] == [1, 2, 3, 4, 5, 6]


def test_parameters_are_reported(tmp_path: Path) -> None:
    runner = build(
        tmp_path,
        model=dict(type='ToyModel', freeze=True),
        train_cfg=dict(by_epoch=False, max_iters=1),
    )
    runner.train()
    assert count_parameters(runner.model) == {'backbone': (0, 32), 'head': (9, 0)}
    rows = [line.split() for line in log_of(runner).splitlines()]
    assert ['backbone', '0', '32'] in rows
    assert ['total', '9', '32'] in rows
    assert 'are not in the optimiser' not in log_of(runner)
    outside = nn.Linear(1, 1)
    runner.optim_wrapper.optimizer.param_groups[0]['params'] = list(outside.parameters())
    for hook in runner.hooks:
        if type(hook).__name__ == 'ParameterReportHook':
            hook.before_train(runner)
    assert '2 trainable parameters are not in the optimiser, first: head.weight' in log_of(runner)


def test_default_hooks_can_be_left_out(tmp_path: Path) -> None:
    config = toy_config(tmp_path)
    config['default_hooks'].update(finite_loss=None, parameter_report=None, seed_per_iter=None)
    names = [type(hook).__name__ for hook in build_runner(config).hooks]
    assert not {'CheckFiniteLossHook', 'ParameterReportHook', 'SeedPerIterHook'} & set(names)
    assert names[-1] == 'CheckpointStateHook'
    assert 'CheckpointHook' in names


def test_weights_only_files_cannot_be_resumed(tmp_path: Path) -> None:
    torch.save(build(tmp_path).model.state_dict(), tmp_path / 'weights.pth')
    runner = build(tmp_path, resume=True, load_from=str(tmp_path / 'weights.pth'))
    with pytest.raises(CheckpointError, match='cannot be resumed, it lacks meta, message_hub, opt'):
        runner.train()


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    build(tmp_path).train()
    runner = build(tmp_path / 'b', model=dict(type='ToyModel', norm=True), load_from=str(tmp_path))
    with pytest.raises(CheckpointError, match=r'iter_6\.pth does not fit this ToyModel: 4 keys mi'):
        runner.train()


def test_another_bodys_checkpoint_is_refused(tmp_path: Path) -> None:
    from whmr.body_models import FreeBody

    runner = build(tmp_path)
    runner.model.body = FreeBody()
    runner.train()
    assert read_checkpoint(tmp_path)['meta']['topology'] == ['free_body']
    other = build(tmp_path / 'b', load_from=str(tmp_path))
    other.model.body = FreeBody()
    other.model.body.topology = 'smpl'
    with pytest.raises(CheckpointError, match=r'iter_6\.pth was .* free_body, .* is smpl'):
        other.train()


def test_an_interval_that_loses_gradients_is_announced(tmp_path: Path) -> None:
    runner = build(
        tmp_path,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1), accumulative_counts=2),
        train_cfg=dict(by_epoch=False, max_iters=1),
    )
    runner.train()
    assert 'no multiple of the 2 accumulated iterations' in log_of(runner)


class _Runner:
    """What the dump hook asks of a runner."""

    def __init__(self, size: int) -> None:
        self.test_dataloader = type('L', (), {'dataset': range(size)})()
        self.logger = type('G', (), {'info': staticmethod(lambda text: None)})()


def _sample(number: int, with_camera: bool = True) -> HMRDataSample:
    sample = HMRDataSample(metainfo=dict(img_path=f'{number}.jpg', sample_idx=number))
    sample.pred_instances = InstanceData(
        betas=torch.full((1, 10), float(number)), vertices=torch.ones(1, 5, 3)
    )
    if with_camera:
        sample.pred_camera = InstanceData(pitch=torch.tensor([number / 10]))
    return sample


@pytest.mark.parametrize('vertices', [False, True])
def test_predictions_are_dumped_as_plain_columns(tmp_path: Path, vertices: bool) -> None:
    hook = DumpPredictionsHook(str(tmp_path / 'p.npz'), vertices=vertices)
    runner = _Runner(3)
    hook.before_test_epoch(runner)
    hook.after_test_iter(runner, 0, outputs=[_sample(0), _sample(1)])
    hook.after_test_iter(runner, 1, outputs=[_sample(2)])
    hook.after_test_epoch(runner)
    with np.load(tmp_path / 'p.npz', allow_pickle=False) as data:
        assert data['betas'].shape == (3, 10) and data['betas'][2, 0] == 2
        assert data['img_path'].tolist() == ['0.jpg', '1.jpg', '2.jpg']
        np.testing.assert_allclose(data['camera_pitch'], [0, 0.1, 0.2], atol=1e-6)
        assert ('vertices' in data) is vertices


def test_uneven_predictions_are_an_error(tmp_path: Path) -> None:
    hook = DumpPredictionsHook(str(tmp_path / 'p.npz'))
    hook.after_test_iter(_Runner(2), 0, outputs=[_sample(0), _sample(1, with_camera=False)])
    with pytest.raises(ValueError, match="1 of 2 people have no 'camera_pitch'"):
        hook.after_test_epoch(_Runner(2))
    with pytest.raises(ValueError, match=r"as \.npz, not 'p\.pkl'"):
        DumpPredictionsHook('p.pkl')
