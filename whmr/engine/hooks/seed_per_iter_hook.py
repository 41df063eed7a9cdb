"""Random numbers of the model that depend on the iteration only."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from whmr.engine.seeding import seed_everything
from whmr.registry import HOOKS


@HOOKS.register_module()
class SeedPerIterHook(Hook):
    """Seeds the global generators before each iteration from (seed, rank, iteration).

    Dropout and random masks of a resumed run are then those of an uninterrupted one, whatever
    ran in between (a validation, a restart). See `whmr.engine.seeding`.

    Shapes: none.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed after the batch was loaded, before the model sees it."""
        seed_everything(runner.seed, runner.rank, runner.iter)
