"""Speed of the rasteriser's backends on posed bodies.

    python benchmarks/rasterizer.py

Prints the median of the repeats in milliseconds per body, one thread unless OMP_NUM_THREADS says
more, and on which share of the pixels the backends agree.
"""

import argparse
import os
import statistics
import time
from importlib.util import find_spec

os.environ.setdefault('OMP_NUM_THREADS', '1')

import torch
from torch import Tensor

from whmr.body_models import FreeBody
from whmr.rendering import RasterOutput, rasterize

SHAPES = ((64, 64), (96, 128), (256, 192))


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--bodies', type=int, default=16, help='bodies in a batch')
    parser.add_argument('--repeats', type=int, default=20)
    parser.add_argument('--device', default='cpu', help="the torch backend's device")
    return parser.parse_args()


def upright_bodies(count: int) -> tuple[Tensor, Tensor]:
    """Vertices in camera coordinates and faces; each body fills most of a square image."""
    body = FreeBody()
    orient = body.mean_params.global_orient.expand(count, 1, 3, 3)
    pose = body.mean_params.body_pose.expand(count, 23, 3, 3)
    pose = pose @ torch.linalg.qr(torch.eye(3) + 0.15 * torch.randn(count, 23, 3, 3))[0]
    shift = torch.tensor([[0.0, 0.1, 4.0]]).expand(count, 3)
    return body(torch.randn(count, 10), orient, pose, shift).vertices, body.faces


def camera(count: int, shape: tuple[int, int]) -> Tensor:
    """Camera matrices that show 1.9 m over the shorter side at 4 m."""
    h, w = shape
    focal = 4 / 1.9 * min(h, w)
    return torch.tensor([[focal, 0, w / 2], [0, focal, h / 2], [0, 0, 1]]).expand(count, 3, 3)


def measure(
    vertices: Tensor, faces: Tensor, shape: tuple[int, int], backend: str, repeats: int
) -> tuple[float, RasterOutput]:
    """Median time per body, ms, and the picture."""
    intrinsics = camera(len(vertices), shape).to(vertices.device)
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        out = rasterize(vertices, faces, intrinsics, shape, backend)
        if vertices.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[2:]) / len(vertices), out


def main() -> None:
    """Print one row per image size."""
    args = parse_args()
    torch.manual_seed(0)
    vertices, faces = upright_bodies(args.bodies)
    moved = vertices.to(args.device), faces.to(args.device)
    print(
        f'{"h x w":>9} {"torch":>8} {"numba":>8} {"agree":>9}   ms per body, torch on {args.device}'
    )
    for shape in SHAPES:
        slow, expected = measure(*moved, shape, 'torch', args.repeats)
        row = f'{shape[0]:>4}x{shape[1]:<4} {slow:>8.2f}'
        if find_spec('numba') is not None:
            fast, out = measure(vertices, faces, shape, 'numba', args.repeats)
            same = (out.face_id == expected.face_id.cpu()).float().mean()
            row += f' {fast:>8.2f} {100 * same:>8.3f}%'
        print(row)


if __name__ == '__main__':
    main()
