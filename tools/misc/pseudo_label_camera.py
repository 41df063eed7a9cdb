"""Give the people of an annotation file pseudo labels of the camera rotation, by a calibrator.

    python tools/misc/pseudo_label_camera.py CONFIG CHECKPOINT data/coco/coco_vitpose_train.npz \\
        --images data/coco/images_vitpose --out data/coco/coco_vitpose_train.npz

W-HMR trains its world stage on such labels (Sec. 4.1). Every photo is looked at once; the people in
it get `world2cam_rotmat`, and those with a body label `global_orient_world` from it. People whose
camera is labelled keep their label (`--all` replaces it). The config is that of a camera calibrator
or of a world model with one. A run that was stopped goes on where it was; the output is written in
one step at the end. Photos that cannot be read are listed, and their people keep what they had.
"""

import argparse
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.utils import ProgressBar

from whmr.datasets import BadSampleError, load_annotations, save_annotations
from whmr.engine import StrictPretrained, cli
from whmr.engine.checkpoint import resolve_checkpoint
from whmr.engine.config import load_config
from whmr.engine.missing import is_type, iter_dicts
from whmr.fileio import atomic_path
from whmr.geometry import axis_angle_to_rotmat, rotmat_to_axis_angle
from whmr.models import HMRDataPreprocessor
from whmr.registry import CAMERAS, TRANSFORMS

MAX_LISTED = 20
Columns = dict[str, np.ndarray]


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a camera calibrator, or of a world model')
    parser.add_argument('checkpoint', help='its checkpoint, or the folder of its training run')
    parser.add_argument('ann_file', help='annotation file to label')
    parser.add_argument('--images', required=True, metavar='DIR', help='folder of its photos')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='file to write; may be the annotation file'
    )
    parser.add_argument('--all', action='store_true', help='also replace labels that are there')
    parser.add_argument('--batch-size', type=int, default=16, help='photos at a time (default: 16)')
    parser.add_argument(
        '--save-every', type=int, default=512, help='photos between two savings (default: 512)'
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    parser.add_argument(
        '--device', choices=('auto', 'cpu', 'cuda'), default='auto', help='default: CUDA if any'
    )
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


class Calibrator:
    """The camera calibrator of a config with its weights, and the way of a photo to it.

    Args:
        cfg: Config of a `CameraEstimator` or `WorldHMR`.
        checkpoint: Its checkpoint.
        device: Where to compute.

    Raises:
        ConfigError: The config has no calibrator, no data preprocessor or no `ResizeFull`.
    """

    def __init__(self, cfg: Config, checkpoint: Path, device: torch.device) -> None:
        model = cfg.model
        if not model.get('camera') or not model.get('data_preprocessor'):
            raise cli.ConfigError(
                f'the model {model.get("type")} has no camera calibrator and data preprocessor; '
                'give a config like configs/camcalib/camcalib_lite.py'
            )
        resize = next(
            (
                step
                for step in iter_dicts(cfg.test_dataloader.dataset.pipeline)
                if is_type(step, 'ResizeFull')
            ),
            None,
        )
        if resize is None:
            raise cli.ConfigError('the test pipeline of this config has no ResizeFull')
        steps = [dict(type='LoadImage'), dict(type='GetBox'), resize, dict(type='PackHMRInputs')]
        camera = CAMERAS.build({**model.camera, 'init_cfg': None})
        StrictPretrained(str(checkpoint), source_prefix='camera')(camera)
        names = ('mean', 'std', 'bgr_to_rgb')
        settings = {n: model.data_preprocessor[n] for n in names if n in model.data_preprocessor}
        self.pipeline = Compose([TRANSFORMS.build(step) for step in steps])
        self.preprocessor = HMRDataPreprocessor(**settings).to(device)
        self.camera = camera.to(device).eval()

    def photo(self, path: str, ori_shape: np.ndarray) -> dict[str, Any]:
        """Read a photo.

        Raises:
            BadSampleError: It cannot be used.
        """
        height, width = (int(n) for n in ori_shape)
        box = np.array([0, 0, width, height], np.float32)
        return self.pipeline(dict(img_path=path, ori_shape=(height, width), bbox=box))

    def rotations(self, photos: Sequence[dict[str, Any]]) -> np.ndarray:
        """`world2cam_rotmat` (N, 3, 3) of each photo."""
        inputs = self.preprocessor(pseudo_collate(list(photos)))['inputs']
        return self.camera.predict(inputs['full']).world2cam_rotmat.cpu().numpy()


class Progress:
    """What is known of each photo so far, kept in a file beside the output.

    Args:
        path: The file.
        key: Names the run; a file of another run is an error.
        num_photos: How many photos there are.

    Raises:
        ConfigError: The file is of another run, or broken.
    """

    def __init__(self, path: Path, key: str, num_photos: int) -> None:
        self.path, self.key = path, key
        self.rotmats = np.zeros((num_photos, 3, 3), np.float32)
        self.state = np.zeros(num_photos, np.int8)  # 0 open, 1 done, -1 unusable
        if not path.is_file():
            return
        advice = f'delete {path} to start again'
        try:
            with np.load(path, allow_pickle=False) as saved:
                if str(saved['key']) != key:
                    raise cli.ConfigError(
                        f'{path} is of another annotation file, checkpoint or config; {advice}'
                    )
                self.rotmats, self.state = saved['rotmats'], saved['state']
        except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
            raise cli.ConfigError(f'{path} cannot be read ({error}); {advice}') from error
        # A photo that could not be read may be there by now.
        self.state[self.state < 0] = 0

    def save(self) -> None:
        """Write the file."""
        with atomic_path(self.path) as partial:
            np.savez(partial, key=np.array(self.key), rotmats=self.rotmats, state=self.state)


def fingerprint(args: argparse.Namespace, checkpoint: Path, cfg: Config) -> str:
    """Names what the pseudo labels depend on."""
    digest = hashlib.sha256()
    for path in (Path(args.ann_file), checkpoint):
        with open(path, 'rb') as file:
            while block := file.read(1 << 20):
                digest.update(block)
    digest.update(json.dumps(cfg.model.to_dict(), sort_keys=True, default=str).encode())
    digest.update(f'{args.images} {args.all}'.encode())
    return digest.hexdigest()


def labelled(columns: Columns) -> np.ndarray:
    """Which people's camera rotation is known, given or by their two orientations."""
    num = len(columns['bbox'])
    known = np.zeros(num, bool)
    for label, flag in (
        ('world2cam_rotmat', 'has_world2cam'),
        ('global_orient_world', 'has_world'),
    ):
        if label in columns:
            known |= columns.get(flag, np.ones(num, bool))
    return known


def batches(indices: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The indices in runs of `size`."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def calibrate(
    args: argparse.Namespace,
    calibrator: Calibrator,
    progress: Progress,
    names: np.ndarray,
    shapes: np.ndarray,
) -> list[str]:
    """Fill `progress`; returns a line for each photo that cannot be used."""
    bad: list[str] = []
    todo = np.flatnonzero(progress.state == 0)
    bar = None if args.quiet or not len(todo) else ProgressBar(len(todo))
    unsaved = 0
    for batch in batches(todo, args.batch_size):
        photos, found = [], []
        for index in batch.tolist():
            try:
                photos.append(
                    calibrator.photo(os.path.join(args.images, names[index]), shapes[index])
                )
                found.append(index)
            except BadSampleError as error:
                progress.state[index] = -1
                bad.append(str(error))
            if bar is not None:
                bar.update()
        if found:
            progress.rotmats[found] = calibrator.rotations(photos)
            progress.state[found] = 1
        unsaved += len(batch)
        if unsaved >= args.save_every:
            progress.save()
            unsaved = 0
    if bar is not None:
        sys.stdout.write('\n')
    if unsaved:
        progress.save()
    return bad


def put_labels(columns: Columns, rows: np.ndarray, rotmats: np.ndarray) -> None:
    """Write the rotations of some people, and their orientation in the world.

    Shapes: N people that get a label.
        rows: (N,) int.  rotmats: (N, 3, 3), x_cam = R x_world.
    """
    num = len(columns['bbox'])
    every = np.ones(num, bool)
    known = labelled(columns)
    had = columns.get('has_world2cam', every if 'world2cam_rotmat' in columns else ~every)
    columns.setdefault('world2cam_rotmat', np.zeros((num, 3, 3), np.float32))
    columns['world2cam_rotmat'] = columns['world2cam_rotmat'].copy()
    columns['world2cam_rotmat'][rows] = rotmats
    columns['has_world2cam'] = had.copy()
    columns['has_world2cam'][rows] = True
    if 'global_orient' not in columns:
        return
    has_smpl = columns.get('has_smpl', every)
    if 'global_orient_world' in columns:
        has_world = columns.get('has_world', has_smpl) & has_smpl
        world = columns['global_orient_world'].copy()
    else:  # of people whose camera was labelled it follows from that, as the data set derives it
        has_world = known & has_smpl
        world = np.zeros((num, 3), np.float32)
        old = np.flatnonzero(has_world)
        world[old] = orient_in_world(columns, old)
    new = rows[has_smpl[rows]]
    world[new] = orient_in_world(columns, new)
    has_world[new] = True
    columns['global_orient_world'], columns['has_world'] = world, has_world


def orient_in_world(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """`global_orient_world` (N, 3) rad of some people from the two rotations."""
    orient = axis_angle_to_rotmat(torch.from_numpy(columns['global_orient'][rows]).double())
    rotmats = torch.from_numpy(columns['world2cam_rotmat'][rows]).double()
    return rotmat_to_axis_angle(rotmats.mT @ orient).float().numpy()


def label(args: argparse.Namespace) -> None:
    """Label the file."""
    if args.batch_size < 1 or args.save_every < 1:
        raise cli.ConfigError('--batch-size and --save-every must be positive')
    cli.check_device(args.device)
    device = torch.device('cuda' if args.device != 'cpu' and torch.cuda.is_available() else 'cpu')
    cfg = load_config(args.config)
    checkpoint = resolve_checkpoint(args.checkpoint)
    columns, meta = load_annotations(args.ann_file)
    num = len(columns['bbox'])
    wanted = np.ones(num, bool) if args.all else ~labelled(columns)
    names, first, photo_of = np.unique(
        columns['img_path'][wanted], return_index=True, return_inverse=True
    )
    shapes = columns['ori_shape'][wanted][first]
    out = Path(args.out)
    progress = Progress(
        out.with_name(f'{out.stem}.progress.npz'),
        fingerprint(args, checkpoint, cfg),
        len(names),
    )
    print(
        f'{args.ann_file}: {num} people, {int(wanted.sum())} without camera rotation in '
        f'{len(names)} photos, {int((progress.state > 0).sum())} of them done'
    )
    with DefaultScope.overwrite_default_scope('whmr'), cli.building():
        calibrator = Calibrator(cfg, checkpoint, device)
    bad = calibrate(args, calibrator, progress, names, shapes)

    done = progress.state[photo_of] > 0
    rows = np.flatnonzero(wanted)[done]
    put_labels(columns, rows, progress.rotmats[photo_of[done]])
    note = f'camera rotation of {len(rows)} people: pseudo labels of {checkpoint.name}'
    meta['notes'] = '; '.join(text for text in (meta.get('notes'), note) if text)
    save_annotations(out, columns, meta)
    print(f'{out}: {len(rows)} people labelled, {int(columns["has_world2cam"].sum())} of {num} now')
    if not bad or out.samefile(args.ann_file):  # what is done stands in the file
        progress.path.unlink(missing_ok=True)
    if bad:
        listing = ''.join(f'\n  {line}' for line in bad[:MAX_LISTED])
        more = f'\n  and {len(bad) - MAX_LISTED} more' if len(bad) > MAX_LISTED else ''
        raise BadSampleError(
            f'{len(bad)} of {len(names)} photos cannot be used, the people in them have no new '
            f'label; run again to try these once more:{listing}{more}'
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(label, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
