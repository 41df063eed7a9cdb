"""What a checkpoint holds beside MMEngine's entries, and the form that it is written in."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from whmr.engine.checkpoint import body_topologies
from whmr.engine.errors import NonFiniteError
from whmr.engine.loops import find_sampler
from whmr.engine.plain import to_plain
from whmr.registry import HOOKS
from whmr.version import __version__


@HOOKS.register_module()
class CheckpointStateHook(Hook):
    """Completes a checkpoint and turns it into plain data; a resumed run takes its data order.

    Added: `data` (seed and shape of the data order), `meta.topology` (of the body model) and
    `meta.whmr_version`. The runner adds this hook by itself, after all others.

    Shapes: none.
    """

    priority = 'LOWEST'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Complete the checkpoint, and make it plain.

        Raises:
            NonFiniteError: A weight is NaN or infinite: such a checkpoint must not replace a
                good one.
        """
        bad = [
            key
            for key, value in checkpoint['state_dict'].items()
            if isinstance(value, torch.Tensor)
            and value.is_floating_point()
            and not torch.isfinite(value).all()
        ]
        if bad:
            raise NonFiniteError(
                f'iteration {runner.iter + 1}: {len(bad)} weights are NaN or infinite, first '
                f'{bad[0]}: no checkpoint was written, earlier ones are untouched; lower the '
                'learning rate or clip gradients (optim_wrapper.clip_grad)'
            )
        checkpoint['meta'].update(
            topology=body_topologies(_model(runner)), whmr_version=__version__
        )
        checkpoint['data'] = self._data_state(runner)
        plain = to_plain(checkpoint)
        checkpoint.clear()
        checkpoint.update(plain)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """When resuming, go on with the data order of before."""
        if not runner.is_resuming or 'data' not in checkpoint:
            return
        before, now = checkpoint['data'], self._data_state(runner)
        sampler = find_sampler(runner.train_dataloader)
        if sampler is not None and before['seed'] is not None:
            sampler.seed = before['seed']
        changed = [
            f'{k}: {before[k]} -> {now[k]}' for k in now if k != 'seed' and before[k] != now[k]
        ]
        if changed:
            runner.logger.warning(
                'the run goes on with another order of samples than before the interruption '
                f'({"; ".join(changed)})'
            )

    def _data_state(self, runner: Runner) -> dict[str, int | None]:
        """What the order of samples depends on."""
        dataloader = runner.train_dataloader
        sampler = find_sampler(dataloader)
        return {
            'seed': None if sampler is None else sampler.seed,
            'num_samples': len(dataloader.dataset),
            'batch_size': dataloader.batch_sampler.batch_size,
            'world_size': runner.world_size,
        }


def _model(runner: Runner) -> nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
