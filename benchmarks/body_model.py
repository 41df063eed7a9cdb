"""Speed of the free body against smplx's SMPL layer on the same arrays.

    python benchmarks/body_model.py

Prints the median of the repeats in milliseconds, one thread unless OMP_NUM_THREADS says more. The
two take turns, so that other work on the machine slows both alike.
"""

import argparse
import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import torch
from torch import Tensor

from whmr.body_models import FreeBody, load_free_body_arrays
from whmr.geometry import axis_angle_to_rotmat

Run = Callable[[], object]


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, nargs='+', default=[1, 32], help='batch sizes')
    parser.add_argument('--repeats', type=int, default=50)
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def smplx_layer() -> torch.nn.Module:
    """smplx's layer on the free body's arrays."""
    import smplx
    from smplx.utils import Struct

    arrays = load_free_body_arrays()
    data = Struct(
        v_template=arrays.v_template,
        shapedirs=arrays.shapedirs,
        posedirs=arrays.posedirs,
        J_regressor=arrays.j_regressor,
        weights=arrays.weights,
        kintree_table=np.stack([arrays.parents, np.arange(24)]),
        f=arrays.faces,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # smplx prints a note on the number of betas
        return smplx.SMPL('unused', data_struct=data)


def random_pose(batch: int, device: str) -> dict[str, Tensor]:
    """Arguments of a forward pass."""
    return {
        'betas': torch.randn(batch, 10, device=device),
        'global_orient': axis_angle_to_rotmat(torch.randn(batch, 1, 3, device=device)),
        'body_pose': axis_angle_to_rotmat(0.4 * torch.randn(batch, 23, 3, device=device)),
    }


def medians(runs: dict[str, Run], repeats: int, device: str) -> dict[str, float]:
    """Median time of each function, ms; they take turns."""
    times = {name: [] for name in runs}
    for repeat in range(repeats + 3):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if device != 'cpu':
                torch.cuda.synchronize()
            if repeat >= 3:  # the first ones warm up
                times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print one row per batch size and pass."""
    args = parse_args()
    torch.manual_seed(0)
    ours, theirs = FreeBody().to(args.device), smplx_layer().to(args.device)
    print(
        f'{"batch":>5} {"pass":>18} {"FreeBody":>10} {"smplx":>10} {"ratio":>6}   ms, {args.device}'
    )
    for batch in args.batch:
        pose = random_pose(batch, args.device)

        def forward(model: torch.nn.Module, pose: dict[str, Tensor] = pose) -> None:
            with torch.no_grad():
                model(**pose) if model is ours else model(**pose, pose2rot=False)

        def backward(model: torch.nn.Module, pose: dict[str, Tensor] = pose) -> None:
            leaves = {name: value.detach().requires_grad_() for name, value in pose.items()}
            out = model(**leaves) if model is ours else model(**leaves, pose2rot=False)
            out.vertices.square().sum().backward()

        for name, run in (('forward', forward), ('forward + backward', backward)):
            runs = {key: lambda m=m, run=run: run(m) for key, m in (('a', ours), ('b', theirs))}
            time_of = medians(runs, args.repeats, args.device)
            a, b = time_of['a'], time_of['b']
            print(f'{batch:>5} {name:>18} {a:>10.2f} {b:>10.2f} {b / a:>6.2f}')


if __name__ == '__main__':
    main()
