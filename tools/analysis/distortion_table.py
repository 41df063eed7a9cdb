"""What a focal length is worth: 2D error in the full image and focal error by distance.

    python tools/analysis/distortion_table.py configs/whmr/whmr_lite_stage2.py \\
        work_dirs/whmr_lite_stage2 --splits test test_tilted

A model's bodies and crop cameras stay as they are; only the focal length of the full image's camera
is changed, and with it the translation, which follows from it (W-HMR Eq. 3 and 4): the predicted
one, 5000 px, the image diagonal, that of a field of view of 55 degrees, and the true one. Near
people are distorted more, so the rows are split by the labelled distance. Several checkpoints
(seeds) give mean and deviation. The table is written to docs/results/NAME.md and .json.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import torch
from mmengine import Config
from orientation_study.report import cell, markdown_table, summarise, write_results
from torch import Tensor, nn

from whmr.engine import cli
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.missing import is_type, iter_dicts
from whmr.engine.runner import HMRRunner
from whmr.evaluation import keypoint_error_2d, relative_focal_error
from whmr.geometry import denormalize_full, project_full, pseudo_focal_length, vfov_to_focal
from whmr.keypoints import NUM_OPENPOSE_JOINTS
from whmr.models.estimators.projection import full_camera
from whmr.structures import BodyEstimate, CropMetas, HMRTargets

LEVELS = ((1.0, 2.0), (2.0, 4.0), (4.0, 10.0))  # m
Rule = Callable[[BodyEstimate, CropMetas, HMRTargets], Tensor]
RULES: dict[str, Rule] = {
    'predicted': lambda estimate, metas, targets: estimate.focal_length,
    '5000 px': lambda estimate, metas, targets: torch.full_like(metas.full_shape[:, 0], 5000.0),
    'image diagonal': lambda estimate, metas, targets: pseudo_focal_length(metas.full_shape),
    '55 deg': lambda estimate, metas, targets: vfov_to_focal(
        torch.full_like(metas.full_shape[:, 0], math.radians(55.0)), metas.full_shape[:, 0]
    ),
    'true': lambda estimate, metas, targets: targets.focal_length,
}


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cli.add_common_arguments(parser)
    parser.add_argument('checkpoints', nargs='+', help='of one model, one for each seed')
    parser.add_argument('--name', default='distortion', help='of the table (default: %(default)s)')
    parser.add_argument(
        '--out', default='docs/results', metavar='DIR', help='(default: %(default)s)'
    )
    parser.add_argument(
        '--splits', nargs='+', default=[], help="of SyntheticWorld (default: the config's test set)"
    )
    return parser


def test_sets(cfg: Config, splits: Sequence[str]) -> dict[str, Config]:
    """The config with each of the test splits."""
    own = cfg.test_dataloader.dataset
    worlds = [node for node in iter_dicts(own) if is_type(node, 'SyntheticWorld')]
    if not splits:
        return {'test': cfg}
    if not worlds:
        raise cli.ConfigError('--splits: the test set of this config has no splits')
    configs = {}
    for split in splits:
        configs[split] = Config(cfg.to_dict())
        configs[split].test_dataloader.dataset = dict(worlds[0], split=split)
    return configs


def test_runner(cfg: Config, checkpoint: str) -> HMRRunner:
    """A runner that tests a checkpoint, and has nothing for training."""
    cfg = Config(cfg.to_dict())
    cfg.resume, cfg.load_from = False, str(resolve_checkpoint(checkpoint))
    for prefix in ('train', 'val'):
        for name in (f'{prefix}_dataloader', f'{prefix}_cfg', f'{prefix}_evaluator'):
            cfg.pop(name, None)
    cfg.optim_wrapper = cfg.param_scheduler = None
    with cli.building():
        return HMRRunner.from_cfg(cfg)


def measure(cfg: Config, checkpoint: str) -> dict[str, Tensor]:
    """Numbers of each labelled person: `distance` (m), and the two errors under each rule."""
    runner = test_runner(cfg, checkpoint)
    with cli.building():
        loader = runner.build_dataloader(cfg.test_dataloader)
    runner.load_or_resume()
    model = runner.model.eval()
    estimator = getattr(model, 'estimator', model)
    if not hasattr(estimator, 'estimate'):
        raise cli.ConfigError(f'{type(model).__name__} estimates no bodies')
    found: dict[str, list[Tensor]] = {}
    for data in loader:
        for name, values in _measure_batch(model, estimator, data).items():
            found.setdefault(name, []).append(values.cpu())
    return {name: torch.cat(values) for name, values in found.items()}


@torch.no_grad()
def _measure_batch(model: nn.Module, estimator: nn.Module, data: dict) -> dict[str, Tensor]:
    batch = model.data_preprocessor(data, True)
    metas, targets = batch['metas'], batch['targets']
    estimate = estimator.estimate(batch['inputs'], metas)
    if estimate.weak_cam is None or estimate.joints is None:
        raise cli.ConfigError(f'{type(estimator).__name__} gives no crop camera and joints')
    known = targets.has_focal_length & targets.has_cam_t
    annotated = slice(NUM_OPENPOSE_JOINTS, None)
    label = denormalize_full(targets.keypoints_2d_full, metas.full_shape)[:, annotated]
    conf = targets.keypoints_2d_conf[:, annotated]
    known &= (conf > 0).any(1)
    result = {'distance': targets.cam_t[known, 2]}
    for name, rule in RULES.items():
        focal = rule(estimate, metas, targets)
        if focal is None:
            continue
        given = replace(metas, known_focal_length=focal)
        focal, cam_t = full_camera(estimate.weak_cam, None, given)
        points = project_full(estimate.joints, cam_t, focal, metas.full_shape)[:, annotated]
        result[f'{name}: 2D (px)'] = keypoint_error_2d(points, label, conf)[known]
        errors = 100 * relative_focal_error(focal, targets.focal_length)
        result[f'{name}: focal (%)'] = errors[known]
    return result


def by_level(numbers: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Means of each error over the people of each level of distance, and of all."""
    distance = numbers['distance']
    levels = {f'{low:g}-{high:g} m': (distance >= low) & (distance < high) for low, high in LEVELS}
    levels['all'] = torch.ones_like(distance, dtype=torch.bool)
    return {
        level: {
            'people': float(rows.sum()),
            **{
                name: float(values[rows].double().mean())
                for name, values in numbers.items()
                if name != 'distance'
            },
        }
        for level, rows in levels.items()
        if rows.any()
    }


def table(runs: Sequence[dict[str, dict[str, float]]]) -> str:
    """Rules by levels, both errors in each."""
    levels = list(runs[0])
    figures = {level: summarise([run[level] for run in runs]) for level in levels}
    header = ['focal length']
    for level in levels:
        people = figures[level]['people']['mean']
        header += [f'2D (px), {level}, {people:.0f} people', f'focal (%), {level}']
    rows = []
    for rule in RULES:
        names = (f'{rule}: 2D (px)', f'{rule}: focal (%)')
        if names[0] in figures[levels[0]]:
            cells = (cell(figures[level][name]) for level in levels for name in names)
            rows.append([rule, *cells])
    return markdown_table(header, rows)


def run(args: argparse.Namespace) -> None:
    """Measure every checkpoint on every test set, write the table."""
    cli.check_device(args.device)
    cfg = cli.read_run_config(args)
    cfg = cli.settle_files(cfg, embedded=args.embedded, training=False)
    results = {
        test: [by_level(measure(part, checkpoint)) for checkpoint in args.checkpoints]
        for test, part in test_sets(cfg, args.splits).items()
    }
    body = [
        'Mean 2D error of the labelled ones of the 24 annotated joints in the full image, and '
        'relative error of the focal length, by the labelled distance of the person. Same bodies '
        'and crop cameras in every row; the translation follows from the focal length. Config '
        f'`{args.config}`, checkpoints {", ".join(f"`{name}`" for name in args.checkpoints)}.'
    ]
    for test, runs in results.items():
        body += [f'## {test}', table(runs)]
    record = {'config': args.config, 'checkpoints': args.checkpoints, 'rows': results}
    write_results(Path(args.out) / args.name, 'What the focal length is worth', body, record)
    print('\n\n'.join(body[1:]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(run, cli.parse_arguments(build_parser(), argv))


if __name__ == '__main__':
    sys.exit(main())
