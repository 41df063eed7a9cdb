"""Turn a training run's last checkpoint into a small safetensors file of weights alone."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import torch
from safetensors.torch import save
from torch import Tensor

from whmr.checkpoints import SAFETENSORS_NOTE
from whmr.engine import cli
from whmr.engine.checkpoint import read_checkpoint, resolve_checkpoint
from whmr.fileio import write_bytes

NOTED = ('iter', 'epoch', 'seed', 'experiment_name', 'topology')


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='checkpoint file, or the folder of a training run')
    parser.add_argument('out', type=Path, help='file to write (.safetensors)')
    parser.add_argument(
        '--half',
        action='store_true',
        help='store matrices and kernels in half precision (vectors, such as those of BatchNorm, '
        'stay in float32)',
    )
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def shrink(weights: dict[str, Tensor], half: bool) -> dict[str, Tensor]:
    """The weights to store: contiguous, matrices and kernels in half precision if asked for.

    Raises:
        ValueError: A weight is too large for half precision.
    """
    stored = {}
    for name, value in weights.items():
        if half and value.dim() >= 2 and value.is_floating_point():
            value = value.half()
            if not value.isfinite().all():
                raise ValueError(f'{name} does not fit into half precision: leave out --half')
        stored[name] = value.contiguous()
    return stored


def export(args: argparse.Namespace) -> None:
    """Write the file.

    Raises:
        ConfigError: The output is no .safetensors file, or a weight does not fit.
    """
    if args.out.suffix != '.safetensors':
        raise cli.ConfigError(f'{args.out}: the file must end with .safetensors')
    path = resolve_checkpoint(args.checkpoint)
    content = read_checkpoint(path)
    try:
        weights = shrink(dict(content['state_dict']), args.half)
    except ValueError as error:
        raise cli.ConfigError(str(error)) from error
    meta = content.get('meta') or {}
    note = {key: meta[key] for key in NOTED if key in meta}
    write_bytes(args.out, save(weights, {SAFETENSORS_NOTE: json.dumps(note)}))
    count = sum(value.numel() for value in weights.values())
    print(f'{path} -> {args.out}: {count:,} numbers, {args.out.stat().st_size / 1e6:.1f} MB')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    torch.set_num_threads(1)
    return cli.run_tool(export, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
