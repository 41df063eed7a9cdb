"""Training loops that go on in the middle of an epoch without loading what was consumed."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.runner.utils import calc_dynamic_intervals
from torch.utils.data import DataLoader

from whmr.engine.sampler import ResumableSampler
from whmr.registry import LOOPS


def find_sampler(dataloader: DataLoader) -> ResumableSampler | None:
    """The resumable sampler of a data loader, or None if it has another."""
    for sampler in (dataloader.sampler, getattr(dataloader.batch_sampler, 'sampler', None)):
        if isinstance(sampler, ResumableSampler):
            return sampler
    return None


def batches_of_epoch(dataloader: DataLoader, epoch: int, done: int) -> Iterator[Any]:
    """The batches of an epoch that are left after the first `done` ones.

    Args:
        dataloader: With a `ResumableSampler` nothing is loaded to be skipped; with another
            sampler the consumed batches are loaded again.
        epoch: Counted from 0.
        done: Batches of the epoch that were consumed.
    """
    if hasattr(dataloader.dataset, 'set_epoch'):
        dataloader.dataset.set_epoch(epoch)
    sampler = find_sampler(dataloader)
    if sampler is not None:
        batch_size = dataloader.batch_sampler.batch_size
        sampler.seek(epoch, min(done * batch_size, len(sampler)))
        yield from dataloader
        return
    for candidate in (dataloader.sampler, getattr(dataloader.batch_sampler, 'sampler', None)):
        if hasattr(candidate, 'set_epoch'):
            candidate.set_epoch(epoch)
    if done:
        print_log(
            f'the sampler {type(dataloader.sampler).__name__} cannot start in mid-epoch: loading '
            f'{done} consumed batches again (ResumableSampler skips them)',
            'current',
        )
    yield from islice(dataloader, done, None)


@LOOPS.register_module()
class ResumableEpochTrainLoop(EpochBasedTrainLoop):
    """MMEngine's epoch-based loop, which resumes in the middle of an epoch.

    Its arguments are `EpochBasedTrainLoop`'s: `max_epochs`, `val_begin`, `val_interval`,
    `dynamic_intervals`. It is what `train_cfg=dict(by_epoch=True, ...)` builds.
    """

    def run_epoch(self) -> None:
        """Run what is left of the epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        if not 0 <= done <= len(self.dataloader):
            print_log(
                f'iteration {self._iter} does not lie in epoch {self._epoch} of '
                f'{len(self.dataloader)} iterations (another batch size or data set than before '
                'the interruption?): the epoch starts anew',
                'current',
                level=30,
            )
            done = 0
        batches = batches_of_epoch(self.dataloader, self._epoch, done)
        for index, batch in enumerate(batches, start=done):
            self.run_iter(index, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@LOOPS.register_module()
class ResumableIterTrainLoop(IterBasedTrainLoop):
    """MMEngine's iteration-based loop, which resumes without loading consumed batches.

    It is what `train_cfg=dict(by_epoch=False, ...)` builds. The data loader is run through epoch
    by epoch.

    Args:
        runner: The runner.
        dataloader: The training data loader, or its config.
        max_iters: Iterations to train for.
        val_begin: First iteration to validate at.
        val_interval: Iterations between validations.
        dynamic_intervals: (iteration, validation interval) from that iteration on.

    Shapes: none.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        *,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        # IterBasedTrainLoop's own constructor starts the worker processes at once, before a
        # resumed run knows where it is.
        BaseLoop.__init__(self, runner, dataloader)
        self._max_iters = int(max_iters)
        self._max_epochs = 1
        self._epoch = 0
        self._iter = 0
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.stop_training = False
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(
            val_interval, dynamic_intervals
        )
        if hasattr(self.dataloader.dataset, 'metainfo'):
            runner.visualizer.dataset_meta = self.dataloader.dataset.metainfo

    def run(self) -> Any:
        """Train, validating now and then, and return the model."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.dataloader_iterator = self._batches()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if (
                self.runner.val_loop is not None
                and self._iter >= self.val_begin
                and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
            ):
                self.runner.val_loop.run()
        self.dataloader_iterator.close()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _batches(self) -> Iterator[Any]:
        """Batches without end, from the current iteration on."""
        epoch, done = divmod(self._iter, len(self.dataloader))
        while True:
            yield from batches_of_epoch(self.dataloader, epoch, done)
            epoch, done = epoch + 1, 0
