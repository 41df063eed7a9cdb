"""Time and peak memory of the models by part, against a plain implementation in the same run.

    python benchmarks/model.py                       # forward, batch 1 and 8
    python benchmarks/model.py --batch 1 8 32 --modes plain eager compile bf16 --train --camera

`plain` does what a straightforward implementation does and this library does not: it poses the mean
mesh in each forward pass, multiplies whole-mesh matrices for joints and coarser meshes at each
step, runs the auxiliary heads at inference and keeps feature maps in PyTorch's default layout. The
results are the same. `compile` compiles backbone and neck, where the time goes. `bf16` is autocast
and also says what it costs. Each case runs in a process of its own, so that its peak memory is its
own.

`of peak` relates the operations of the model's products and convolutions, per second, to what
matrix products reach in the same process and precision: unlike seconds it can be compared between
machines. Weights are random and the body is the bundled one; neither changes the time.
Take figures from a quiet machine.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import torch
from mmengine import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from whmr.body_models import FreeBody
from whmr.engine import use_embedded
from whmr.models import WHMR
from whmr.registry import MODELS
from whmr.structures import CropMetas
from whmr.testing import tiny_batch

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'whmr'
VARIANTS = ('vitpose', 'r50', 'vitpose-hybrid', 'r50-hybrid', 'lite')
MODES = ('plain', 'eager', 'compile', 'bf16')
PARTS = (
    'backbone',
    'neck',
    'extractors',
    'regressors',
    'vertex_regressors',
    'body_model',
    'focal_head',
)
STEPS = ('forward', 'backward', 'adam')  # parts of a training step
COMPILED = ('backbone', 'neck')


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=VARIANTS[:4])
    parser.add_argument('--batch', type=int, nargs='+', default=[1, 8])
    parser.add_argument('--modes', nargs='+', choices=MODES, default=['plain', 'eager'])
    parser.add_argument('--train', action='store_true', help='also time training steps of stage II')
    parser.add_argument('--camera', action='store_true', help='also time CamCalib on 600x800')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--case', help=argparse.SUPPRESS)  # what a child process runs, as JSON
    return parser.parse_args()


def build(variant: str, device: str) -> tuple[WHMR, tuple[int, int]]:
    """The camera-space model of a config on the bundled body, and the size of its crops."""
    cfg, _ = use_embedded(Config.fromfile(CONFIGS / f'whmr_{variant}_stage2.py'))
    pipeline = cfg.test_dataloader.dataset.pipeline
    crop = next(step for step in pipeline if step['type'] == 'CropPerson')
    torch.manual_seed(0)
    return MODELS.build(cfg.model).to(device), tuple(crop['crop_shape'])


class Plain:
    """The work that a straightforward implementation adds to a forward pass."""

    def __init__(self, model: WHMR) -> None:
        self.model, self.body = model, model.body_model
        size = self.body.num_vertices
        generator = torch.Generator().manual_seed(0)
        self.matrices = [
            torch.rand(rows, columns, generator=generator).to(next(model.parameters()).device)
            for rows, columns in ((54, size), (1723, size), (431, 1723))
        ]
        model.backbone.to(memory_format=torch.contiguous_format)
        model.neck.to(memory_format=torch.contiguous_format)

    def __call__(self, inputs: dict[str, Tensor], metas: CropMetas) -> object:
        out = self.model.refine(inputs, metas)
        mean, batch = self.body.mean_params, len(metas.full_shape)
        meshes = [
            self.body(
                mean.betas.expand(batch, -1),
                mean.global_orient.expand(batch, -1, -1, -1),
                mean.body_pose.expand(batch, -1, -1, -1),
            ).vertices
        ]
        joints, level1, level2 = self.matrices
        for vertices in [*meshes, *(step.vertices for step in out.steps)]:
            joints @ vertices
            level2 @ (level1 @ vertices)
        if not self.model.training:
            for head in (self.model.iuv_head, self.model.depth_head):
                if head is not None:
                    head(out.feature_map)
        return out


@contextmanager
def timed_parts(model: nn.Module, device: str) -> Iterator[dict[str, float]]:
    """Seconds that the parts of a model take while the block runs."""
    seconds = dict.fromkeys(PARTS, 0.0)
    hooks = []

    def watch(part: str, module: nn.Module) -> None:
        started = []

        def before(*_: object) -> None:
            started.append(now(device))

        def after(*_: object) -> None:
            seconds[part] += now(device) - started.pop()

        hooks.append(module.register_forward_pre_hook(before))
        hooks.append(module.register_forward_hook(after))

    for part in PARTS:
        module = getattr(model, part, None)
        children = module if isinstance(module, nn.ModuleList) else [module] * (module is not None)
        for child in children:
            watch(part, child)
    yield seconds
    for hook in hooks:
        hook.remove()


def now(device: str) -> float:
    """The clock, after what was asked of the device is done."""
    if torch.device(device).type != 'cpu':
        torch.accelerator.synchronize()
    return time.perf_counter()


def crop_metas(batch: int, crop_shape: tuple[int, int], device: str) -> CropMetas:
    """Boxes of 400 px in photos of 640x480."""
    side = 400 / max(crop_shape)
    affine = torch.tensor([[side, 0, 100], [0, side, 40]]).expand(batch, 2, 3)
    full_shape = torch.tensor([[480.0, 640.0]]).expand(batch, 2)
    return CropMetas(affine, full_shape, crop_shape, torch.arange(batch)).to(device)


def repeat(function: Callable[[], object], repeats: int, device: str) -> float:
    """Median seconds of a call, after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = now(device)
        function()
        times.append(now(device) - start)
    return statistics.median(times)


def autocast(case: dict[str, object]) -> torch.autocast:
    """The precision of a case."""
    kind = torch.device(case['device']).type
    return torch.autocast(kind, torch.bfloat16, enabled=case['mode'] == 'bf16')


def matmul_rate(case: dict[str, object]) -> float:
    """Operations per second of a large matrix product in the precision of a case."""
    dtype = torch.bfloat16 if case['mode'] == 'bf16' else torch.float32
    matrix = torch.randn(2048, 2048, device=case['device'], dtype=dtype)
    return 2 * len(matrix) ** 3 / repeat(lambda: matrix @ matrix, 5, case['device'])


def operations(function: Callable[[], object]) -> float:
    """Floating-point operations of the products and convolutions of a call."""
    with FlopCounterMode(display=False) as counter:
        function()
    return float(counter.get_total_flops())


def compile_parts(model: WHMR, function: Callable[[], object]) -> dict[str, float]:
    """Compile the parts that take the time, and say how long the first call takes."""
    for name in COMPILED:
        getattr(model, name).compile(dynamic=False)
    start = time.perf_counter()
    function()
    return {'compile_s': time.perf_counter() - start}


def forward_case(case: dict[str, object]) -> dict[str, float]:
    """Time one forward pass at inference."""
    mode, batch, device = case['mode'], case['batch'], case['device']
    model, crop_shape = build(case['variant'], device)
    model.eval()
    metas = crop_metas(batch, crop_shape, device)
    inputs = {'crop': torch.randn(batch, 3, *crop_shape, device=device)}
    forward = Plain(model) if mode == 'plain' else model.refine
    with torch.no_grad():
        work = operations(lambda: model.refine(inputs, metas))
    row: dict[str, float] = {}
    with torch.inference_mode(), autocast(case):
        if mode == 'compile':
            row |= compile_parts(model, lambda: forward(inputs, metas))
        row['ms'] = 1e3 * repeat(lambda: forward(inputs, metas), case['repeats'], device)
        if mode != 'compile':  # hooks would be compiled too
            with timed_parts(model, device) as parts:
                half = forward(inputs, metas)
            row |= {part: 1e3 * seconds for part, seconds in parts.items() if seconds}
    if mode == 'bf16':
        with torch.inference_mode():
            whole = forward(inputs, metas)
        for name in ('vertices', 'joints'):
            one, other = (getattr(output.steps[-1], name) for output in (half, whole))
            row[f'{name}_mm'] = 1e3 * float((one - other).norm(dim=-1).mean())
    return row | {'of_peak': 1e3 * work / row['ms'] / matmul_rate(case)}


def train_case(case: dict[str, object]) -> dict[str, float]:
    """Time one training step of stage II; its parts are means over the repeats."""
    mode, batch, device = case['mode'], max(2, case['batch']), case['device']
    model, crop_shape = build(case['variant'], device)
    model.train()
    body = FreeBody()
    data = model.data_preprocessor(tiny_batch(batch, crop_shape, body=body), training=True)
    inputs, metas, targets = data['inputs'], data['metas'], data['targets']
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6, fused=True)
    waste = Plain(model) if mode == 'plain' else None
    seconds = dict.fromkeys(STEPS, 0.0)

    def step() -> None:
        optimizer.zero_grad()
        marks = [now(device)]
        with autocast(case):
            terms = model(inputs, metas, targets, mode='loss')
        total = sum(value for name, value in terms.items() if 'loss' in name)
        for work in (total.backward, optimizer.step):
            marks.append(now(device))
            work()
        marks.append(now(device))
        for part, start, end in zip(STEPS, marks[:-1], marks[1:], strict=True):
            seconds[part] += end - start

    row = compile_parts(model, step) if mode == 'compile' else {}
    work = 0.0 if mode == 'compile' else operations(step)
    seconds |= dict.fromkeys(STEPS, 0.0)
    row['ms'] = 1e3 * repeat(step, case['repeats'], device)
    row |= {part: 1e3 * value / (1 + case['repeats']) for part, value in seconds.items()}
    if work:
        row['of_peak'] = 1e3 * work / row['ms'] / matmul_rate(case)
    if waste is not None:
        with torch.no_grad():
            extra = repeat(lambda: waste(inputs, metas), case['repeats'], device)
            bare = repeat(lambda: model.refine(inputs, metas), case['repeats'], device)
        row['ms'] += 1e3 * max(0.0, extra - bare)
    return row


def camera_case(case: dict[str, object]) -> dict[str, float]:
    """Time CamCalib on photos of 600x800, those of a batch in one pass."""
    cfg, _ = use_embedded(Config.fromfile(CONFIGS / 'whmr_r50_stage3.py'))
    camera = MODELS.build(cfg.model).camera.to(case['device']).eval()
    photos = [torch.randn(3, 600, 800, device=case['device']) for _ in range(case['batch'])]
    with torch.inference_mode():
        work = operations(lambda: camera.predict(photos))
        with autocast(case):
            ms = 1e3 * repeat(lambda: camera.predict(photos), case['repeats'], case['device'])
    return {'ms': ms, 'of_peak': 1e3 * work / ms / matmul_rate(case)}


CASES = {'forward': forward_case, 'train': train_case, 'camera': camera_case}


def run_child(case: dict[str, object]) -> dict[str, float]:
    """Run a case in a process of its own."""
    command = [sys.executable, __file__, '--case', json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{case} failed:\n{done.stderr[-3000:]}')
    return json.loads(done.stdout.splitlines()[-1])


def child(case: dict[str, object]) -> None:
    """What `run_child` started."""
    torch.set_num_threads(case['threads'])
    init_default_scope('whmr')
    row = CASES[case['what']](case)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**row, 'peak_mib': peak}))


def show(case: dict[str, object], row: dict[str, float], first: float) -> None:
    """Print one line."""
    notes = [f'{part} {row[part]:.0f}' for part in (*PARTS, *STEPS) if part in row]
    if 'vertices_mm' in row:
        notes.append(f'off float32: vertices {row["vertices_mm"]:.2f} mm')
        notes.append(f'joints {row["joints_mm"]:.2f} mm')
    if 'compile_s' in row:
        notes.append(f'first call {row["compile_s"]:.0f} s')
    share = f'{row["of_peak"]:>8.0%}' if 'of_peak' in row else f'{"":8}'
    print(
        f'{case["what"]:<8}{case["variant"]:<15}{case["batch"]:>5} {case["mode"]:<8}'
        f'{row["ms"]:>9.0f}{first / row["ms"]:>7.2f}x{share}{row["peak_mib"]:>8.0f}   '
        f'{"  ".join(notes)}',
        flush=True,
    )


def main() -> None:
    """Print one line per case; ratios are to the first mode of the same model and batch."""
    args = parse_args()
    if args.case:
        child(json.loads(args.case))
        return
    print(f'{args.threads} thread(s), {args.device}; ms are medians of {args.repeats}')
    print(
        f'{"what":<8}{"model":<15}{"batch":>5} {"mode":<8}{"ms":>9}{"ratio":>8}{"of peak":>8}'
        f'{"MiB":>8}   parts, ms'
    )
    settings = dict(repeats=args.repeats, threads=args.threads, device=args.device)
    for what in ('forward', 'train') if args.train else ('forward',):
        for variant in args.variants:
            for batch in args.batch:
                first = None
                for mode in args.modes:
                    case = dict(what=what, variant=variant, batch=batch, mode=mode, **settings)
                    row = run_child(case)
                    first = first or row['ms']
                    show(case, row, first)
    if args.camera:
        for batch in args.batch:
            first = None
            for mode in sorted({'eager', *args.modes} & {'eager', 'bf16'}, reverse=True):
                case = dict(what='camera', variant='CamCalib', batch=batch, mode=mode, **settings)
                row = run_child(case)
                first = first or row['ms']
                show(case, row, first)


if __name__ == '__main__':
    main()
