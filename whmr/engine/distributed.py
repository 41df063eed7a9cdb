"""Distributed training with or without CUDA.

MMEngine selects a CUDA device even for the gloo backend; here processes without CUDA join through
gloo, and the model wrapper gets no device ids.
"""

import datetime
import inspect
import os
import subprocess

import torch.distributed as torch_dist
from mmengine.dist import is_distributed
from mmengine.model import MMDistributedDataParallel
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from whmr.engine.errors import ConfigError
from whmr.registry import MODEL_WRAPPERS

DEFAULT_PORT = '29500'
# Newer torch has another name for this argument and warns of the old one.
_BUFFERS = (
    'forward_sync_buffers'
    if 'forward_sync_buffers' in inspect.signature(DistributedDataParallel).parameters
    else 'broadcast_buffers'
)


def init_cpu_distributed(launcher: str, *, timeout: float = 1800) -> None:
    """Join the other processes through gloo, where there is no CUDA device.

    Does nothing where the process has joined already.

    Args:
        launcher: 'pytorch' (torchrun) or 'slurm'.
        timeout: Seconds that a process waits for another.

    Raises:
        ConfigError: The process was not started by `launcher`.
    """
    if is_distributed():
        return
    if launcher == 'slurm':
        _slurm_to_torch()
    elif launcher != 'pytorch':
        raise ConfigError(f"launcher must be 'none', 'pytorch' or 'slurm', not {launcher!r}")
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK') if name not in os.environ]
    if missing:
        raise ConfigError(
            f'--launcher {launcher} needs the environment variables {", ".join(missing)}: start '
            'the tool through tools/dist_train.sh (torchrun)'
        )
    torch_dist.init_process_group('gloo', timeout=datetime.timedelta(seconds=timeout))


def _slurm_to_torch() -> None:
    """Set torch's environment variables from Slurm's."""
    names = ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST')
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ConfigError(
            f'--launcher slurm needs {", ".join(missing)}: start the tool with srun '
            '(tools/slurm_train.sh)'
        )
    if 'MASTER_ADDR' not in os.environ:
        hosts = subprocess.run(
            ['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        os.environ['MASTER_ADDR'] = hosts[0]
    os.environ.setdefault('MASTER_PORT', DEFAULT_PORT)
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
    os.environ['LOCAL_RANK'] = os.environ.get('SLURM_LOCALID', '0')


def shutdown_distributed() -> None:
    """Leave the process group, if the process is in one."""
    if torch_dist.is_available() and torch_dist.is_initialized():
        torch_dist.destroy_process_group()


@MODEL_WRAPPERS.register_module()
class DeviceAwareDistributedDataParallel(MMDistributedDataParallel):
    """MMEngine's data-parallel wrapper, for models on the CPU too.

    Args:
        module: The model, on its device.
        device_ids: CUDA devices; ignored where the model is on the CPU.
        broadcast_buffers: Whether rank 0's buffers replace the others' before each forward.
        find_unused_parameters: Whether some trainable parameters may get no gradient.
        static_graph: Whether the same parameters get a gradient in every iteration.
        detect_anomalous_params: Whether to log parameters that do not influence the loss (slow).

    Shapes: those of `module`.
    """

    def __init__(
        self,
        module: nn.Module,
        device_ids: list[int] | None = None,
        *,
        broadcast_buffers: bool = False,
        find_unused_parameters: bool = False,
        static_graph: bool = False,
        detect_anomalous_params: bool = False,
    ) -> None:
        on_cuda = all(parameter.is_cuda for parameter in module.parameters())
        super().__init__(
            module=module,
            device_ids=device_ids if on_cuda else None,
            find_unused_parameters=find_unused_parameters,
            static_graph=static_graph,
            detect_anomalous_params=detect_anomalous_params,
            **{_BUFFERS: broadcast_buffers},
        )
