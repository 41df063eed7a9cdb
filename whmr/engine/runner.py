"""MMEngine's runner with checkpoints that load safely, exact resuming, and CPU processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import is_distributed
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from whmr.datasets.collate import inline_collate
from whmr.engine.atomic import ATOMIC_BACKEND
from whmr.engine.checkpoint import (
    check_topology,
    find_last_checkpoint,
    load_state_dict,
    read_checkpoint,
    resolve_checkpoint,
    select_prefix,
)
from whmr.engine.distributed import init_cpu_distributed
from whmr.engine.errors import CheckpointError, ConfigError
from whmr.engine.hooks import BadPhotoHook, CheckpointStateHook
from whmr.registry import RUNNERS

_MODEL_WRAPPER = 'whmr.DeviceAwareDistributedDataParallel'
_CONSTRUCTOR = 'TrainableOptimWrapperConstructor'
_RESUME_KEYS = ('meta', 'message_hub', 'optimizer')
_LOOPS = {True: 'ResumableEpochTrainLoop', False: 'ResumableIterTrainLoop'}


@RUNNERS.register_module()
class HMRRunner(Runner):
    """The runner that the tools use; a config needs nothing special for it.

    Beyond MMEngine's runner:

    - checkpoints are plain data, written atomically, and load with `weights_only=True`;
      `load_from` and `resume` are strict and accept the folder of a run;
    - a run resumed in the middle of an epoch goes on exactly (`whmr.engine.seeding` states the
      guarantee and its limits), if its sampler is a `ResumableSampler`;
    - a photo that a test or validation cannot use is skipped, counted and listed;
    - a NaN loss ends the run, and what is trained is listed (`default_hooks` entries
      `finite_loss`, `parameter_report` and `seed_per_iter`; None removes one);
    - only trainable parameters reach the optimiser;
    - processes without CUDA train together through gloo.

    Its arguments are MMEngine's.
    """

    @property
    def is_resuming(self) -> bool:
        """Whether the run goes on from a checkpoint, as opposed to starting from weights."""
        return bool(self._resume)

    def setup_env(self, env_cfg: dict) -> None:
        """Join the other processes (through gloo where there is no CUDA)."""
        if self.distributed and not is_distributed() and not torch.cuda.is_available():
            timeout = env_cfg.get('dist_cfg', {}).get('timeout', 1800)
            init_cpu_distributed(self._launcher, timeout=timeout)
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the model for several processes, on any device."""
        if self.distributed:
            if self.cfg.get('sync_bn') and not torch.cuda.is_available():
                self.logger.warning('sync_bn is left out: it needs CUDA')
                self.cfg.sync_bn = None
            if model_wrapper_cfg is None:
                model_wrapper_cfg = {
                    'type': _MODEL_WRAPPER,
                    'find_unused_parameters': self.cfg.get('find_unused_parameters', False),
                }
        return super().wrap_model(model_wrapper_cfg, model)

    def register_hooks(
        self, default_hooks: dict | None = None, custom_hooks: list | None = None
    ) -> None:
        """Register the default hooks (ours included), the custom ones, and those always needed."""
        ours = {
            'seed_per_iter': {'type': 'SeedPerIterHook'},
            'finite_loss': {'type': 'CheckFiniteLossHook'},
            'parameter_report': {'type': 'ParameterReportHook'},
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1},
        }
        hooks = {**ours, **(default_hooks or {})}
        for name in ('seed_per_iter', 'finite_loss', 'parameter_report'):
            if hooks[name] is None:  # MMEngine removes only its own
                del hooks[name]
        super().register_hooks(hooks, custom_hooks)
        self.register_hook(BadPhotoHook())
        self.register_hook(CheckpointStateHook())

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a data loader.

        What `ResumableSampler` samples is wrapped in `SeedPerSample`, and without a `collate_fn` of
        its own its processes send whole batches (`inline_collate`).
        """
        if isinstance(dataloader, dict) and 'collate_fn' not in dataloader:
            dataloader = {**dataloader, 'collate_fn': inline_collate}
        if isinstance(dataloader, dict) and isinstance(dataloader.get('dataset'), dict):
            sampler = dataloader.get('sampler') or {}
            dataset = dataloader['dataset']
            if (
                isinstance(sampler, dict)
                and str(sampler.get('type')).endswith('ResumableSampler')
                and not str(dataset['type']).endswith('SeedPerSample')
            ):
                wrapped = {'type': 'SeedPerSample', 'dataset': dataset}
                dataloader = {**dataloader, 'dataset': wrapped}
        return Runner.build_dataloader(dataloader, seed, diff_rank_seed)

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the training loop; `by_epoch` chooses between our resumable ones."""
        if isinstance(loop, dict) and 'by_epoch' in loop and 'type' not in loop:
            loop = dict(loop)
            loop['type'] = _LOOPS[bool(loop.pop('by_epoch'))]
        return super().build_train_loop(loop)

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimiser for the trainable parameters.

        Raises:
            ConfigError: Its config is wrong.
        """
        if isinstance(optim_wrapper, dict) and 'optimizer' in optim_wrapper:
            optim_wrapper = {'constructor': _CONSTRUCTOR, **optim_wrapper}
        with _config_errors('optim_wrapper'):
            return super().build_optim_wrapper(optim_wrapper)

    def build_param_scheduler(self, scheduler: Any) -> Any:
        """Build the learning rate schedulers.

        Raises:
            ConfigError: Their config is wrong.
        """
        with _config_errors('param_scheduler'):
            return super().build_param_scheduler(scheduler)

    def load_or_resume(self) -> None:
        """Find the checkpoint to resume or load, then load it.

        Raises:
            FileNotFoundError: `load_from` names a file that does not exist.
        """
        if self._resume and self._load_from is None and not self._has_loaded:
            found = find_last_checkpoint(self.work_dir)
            if found is None:
                self.logger.warning(
                    f'--resume: {self.work_dir} holds no checkpoint yet: training starts anew'
                )
                self._resume = False
            else:
                self._load_from = str(found)
        super().load_or_resume()

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | torch.device = 'cpu',
        strict: bool = True,
        revise_keys: list[tuple[str, str]] | None = None,
    ) -> dict:
        """Load a checkpoint into the model.

        Args:
            filename: A checkpoint file or the folder of a run.
            map_location: The device that the tensors go to.
            strict: Whether every weight must fit.
            revise_keys: Must be None; keys are taken as they are, without a leading 'module.'.

        Raises:
            FileNotFoundError: There is no such file.
            CheckpointError: The file is damaged, unsafe, of another model or body, or (when
                resuming) holds weights only.
        """
        if revise_keys is not None:
            raise ValueError('revise_keys is not supported: convert the checkpoint instead')
        path = resolve_checkpoint(filename)
        checkpoint = read_checkpoint(path, map_location)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        lacking = [key for key in _RESUME_KEYS if key not in checkpoint]
        if self.is_resuming and lacking:
            raise CheckpointError(
                f'{path} cannot be resumed, it lacks {", ".join(lacking)}: start from its weights '
                'instead (load_from in the config, without --resume)'
            )
        check_topology(model, checkpoint, str(path))
        checkpoint['state_dict'] = select_prefix(checkpoint['state_dict'], '', str(path))
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        load_state_dict(model, checkpoint['state_dict'], str(path), strict=strict)
        self._has_loaded = True
        self.logger.info(f'Loaded {path}')
        return checkpoint

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
    ) -> None:
        """MMEngine's, written atomically: a full disk or a kill leaves earlier files whole."""
        super().save_checkpoint(
            out_dir,
            filename,
            file_client_args=file_client_args,
            save_optimizer=save_optimizer,
            save_param_scheduler=save_param_scheduler and self.param_schedulers is not None,
            meta=meta,
            by_epoch=by_epoch,
            backend_args=backend_args or {'backend': ATOMIC_BACKEND},
        )


@contextmanager
def _config_errors(name: str) -> Iterator[None]:
    """Errors in here are mistakes in the config's entry `name`."""
    try:
        yield
    except ConfigError:
        raise
    except (KeyError, TypeError, ValueError, AssertionError, RuntimeError) as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise ConfigError(f'{name}: {text}') from error
