"""See what a config trains on: crops, keypoints, meshes, maps and world, as the model gets them.

Writes `sheet.png` (a contact sheet, one row per sample) and `index.html` (the same with the labels
of each sample, in one file) into a folder. Samples go through the config's own pipeline and data
preprocessor, so what is wrong here is wrong in training.
"""

import argparse
import base64
import html
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import cv2
import numpy as np
import torch
from mmengine import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch import Tensor

from whmr.datasets import require_available
from whmr.engine import SampleIndex, SeedPerSample, cli
from whmr.engine.embedded import use_embedded
from whmr.fileio import write_files
from whmr.geometry import (
    CROP_FOCAL_LENGTH,
    estimate_translation,
    invert_affine,
    rotmat_to_pitch_roll,
)
from whmr.keypoints import JOINT_SETS, NUM_OPENPOSE_JOINTS
from whmr.models import HMRDataPreprocessor
from whmr.registry import DATASETS, MODELS
from whmr.rendering import SceneCamera, SceneMesh, render_scene
from whmr.structures import HMRDataSample, HMRTargets
from whmr.visualization import PosedPeople, draw_world_view, encode_png, person_color
from whmr.visualization.overlay import OVERLAY_LIGHT

HEIGHT = 256  # of a panel, px
TITLE = 24
SPLITS = ('train', 'val', 'test')
LEFT, RIGHT, MIDDLE = (255, 170, 60), (70, 200, 255), (255, 255, 255)
FLAGS = ('has_smpl', 'has_keypoints_3d', 'has_cam_t', 'has_world', 'has_world2cam')
Panels = dict[str, np.ndarray]


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cli.add_common_arguments(parser)
    parser.add_argument('--out-dir', required=True, metavar='DIR', help='where the pages go')
    parser.add_argument('--split', choices=SPLITS, default='train', help='default: train')
    parser.add_argument('--num', type=int, default=12, help='samples to show (default: 12)')
    parser.add_argument('--seed', type=int, default=0, help='which samples, and their augmentation')
    parser.add_argument('--epoch', type=int, default=0, help='epoch that they are drawn in')
    return parser


def load_samples(cfg: Config, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """A batch of random samples of a split as the data loader gives it, and the split's size."""
    loader = cfg.get(f'{args.split}_dataloader')
    if loader is None:
        raise cli.ConfigError(f'{args.config} has no {args.split}_dataloader')
    require_available([loader.dataset])
    dataset = SeedPerSample(DATASETS.build(loader.dataset))
    dataset.full_init()
    order = np.random.default_rng(args.seed).permutation(len(dataset))[: args.num]
    keys = [SampleIndex(int(i), seed=args.seed, epoch=args.epoch) for i in order]
    return pseudo_collate([dataset[key] for key in keys]), len(dataset)


def build_preprocessor(cfg: Config, inputs: dict[str, Any]) -> HMRDataPreprocessor:
    """The config's data preprocessor; maps are drawn also where the config does without them."""
    settings = cfg.model.get('data_preprocessor')
    if settings is None:
        raise cli.ConfigError('the model of this config has no data_preprocessor')
    settings = dict(settings)
    if 'crop' in inputs and settings.get('body_model') and not settings.get('render_maps'):
        height, width = inputs['crop'][0].shape[-2:]
        settings['render_maps'] = dict(shape=(height // 4, width // 4))
    return MODELS.build(settings)


def browse(args: argparse.Namespace) -> None:
    """Draw the samples and write the pages."""
    if args.num < 1:
        raise cli.ConfigError(f'--num must be positive, got {args.num}')
    cfg = cli.read_run_config(args)
    if args.embedded:
        cfg, _ = use_embedded(cfg)
    with DefaultScope.overwrite_default_scope('whmr'), cli.building():
        batch, size = load_samples(cfg, args)
        preprocessor = build_preprocessor(cfg, batch['inputs'])
    pictures = batch['inputs']
    out = preprocessor(batch, training=True)
    samples: list[HMRDataSample] = out['data_samples']
    body = preprocessor.body_model
    rows = []
    for row, sample in enumerate(samples):
        panels: Panels = {}
        if 'crop' in pictures:
            crop = pictures['crop'][row].permute(1, 2, 0).numpy()[..., ::-1]
            panels |= crop_panels(crop, sample, out['targets'], row, body)
        if 'full' in pictures:
            full = pictures['full'][row].permute(1, 2, 0).numpy()[..., ::-1]
            panels['whole photo, horizon'] = photo_panel(full, sample)
        rows.append((sample, panels))
    folder = Path(args.out_dir)
    title = f'{args.config}, {args.split}: {len(rows)} of {size} samples'
    write_files(
        {
            folder / 'sheet.png': encode_png(contact_sheet([panels for _, panels in rows])),
            folder / 'index.html': page(title, rows).encode('utf-8'),
        }
    )
    print(f'{title} -> {folder / "index.html"}, {folder / "sheet.png"}')


def crop_panels(
    crop: np.ndarray, sample: HMRDataSample, targets: HMRTargets, row: int, body: Any
) -> Panels:
    """The pictures of one crop (h, w, 3) RGB and its targets, each HEIGHT px high."""
    height, width = crop.shape[:2]
    zoom = HEIGHT / height
    size = (round(width * zoom), HEIGHT)
    large = cv2.resize(np.ascontiguousarray(crop), size, interpolation=cv2.INTER_LINEAR)
    panels = {'crop': large}
    keypoints = targets.keypoints_2d_crop[row] * max(height, width) / 2
    keypoints = keypoints + keypoints.new_tensor([width / 2, height / 2])
    conf = targets.keypoints_2d_conf[row]
    panels['keypoints'] = draw_keypoints(large, zoom * keypoints.numpy(), conf.numpy())
    if body is None:
        return panels
    faces = body.faces.numpy()
    if bool(targets.has_smpl[row]):
        intrinsics, cam_t = crop_camera(sample, targets, row, body, keypoints, (height, width))
        intrinsics = np.diag([size[0] / width, zoom, 1.0]) @ intrinsics
        panels['mesh'] = draw_mesh(large, targets.vertices[row].numpy(), faces, intrinsics, cam_t)
    else:
        panels['mesh'] = blank(size, 'no mesh')
    panels |= map_panels(targets, row, size)
    if bool(targets.has_world[row]):
        panels['world'] = draw_world(targets, row, faces)
    else:
        panels['world'] = blank((HEIGHT, HEIGHT), 'no world')
    return panels


def draw_keypoints(picture: np.ndarray, keypoints: np.ndarray, conf: np.ndarray) -> np.ndarray:
    """Labelled joints as dots: left orange, right blue; OpenPose's 25 small."""
    drawn = picture.copy()
    for index, (name, point) in enumerate(zip(JOINT_SETS['spin49'].joints, keypoints, strict=True)):
        if conf[index] > 0 and np.abs(point).max() < 1e4:
            color = LEFT if 'left' in name else RIGHT if 'right' in name else MIDDLE
            radius = 2 if index < NUM_OPENPOSE_JOINTS else 4
            place = tuple(int(v) for v in np.floor(point))
            cv2.circle(drawn, place, radius + 1, (0, 0, 0), -1, cv2.LINE_AA)
            cv2.circle(drawn, place, radius, color, -1, cv2.LINE_AA)
    return drawn


def crop_camera(
    sample: HMRDataSample,
    targets: HMRTargets,
    row: int,
    body: Any,
    keypoints: Tensor,
    crop_shape: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics of the crop (3, 3) px and translation (3,) m: as labelled, else fitted to joints.

    Without a labelled camera it is the crop camera at the place that explains the annotated joints
    best, as for the label maps.
    """
    if bool(targets.has_cam_t[row]) and bool(targets.has_focal_length[row]):
        full2crop = np.eye(3)
        full2crop[:2] = invert_affine(torch.as_tensor(np.asarray(sample.crop2full))).numpy()
        intrinsics = full2crop @ sample.gt_camera.intrinsics[0].double().numpy()
        return intrinsics, targets.cam_t[row].numpy()
    middle = keypoints.new_tensor(crop_shape[::-1]) / 2
    conf = targets.keypoints_2d_conf[row : row + 1].clone()
    conf[:, :NUM_OPENPOSE_JOINTS] = 0
    joints = body.joints49(body.joints_from_vertices(targets.vertices[row : row + 1]))
    focal = joints.new_full((1,), CROP_FOCAL_LENGTH)
    cam_t = estimate_translation(joints, (keypoints - middle)[None], conf, focal)[0]
    intrinsics = np.diag([CROP_FOCAL_LENGTH, CROP_FOCAL_LENGTH, 1.0])
    intrinsics[:2, 2] = middle.numpy()
    return intrinsics, cam_t.numpy()


def draw_mesh(
    picture: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    intrinsics: np.ndarray,
    cam_t: np.ndarray,
) -> np.ndarray:
    """The labelled body over the crop."""
    if not np.isfinite(cam_t).all() or cam_t[2] <= 0:
        return blank(picture.shape[1::-1], 'no place')
    camera = SceneCamera(intrinsics, picture.shape[:2])
    mesh = SceneMesh(vertices + cam_t, faces, colors=person_color(0))
    drawn = render_scene([mesh], camera, light=OVERLAY_LIGHT, background=picture)
    cover = 0.8 * (drawn.alpha > 0)[..., None]
    mixed = picture + cover * (drawn.rgb.astype(np.float32) - picture)
    return mixed.round().clip(0, 255).astype(np.uint8)


def map_panels(targets: HMRTargets, row: int, size: tuple[int, int]) -> Panels:
    """The IUV map (part by hue, u by saturation, v by brightness) and the depth map."""
    if targets.iuv_index is None or not bool(targets.has_fields[row]):
        return {'IUV': blank(size, 'no IUV'), 'depth': blank(size, 'no depth')}
    index = targets.iuv_index[row].numpy()
    u, v = targets.iuv_uv[row].numpy()
    # Neighbouring parts get far-off hues: 7 and 24 have no common divisor.
    hsv = np.stack([index * 7 % 24 * 7.5, 110 + 145 * u, 110 + 145 * v], -1).astype(np.uint8)
    iuv = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * (index > 0)[..., None].astype(np.uint8)
    depth = targets.depth[row, 0].numpy()
    inside = depth > 0
    shade = np.zeros((*depth.shape, 3), np.uint8)
    text = 'empty'
    if inside.any():
        near, far = depth[inside].min(), depth[inside].max()
        level = 255 - 200 * (depth - near) / max(far - near, 1e-6)
        shade[inside] = level[inside, None].astype(np.uint8)
        text = f'{near:.2f} .. {far:.2f} m'
    large = {
        name: cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
        for name, picture in (('IUV', iuv), ('depth', shade))
    }
    write(large['depth'], text, (4, HEIGHT - 8))
    return large


def draw_world(targets: HMRTargets, row: int, faces: np.ndarray) -> np.ndarray:
    """The labelled body on the ground."""
    one = slice(row, row + 1)
    people = PosedPeople(
        targets.vertices[one].numpy(),
        faces,
        np.array([[0.0, 0.0, 4.0]]),
        np.array([1000.0]),
        targets.vertices_world[one].numpy(),
        np.zeros((1, 3)),
        targets.world2cam_rotmat[row].numpy(),
    )
    return draw_world_view(people, image_shape=(HEIGHT, HEIGHT), yaw=0.45)


def photo_panel(full: np.ndarray, sample: HMRDataSample) -> np.ndarray:
    """The whole photo (H', W', 3) RGB with the labelled horizon."""
    zoom = HEIGHT / full.shape[0]
    size = (max(1, round(full.shape[1] * zoom)), HEIGHT)
    drawn = cv2.resize(np.ascontiguousarray(full), size, interpolation=cv2.INTER_AREA)
    camera = sample.get('gt_camera')
    if camera is None or not (bool(camera.has_world2cam) and bool(camera.has_focal_length)):
        return drawn
    scale = np.diag([size[0] / sample.ori_shape[1], size[1] / sample.ori_shape[0], 1.0])
    intrinsics = scale @ camera.intrinsics[0].double().numpy()
    gravity = camera.world2cam_rotmat[0, :, 1].double().numpy()
    # Points at infinity that are level: gravity . (K^-1 p) = 0.
    a, b, c = np.linalg.inv(intrinsics).T @ gravity
    if abs(b) > 1e-9:
        ends = [(x, round(float(np.clip(-(a * x + c) / b, -1e4, 1e4)))) for x in (0, size[0])]
        cv2.line(drawn, ends[0], ends[1], (255, 60, 60), 2, cv2.LINE_AA)
    return drawn


def blank(size: tuple[int, int], text: str) -> np.ndarray:
    """A grey panel (W, H) that says what is missing."""
    panel = np.full((size[1], size[0], 3), 225, np.uint8)
    write(panel, text, (8, size[1] // 2), color=(120, 120, 120))
    return panel


def write(
    picture: np.ndarray,
    text: str,
    place: tuple[int, int],
    color: tuple[int, int, int] = (255, 255, 255),
) -> None:
    """Put a line of text into a picture."""
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)


def contact_sheet(rows: Sequence[Panels]) -> np.ndarray:
    """All panels, one row per sample, columns with titles."""
    names = list(rows[0])
    widths = [max(row[name].shape[1] for row in rows) for name in names]
    bars = []
    for name, width in zip(names, widths, strict=True):
        bar = np.full((TITLE, width, 3), 255, np.uint8)
        write(bar, name, (4, 17), color=(40, 40, 44))
        bars.append(bar)
    lines = [np.hstack(bars)]
    for row in rows:
        padded = [
            cv2.copyMakeBorder(
                row[name], 0, 4, 0, width - row[name].shape[1], cv2.BORDER_CONSTANT,
                value=(255, 255, 255),
            )
            for name, width in zip(names, widths, strict=True)
        ]  # fmt: skip
        lines.append(np.hstack(padded))
    return np.vstack(lines)


def facts(sample: HMRDataSample) -> dict[str, str]:
    """What the page says of a sample."""
    told = {
        key: str(sample.get(key))
        for key in ('dataset', 'img_path', 'sample_idx', 'gender', 'flipped', 'ori_shape')
        if sample.get(key) is not None
    }
    labels = [c for c in (sample.get('gt_instances'), sample.get('gt_camera')) if c is not None]
    flags = [flag for flag in FLAGS for c in labels if flag in c and bool(c.get(flag).all())]
    told['labels'] = ', '.join(flag.removeprefix('has_') for flag in flags) or 'none'
    if 'gt_instances' in sample and 'keypoints_2d_conf' in sample.gt_instances:
        told['2D joints'] = str(int((sample.gt_instances.keypoints_2d_conf > 0).sum()))
    if 'gt_camera' in sample and bool(sample.gt_camera.has_world2cam):
        angles = rotmat_to_pitch_roll(sample.gt_camera.world2cam_rotmat)
        pitch, roll = (float(torch.rad2deg(angle)) for angle in angles)
        told['camera'] = f'pitch {pitch:.1f} deg, roll {roll:.1f} deg'
    return told


def page(title: str, rows: Sequence[tuple[HMRDataSample, Panels]]) -> str:
    """The HTML page, pictures inside."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f'<title>{html.escape(title)}</title>',
        '<style>body{font:14px sans-serif;margin:24px}figure{display:inline-block;margin:0 6px 6px '
        '0}section{border-top:1px solid #ccc;padding:10px 0}dl{margin:4px 0 10px}dt,dd{display:'
        'inline;margin:0 14px 0 0}dt{color:#777;margin-right:4px}</style>',
        f'<h1>{html.escape(title)}</h1>',
        '<p>Joints: left orange, right blue, others white; small dots are OpenPose detections. '
        'Maps: part by hue, u by saturation, v by brightness; near is bright.</p>',
    ]
    for sample, panels in rows:
        parts.append('<section><dl>')
        for key, value in facts(sample).items():
            parts.append(f'<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>')
        parts.append('</dl>')
        for name, panel in panels.items():
            data = base64.b64encode(encode_png(panel)).decode('ascii')
            parts.append(
                f'<figure><img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'
                f'<figcaption>{html.escape(name)}</figcaption></figure>'
            )
        parts.append('</section>')
    return '\n'.join([*parts, '</html>', ''])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(browse, cli.parse_arguments(build_parser(), argv))


if __name__ == '__main__':
    sys.exit(main())
