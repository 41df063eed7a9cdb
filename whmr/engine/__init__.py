"""The training engine: runner, checkpoints, hooks, optimisers, and what the tools share."""

from whmr.engine.atomic import AtomicLocalBackend
from whmr.engine.checkpoint import (
    LoadReport,
    find_last_checkpoint,
    load_weights,
    read_checkpoint,
    resolve_checkpoint,
    write_checkpoint,
)
from whmr.engine.config import apply_options, check_names, load_config
from whmr.engine.distributed import (
    DeviceAwareDistributedDataParallel,
    init_cpu_distributed,
    shutdown_distributed,
)
from whmr.engine.embedded import use_embedded
from whmr.engine.errors import CheckpointError, ConfigError, MissingFilesError, NonFiniteError
from whmr.engine.hooks import (
    BadPhotoHook,
    CheckFiniteLossHook,
    CheckpointHook,
    CheckpointStateHook,
    DumpPredictionsHook,
    ParameterReportHook,
    SeedPerIterHook,
)
from whmr.engine.initializers import StrictPretrained
from whmr.engine.loops import ResumableEpochTrainLoop, ResumableIterTrainLoop
from whmr.engine.missing import find_missing, require_files
from whmr.engine.optim import (
    AutocastOptimWrapper,
    TrainableOptimWrapperConstructor,
    choose_dtype,
)
from whmr.engine.runner import HMRRunner
from whmr.engine.sampler import ResumableSampler, SampleIndex
from whmr.engine.seeding import SeedPerSample, seed_everything

__all__ = [
    'AtomicLocalBackend',
    'AutocastOptimWrapper',
    'BadPhotoHook',
    'CheckFiniteLossHook',
    'CheckpointError',
    'CheckpointHook',
    'CheckpointStateHook',
    'ConfigError',
    'DeviceAwareDistributedDataParallel',
    'DumpPredictionsHook',
    'HMRRunner',
    'LoadReport',
    'MissingFilesError',
    'NonFiniteError',
    'ParameterReportHook',
    'ResumableEpochTrainLoop',
    'ResumableIterTrainLoop',
    'ResumableSampler',
    'SampleIndex',
    'SeedPerIterHook',
    'SeedPerSample',
    'StrictPretrained',
    'TrainableOptimWrapperConstructor',
    'apply_options',
    'check_names',
    'choose_dtype',
    'find_last_checkpoint',
    'find_missing',
    'init_cpu_distributed',
    'load_config',
    'load_weights',
    'read_checkpoint',
    'require_files',
    'resolve_checkpoint',
    'seed_everything',
    'shutdown_distributed',
    'use_embedded',
    'write_checkpoint',
]
