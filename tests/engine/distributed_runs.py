"""What the processes of `test_distributed.py` run, started by torchrun: `... FOLDER`."""

import sys
from pathlib import Path

from mmengine.dist import barrier
from toy_parts import InterruptionError, build_runner, toy_config

from whmr.engine import shutdown_distributed


def run(folder: Path, *, stop_at: int = -1, test: bool = False, **changes: object) -> None:
    """One run of both processes."""
    config = toy_config(
        folder, launcher='pytorch', model=dict(type='ToyModel', dropout=0.0), sync_bn='torch'
    )
    config['optim_wrapper'] = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9))
    config['custom_hooks'][0].update(stop_at=stop_at)
    config['test_dataloader'] = config['val_dataloader']
    config['test_evaluator'] = config['val_evaluator']
    config['test_cfg'] = {}
    config.update(changes)
    runner = build_runner(config)
    try:
        runner.test() if test else runner.train()
    except InterruptionError:
        assert stop_at > 0
    barrier()


def main() -> None:
    """All runs, one after the other: starting the processes takes longest."""
    folder = Path(sys.argv[1])
    run(folder / 'straight')
    run(folder / 'resumed', stop_at=3)
    run(folder / 'resumed', resume=True)
    run(folder / 'tested', test=True, load_from=str(folder / 'straight'))
    run(
        folder / 'bf16',
        optim_wrapper=dict(
            type='AutocastOptimWrapper',
            optimizer=dict(type='SGD', lr=0.05),
            accumulative_counts=2,
            clip_grad=dict(max_norm=1.0),
        ),
    )
    shutdown_distributed()


if __name__ == '__main__':
    main()
