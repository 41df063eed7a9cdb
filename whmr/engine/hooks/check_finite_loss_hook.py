"""Stops a run whose loss is no longer a number."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from whmr.engine.errors import NonFiniteError
from whmr.registry import HOOKS


@HOOKS.register_module()
class CheckFiniteLossHook(Hook):
    """Ends the training at the first NaN or infinite loss, and names the terms.

    It runs before checkpoints are saved; `CheckpointHook` refuses weights that are not finite,
    so the last checkpoint stays good.

    Args:
        interval: Iterations between checks.

    Shapes: none.
    """

    priority = 'HIGH'

    def __init__(self, interval: int = 1) -> None:
        if interval < 1:
            raise ValueError(f'CheckFiniteLossHook: interval must be >= 1, not {interval}')
        self.interval = interval

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Check the logged terms of this iteration.

        Raises:
            NonFiniteError: Some are NaN or infinite.
        """
        if not outputs or not self.every_n_train_iters(runner, self.interval):
            return
        values = {name: torch.as_tensor(value).detach() for name, value in outputs.items()}
        bad = {name: value for name, value in values.items() if not torch.isfinite(value).all()}
        if not bad:
            return
        terms = ', '.join(
            f'{name} = {value.sum().item()}' for name, value in bad.items() if name != 'loss'
        )
        last = runner.message_hub.get_info('last_ckpt')
        raise NonFiniteError(
            f'iteration {runner.iter + 1}: not finite: {terms or "loss"}; '
            + (f'the last checkpoint, {last}, is good' if last else 'no checkpoint was saved yet')
            + '; lower the learning rate, clip gradients (optim_wrapper.clip_grad), or look at '
            'the labels that this term reads'
        )
