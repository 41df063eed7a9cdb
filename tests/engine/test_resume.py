"""An interrupted run that is resumed gives what an uninterrupted one gives, bit for bit."""

from pathlib import Path

import pytest
import torch
from toy_parts import InterruptionError, build_runner, toy_config

from whmr.engine import HMRRunner, read_checkpoint


def run(work_dir: Path, *, stop_at: int = -1, resume: bool = False, **changes: object) -> HMRRunner:
    config = toy_config(work_dir, resume=resume)
    record = dict(
        type='RecordHook', path=str(work_dir / 'losses.txt'), stop_at=stop_at, indices=True
    )
    config['custom_hooks'] = [record, *changes.pop('hooks', [])]
    checkpoint = config['default_hooks']['checkpoint']
    checkpoint.update(changes.pop('checkpoint', {}))
    config['train_dataloader'].update(changes.pop('dataloader', {}))
    config.update(changes)
    runner = build_runner(config)
    if stop_at > 0:
        with pytest.raises(InterruptionError):
            runner.train()
    else:
        runner.train()
    return runner


def lines(work_dir: Path) -> list[str]:
    return (work_dir / 'losses.txt').read_text().splitlines()


def assert_same(a: object, b: object, where: str = '') -> None:
    """Equal tensors, numbers and containers."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f'{where}.{key}')
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b)):
            assert_same(x, y, f'{where}[{i}]')
    else:
        assert a == b, where


EMA = dict(type='EMAHook', momentum=0.1)
EPOCHS = dict(
    train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1),
    param_scheduler=[
        dict(type='StepLR', step_size=1, gamma=0.5, by_epoch=True),
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5),
    ],
)


@pytest.mark.parametrize(
    ('stop_at', 'changes'),
    [
        # 12 samples in batches of 2: an epoch has 6 iterations.
        pytest.param(3, {}, id='iterations'),
        pytest.param(4, dict(hooks=[EMA]), id='ema'),
        pytest.param(5, dict(dataloader=dict(num_workers=2)), id='workers'),
        pytest.param(
            7,
            dict(
                dataloader=dict(num_workers=2, persistent_workers=True, batch_size=4),
                train_cfg=dict(by_epoch=False, max_iters=10, val_interval=2),
            ),
            id='persistent-workers-third-epoch',
        ),
        pytest.param(8, EPOCHS, id='mid-epoch'),
        pytest.param(6, EPOCHS, id='end-of-epoch'),
        pytest.param(
            4,
            dict(
                checkpoint=dict(interval=2),
                optim_wrapper=dict(
                    optimizer=dict(type='SGD', lr=0.01, momentum=0.9),
                    accumulative_counts=2,
                    clip_grad=dict(max_norm=0.1),
                ),
            ),
            id='accumulation',
        ),
        pytest.param(
            3,
            dict(
                optim_wrapper=dict(
                    type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=0.01)
                )
            ),
            id='bf16',
        ),
        pytest.param(3, dict(randomness=dict(seed=None)), id='drawn-seed'),
    ],
)
def test_resumed_run_equals_uninterrupted_run(tmp_path: Path, stop_at: int, changes: dict) -> None:
    interrupted, straight = tmp_path / 'interrupted', tmp_path / 'straight'
    copies = [dict(changes) for _ in range(3)]
    run(interrupted, stop_at=stop_at, **copies[0])
    if changes.get('randomness'):  # the straight run must draw the same seed
        seed = read_checkpoint(interrupted)['meta']['seed']
        run(straight, **{**copies[2], 'randomness': dict(seed=seed)})
    else:
        run(straight, **copies[2])
    before = lines(interrupted)
    runner = run(interrupted, resume=True, **copies[1])
    after = lines(interrupted)[len(before) :]
    assert len(before) == stop_at
    assert int(after[0].split()[0]) == stop_at  # nothing is trained twice
    assert before + after == lines(straight)
    last = f'iter_{runner.iter}.pth'
    one, two = read_checkpoint(interrupted / last), read_checkpoint(straight / last)
    for key in ('state_dict', 'optimizer', 'param_schedulers', 'ema_state_dict'):
        assert_same(one.get(key), two.get(key), key)
    # The message hub is whole: the loss history of all iterations.
    history = one['message_hub']['log_scalars']['train/loss'].data[0]
    assert [float(line.split()[1]) for line in lines(straight)] == history.tolist()


def test_workers_do_not_change_the_samples(tmp_path: Path) -> None:
    for workers in (0, 2):
        run(tmp_path / str(workers), dataloader=dict(num_workers=workers))
    assert lines(tmp_path / '0') == lines(tmp_path / '2')


def test_each_epoch_has_another_order_and_is_announced(tmp_path: Path) -> None:
    run(tmp_path, train_cfg=dict(by_epoch=False, max_iters=12, val_interval=100))
    orders: dict[int, list[int]] = {0: [], 1: []}
    for number, line in enumerate(lines(tmp_path)):
        indices, epochs = line.split(' ', 2)[2].split('] [')
        orders[number // 6] += [int(i) for i in indices.strip('[]').split(',')]
        assert {int(e) for e in epochs.strip('[]').split(',')} == {number // 6}
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(12))
    assert orders[0] != orders[1]


def test_a_change_of_the_batch_size_is_announced(tmp_path: Path) -> None:
    run(tmp_path, stop_at=3)
    runner = run(tmp_path, resume=True, dataloader=dict(batch_size=3))
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    assert 'another order of samples' in log
    assert 'batch_size: 2 -> 3' in log


def test_resume_without_a_checkpoint_starts_anew(tmp_path: Path) -> None:
    runner = run(tmp_path, resume=True)
    assert len(lines(tmp_path)) == 6
    assert 'training starts anew' in next(Path(runner.log_dir).glob('*.log')).read_text()


def test_other_samplers_resume_by_loading_what_was_consumed(tmp_path: Path) -> None:
    sampler = dict(sampler=dict(type='DefaultSampler', shuffle=True))
    orders = []
    for name, stop in (('interrupted', 3), ('straight', -1)):
        run(tmp_path / name, stop_at=stop, dataloader=dict(sampler))
    run(tmp_path / 'interrupted', resume=True, dataloader=dict(sampler))
    for name in ('interrupted', 'straight'):
        orders.append([line.split(' ', 2)[2] for line in lines(tmp_path / name)])
    assert orders[0] == orders[1]
