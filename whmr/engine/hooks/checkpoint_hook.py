"""MMEngine's checkpoint hook, made safe against being killed and against a full disk."""

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.hooks import CheckpointHook as MMEngineCheckpointHook
from mmengine.runner import Runner

from whmr.engine.atomic import ATOMIC_BACKEND
from whmr.engine.checkpoint import read_checkpoint, write_checkpoint, write_pointer
from whmr.fileio import remove_partial_files
from whmr.registry import HOOKS


class _RemovalsLater:
    """A file backend that notes what is to be removed instead of removing it."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.noted: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.noted.append(path)


@HOOKS.register_module()
class CheckpointHook(MMEngineCheckpointHook):
    """Saves checkpoints so that the last good one always survives.

    It replaces MMEngine's hook of the same name under `default_scope='whmr'` and takes the same
    arguments (`interval`, `by_epoch`, `max_keep_ckpts`, `save_best`, `rule`, `published_keys`,
    ...). MMEngine removes old files before it writes the new one; here the new file is written
    first (atomically), then `last_checkpoint` names it (atomically), then old files go.

    Args:
        interval: Epochs (`by_epoch`) or iterations between checkpoints; -1 for none.
        by_epoch: Whether to save at the end of epochs. Iterations let a killed run go on in the
            middle of an epoch.
        max_keep_ckpts: Checkpoints that are kept; -1 for all.
        save_last: Whether to save at the end of the training in any case.
        save_best: Metric (or metrics, or 'auto') whose best checkpoint is kept beside.
        rule: 'greater' or 'less' is better, for `save_best`.
        greater_keys: Metrics of which more is better, where `rule` is absent.
        less_keys: Metrics of which less is better, where `rule` is absent.
        save_optimizer: Whether to save what resuming needs of the optimiser.
        save_param_scheduler: Whether to save what resuming needs of the schedulers.
        out_dir: Folder above the one that receives the files; None for the work folder.
        filename_tmpl: File name with one '{}' for the number.
        published_keys: Keys of a smaller copy that is written after the training, such as
            `['meta', 'state_dict']`.
        save_begin: Epoch or iteration of the first checkpoint.

    Shapes: none.
    """

    def __init__(
        self,
        interval: int = -1,
        by_epoch: bool = True,
        *,
        max_keep_ckpts: int = -1,
        save_last: bool = True,
        save_best: str | list[str] | None = None,
        rule: str | list[str] | None = None,
        greater_keys: list[str] | None = None,
        less_keys: list[str] | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        out_dir: str | None = None,
        filename_tmpl: str | None = None,
        published_keys: str | list[str] | None = None,
        save_begin: int = 0,
    ) -> None:
        super().__init__(
            interval=interval,
            by_epoch=by_epoch,
            max_keep_ckpts=max_keep_ckpts,
            save_last=save_last,
            save_best=save_best,
            rule=rule,
            greater_keys=greater_keys,
            less_keys=less_keys,
            save_optimizer=save_optimizer,
            save_param_scheduler=save_param_scheduler,
            out_dir=out_dir,
            filename_tmpl=filename_tmpl,
            backend_args={'backend': ATOMIC_BACKEND},
            published_keys=published_keys,
            save_begin=save_begin,
        )

    def before_train(self, runner: Runner) -> None:
        """Find the folder, remove half-written files, and check the interval."""
        super().before_train(runner)
        if is_main_process():
            remove_partial_files(self.out_dir)
            remove_partial_files(runner.work_dir)
        accumulated = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        if not self.by_epoch and self.interval > 0 and self.interval % accumulated:
            runner.logger.warning(
                f'a run resumed from a checkpoint loses gradients: its interval {self.interval} '
                f'is no multiple of the {accumulated} accumulated iterations '
                '(optim_wrapper.accumulative_counts)'
            )

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Write a checkpoint, name it the last one, and only then remove old ones."""
        outdated: list[int] = []
        if self.max_keep_ckpts > 0:
            kept = [number for number in self.keep_ckpt_ids if number != step] + [step]
            outdated = kept[: -self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(kept[-self.max_keep_ckpts :], self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        previous = self.last_ckpt
        self.last_ckpt = str(Path(self.out_dir) / name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        try:
            runner.save_checkpoint(
                self.out_dir,
                name,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
            )
        except BaseException:
            self.last_ckpt = previous
            runner.message_hub.update_info('last_ckpt', previous)
            raise
        if not is_main_process():
            return
        write_pointer(runner.work_dir, self.last_ckpt)
        for number in outdated:
            (Path(self.out_dir) / self.filename_tmpl.format(number)).unlink(missing_ok=True)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Write a new best checkpoint before the old best one is removed."""
        if self.save_best is None:
            return
        backend = self.file_backend
        later = _RemovalsLater(backend)
        self.file_backend = later
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = backend
        best = getattr(self, 'best_ckpt_path_dict', None)
        current = set(best.values()) if best is not None else {self.best_ckpt_path}
        for path in later.noted:
            if path not in current and backend.isfile(path):
                backend.remove(path)

    @master_only
    def _publish_model(self, runner: Runner, ckpt_path: str) -> None:
        """Write the copy that holds `published_keys` only."""
        checkpoint = read_checkpoint(ckpt_path)
        chosen = {key: checkpoint[key] for key in self.published_keys if key in checkpoint}
        path = Path(ckpt_path)
        path = path.with_name(f'{path.stem}_published.pth')
        write_checkpoint(path, chosen)
        runner.logger.info(f'{path}: {", ".join(chosen)} of {ckpt_path}')
