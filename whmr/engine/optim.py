"""Mixed precision on any device, and an optimiser that holds trainable parameters only."""

import difflib

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import AmpOptimWrapper, DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS
from torch import nn
from torch.optim import Optimizer

from whmr.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

_DTYPES = {'float16': torch.float16, 'bfloat16': torch.bfloat16}
_PARAMWISE_KEYS = (
    'custom_keys',
    'bias_lr_mult',
    'bias_decay_mult',
    'norm_decay_mult',
    'flat_decay_mult',
    'dwconv_decay_mult',
    'dcn_offset_lr_mult',
    'bypass_duplicate',
)


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(AmpOptimWrapper):
    """Mixed precision training on the device that the parameters lie on, CPU included.

    MMEngine's `AmpOptimWrapper` refuses the CPU. Gradients are scaled only for float16.

    Args:
        optimizer: The optimiser; its first parameter says the device.
        dtype: 'float16', 'bfloat16' or 'auto' (bfloat16 where the device has it, else float16).
        loss_scale: 'dynamic' or a fixed scale, for float16.
        accumulative_counts: Iterations whose gradients are summed before a step.
        clip_grad: Arguments of `torch.nn.utils.clip_grad_norm_`, such as `dict(max_norm=1.0)`.

    Shapes: none.

    Raises:
        ValueError: `dtype` is unknown, or the device cannot compute in it.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        dtype: str = 'auto',
        loss_scale: str | float = 'dynamic',
        accumulative_counts: int = 1,
        clip_grad: dict | None = None,
    ) -> None:
        # AmpOptimWrapper's own constructor raises on a CPU.
        OptimWrapper.__init__(
            self, optimizer, accumulative_counts=accumulative_counts, clip_grad=clip_grad
        )
        device = optimizer.param_groups[0]['params'][0].device.type
        self.cast_dtype = choose_dtype(dtype, device)
        if loss_scale != 'dynamic' and not isinstance(loss_scale, (int, float)):
            raise ValueError(f"loss_scale must be 'dynamic' or a number, not {loss_scale!r}")
        self._scale_update_param = None if loss_scale == 'dynamic' else float(loss_scale)
        self.loss_scaler = torch.amp.GradScaler(
            device,
            enabled=self.cast_dtype == torch.float16,
            init_scale=2.0**16 if loss_scale == 'dynamic' else float(loss_scale),
        )


def choose_dtype(name: str, device: str) -> torch.dtype:
    """The type that autocast computes in.

    Args:
        name: 'float16', 'bfloat16', or 'auto': bfloat16 where the device has it.
        device: Type of the device, such as 'cpu'.

    Raises:
        ValueError: If there is no such type, or the device does not compute in it.
    """
    bfloat16 = device != 'cuda' or torch.cuda.is_bf16_supported(including_emulation=False)
    if name == 'auto':
        return torch.bfloat16 if bfloat16 else torch.float16
    if name not in _DTYPES:
        raise ValueError(f"dtype must be 'auto', 'float16' or 'bfloat16', not {name!r}")
    if name == 'float16' and device == 'cpu':
        raise ValueError("the CPU computes in mixed precision with dtype='bfloat16' only")
    return _DTYPES[name]


def _check_keys(given: dict, known: tuple[str, ...], where: str) -> None:
    """Raise ValueError if `given` has a key that is not in `known`."""
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f'; did you mean {near[0]!r}?' if near else f'; it knows: {", ".join(known)}'
            raise ValueError(f'{where} has no key {key!r}{hint}')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TrainableOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, with trainable parameters only and without silent typos.

    Without `paramwise_cfg` MMEngine's own hands frozen parameters to the optimiser too, and with
    it every parameter becomes a group of its own, which makes a step slow. Here frozen ones are
    left out and equal groups are one.

    Args:
        optim_wrapper_cfg: Config of the wrapper; holds `optimizer`.
        paramwise_cfg: Settings for some parameters (MMEngine's `DefaultOptimWrapperConstructor`).

    Shapes: none.

    Raises:
        ValueError: A key of `paramwise_cfg` is unknown or matches no parameter, or nothing is
            trainable.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        _check_keys(self.paramwise_cfg, _PARAMWISE_KEYS, 'optim_wrapper.paramwise_cfg')

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser and its wrapper for the trainable parameters of `model`."""
        model = model.module if is_model_wrapper(model) else model
        names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        if not names:
            raise ValueError('nothing to train: every parameter of the model is frozen')
        for key in self.paramwise_cfg.get('custom_keys', {}):
            if not any(key in name for name, _ in model.named_parameters()):
                heads = ', '.join(name for name, _ in model.named_children())
                raise ValueError(
                    f'optim_wrapper.paramwise_cfg.custom_keys: no parameter has {key!r} in its '
                    f'name; the top-level modules are: {heads}'
                )
        optimizer_cfg = dict(self.optimizer_cfg, params=self._groups(model))
        optimizer = OPTIMIZERS.build(optimizer_cfg)
        for name, settings in self.paramwise_cfg.get('custom_keys', {}).items():
            _check_keys(
                settings,
                ('lr_mult', 'decay_mult', *optimizer.defaults),
                f'optim_wrapper.paramwise_cfg.custom_keys.{name}',
            )
        wrapper_cfg = dict(self.optim_wrapper_cfg, optimizer=optimizer)
        wrapper_cfg.setdefault('type', 'OptimWrapper')
        return MMENGINE_OPTIM_WRAPPERS.build(wrapper_cfg)

    def _groups(self, model: nn.Module) -> list[dict]:
        """Parameter groups; those with equal settings are one."""
        if not self.paramwise_cfg:
            return [{'params': [p for p in model.parameters() if p.requires_grad]}]
        single: list[dict] = []
        self.add_params(single, model)
        merged: dict[tuple, dict] = {}
        seen: set[nn.Parameter] = set()
        for group in single:
            if seen.issuperset(group['params']):  # shared by two modules
                continue
            seen.update(group['params'])
            options = {key: value for key, value in group.items() if key != 'params'}
            settings = {'lr': self.base_lr, 'weight_decay': self.base_wd, **options}
            key = tuple(sorted((name, repr(value)) for name, value in settings.items()))
            merged.setdefault(key, {'params': [], **options})['params'] += group['params']
        print_log(f'paramwise_cfg: {len(merged)} parameter groups', logger='current')
        return list(merged.values())
