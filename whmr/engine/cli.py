"""What the command line tools share: common options, the run's config, and errors in one line."""

import os
import sys
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine import Config
from mmengine.logging import print_log

from whmr.body_models import BodyMismatchError
from whmr.datasets import BadSampleError
from whmr.engine.config import OptionAction, is_part, load_config
from whmr.engine.distributed import shutdown_distributed
from whmr.engine.embedded import EMBEDDED_SUFFIX, banner, use_embedded
from whmr.engine.errors import CheckpointError, ConfigError, NonFiniteError
from whmr.engine.missing import require_files

USER_ERROR = 2
RUN_FAILED = 1
_BUILD_ERRORS = (
    AssertionError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)
_USER_ERRORS = (CheckpointError, ConfigError, FileNotFoundError, BodyMismatchError)
_RUN_ERRORS = (NonFiniteError, BadSampleError, OSError)
_WORKER = 'Caught '  # how torch begins an error of a data loader's process


class _BuildError(Exception):
    """An error while the parts of a run are built: nearly always the config's."""


def add_common_arguments(parser: ArgumentParser) -> None:
    """Add the options that training and testing share."""
    parser.add_argument('config', help='config file, e.g. configs/whmr/whmr_lite_stage1.py')
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help="folder for logs and checkpoints (default: the config's work_dir, else "
        'work_dirs/<name of the config>)',
    )
    parser.add_argument(
        '--embedded',
        action='store_true',
        help='need no download: bundled body, small synthetic world, a few iterations; shows that '
        'a config works, its figures mean nothing',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionAction,
        default={},
        metavar='KEY=VALUE',
        help='change the config: optim_wrapper.optimizer.lr=1e-4 train_cfg.max_iters=100; a list '
        'is "[1,2]"; an unknown key is an error, +KEY=VALUE adds a new one',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm'),
        default='none',
        help='who started the processes: none (one process), pytorch (torchrun, see '
        'tools/dist_train.sh) or slurm (tools/slurm_train.sh)',
    )
    parser.add_argument(
        '--device',
        choices=('auto', 'cpu', 'cuda'),
        default='auto',
        help='device to compute on (default: CUDA where there is one)',
    )
    parser.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )


def check_device(device: str) -> None:
    """Make sure that the run computes where it was asked to.

    The tools hide CUDA devices for `--device cpu` before torch is imported.

    Args:
        device: 'auto', 'cpu' or 'cuda'.

    Raises:
        ConfigError: 'cuda' is asked for where there is none.
    """
    if device == 'cuda' and not torch.cuda.is_available():
        raise ConfigError('--device cuda: torch sees no CUDA device here; leave it out for the CPU')


def read_run_config(args: Namespace) -> Config:
    """The config of a run, with the common options applied.

    Args:
        args: What a parser with `add_common_arguments` gave; `work_dir` is filled in.

    Raises:
        ConfigError: The config or an option is wrong.
        FileNotFoundError: There is no such config.
    """
    cfg = load_config(args.config, args.cfg_options)
    for key in [key for key in cfg if is_part(key)]:
        cfg.pop(key)  # used up; the log and the checkpoints show what counts
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = Path(args.config).stem + (EMBEDDED_SUFFIX if args.embedded else '')
        cfg.work_dir = str(Path('work_dirs') / name)
    args.work_dir = cfg.work_dir
    return cfg


def settle_files(cfg: Config, *, embedded: bool, training: bool) -> Config:
    """Replace what a config needs by stand-ins, or make sure that it is there.

    Args:
        cfg: The config of a run.
        embedded: Whether to use stand-ins.
        training: Whether the run trains.

    Raises:
        MissingFilesError: (not embedded) Files are missing; the message lists all of them.
    """
    if not embedded:
        require_files(cfg, training=training)
        return cfg
    cfg, lines = use_embedded(cfg)
    print_log(banner(lines), logger='current', level=30)
    return cfg


@contextmanager
def building() -> Iterator[None]:
    """Errors in here are reported as mistakes of the config, in one line."""
    try:
        yield
    except (CheckpointError, ConfigError, BodyMismatchError):
        raise
    except _BUILD_ERRORS as error:
        raise _BuildError(f'{_message(error)} (--debug shows where)') from error


def run_tool(main: Callable[[Namespace], None], args: Namespace) -> int:
    """Run a tool and turn errors that a user can repair into one message.

    Args:
        main: The tool.
        args: Its arguments; `args.debug` asks for the traceback.

    Returns:
        The exit code: 0, 2 for a wrong config, option or file, 1 for a run that failed.
    """
    try:
        main(args)
        return 0
    except (*_USER_ERRORS, _BuildError) as e:
        code, error = USER_ERROR, e
    except _RUN_ERRORS as e:
        code, error = RUN_FAILED, e
    except KeyboardInterrupt:
        hint = '; go on with --resume' if hasattr(args, 'resume') else ''
        print_log(f'interrupted{hint}', logger=None)
        return 130
    finally:
        shutdown_distributed()
    if args.debug:
        traceback.print_exception(error)
    where = getattr(args, 'work_dir', None)
    if isinstance(error, OSError) and where and error.filename is None and _is_bare(error):
        where = f'could not write a log to {where}: '
        text = f'{where}{error.strerror}; free some space, then go on with --resume'
    else:
        text = _message(error)
    sys.stderr.write(f'error: {text}\n')
    return code


def parse_arguments(parser: ArgumentParser, argv: Sequence[str] | None) -> Namespace:
    """Parse, with the options of `add_common_arguments` made plain."""
    args = parser.parse_args(argv)
    args.cfg_options = args.cfg_options or {}
    return args


def _is_bare(error: OSError) -> bool:
    """Whether all that an error says is the operating system's text."""
    return bool(error.errno) and error.strerror == os.strerror(error.errno)


def _message(error: BaseException) -> str:
    """The error's text in plain words: no quotes of a KeyError, no number of an OSError."""
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    if isinstance(error, OSError) and error.strerror:
        return f'{error.filename}: {error.strerror}' if error.filename else error.strerror
    text = str(error) or type(error).__name__
    if text.startswith(_WORKER):  # with the worker's traceback; its last line is the message
        return text.strip().splitlines()[-1].partition(': ')[2]
    return text
