"""Make photos of the synthetic world with the results that a perfect model would give for them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import cv2
import numpy as np
import torch

from whmr.apis import HMRResult
from whmr.body_models import FreeBody
from whmr.datasets.synthetic.generator import SyntheticWorldGenerator
from whmr.datasets.synthetic.settings import SyntheticWorldSettings
from whmr.engine import cli
from whmr.fileio import write_bytes
from whmr.geometry import axis_angle_to_rotmat, focal_to_vfov, rotmat_to_pitch_roll

ROTATIONS = ('global_orient', 'body_pose', 'global_orient_world')
EXAMPLE = """example:
  python tools/misc/label_results.py --images 0 1 2 --out outputs/labels
  python tools/report.py outputs/labels/0001.npz --out page.html
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', required=True, metavar='FOLDER', help='where files are written')
    parser.add_argument('--images', type=int, nargs='+', default=[0], help='which images (0)')
    parser.add_argument('--split', default='val', help='of which world (val)')
    parser.add_argument(
        '--size', type=int, nargs=2, default=(960, 640), metavar=('W', 'H'), help='px (960 640)'
    )
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def label_result(
    name: str, image_shape: tuple[int, int], columns: dict[str, np.ndarray], body: FreeBody
) -> HMRResult:
    """The labels of one image as a result.

    Args:
        name: Of the image.
        image_shape: Its H, W.
        columns: As `label_people` gives them.
        body: The labels' body.
    """
    label = {key: torch.from_numpy(value).float() for key, value in columns.items()}
    count = len(columns['betas'])
    turned = {key: axis_angle_to_rotmat(label[key].reshape(count, -1, 3)) for key in ROTATIONS}
    seen = body(label['betas'], turned['global_orient'], turned['body_pose'])
    world = body(label['betas'], turned['global_orient_world'], turned['body_pose'])
    focal = label['intrinsics'][:, 0, 0]
    pitch, roll = rotmat_to_pitch_roll(label['world2cam_rotmat'][0])
    vectors = {key: columns[key].reshape(count, -1, 3) for key in ROTATIONS}
    tensors = dict(
        vertices=seen.vertices,
        joints=body.joints49(seen.joints),
        vertices_world=world.vertices,
        joints_world=body.joints49(world.joints),
        pitch=pitch,
        roll=roll,
        vfov=focal_to_vfov(focal[0], torch.tensor(float(image_shape[0]))),
        **{f'{key}_rotmat': value for key, value in turned.items()},
    )
    return HMRResult(
        image_name=name,
        image_shape=np.array(image_shape),
        topology=body.topology,
        boxes=columns['bbox'],
        scores=np.ones(count, np.float32),
        betas=columns['betas'],
        weak_cam=np.full((count, 3), np.nan, np.float32),
        cam_t=columns['cam_t'],
        focal_length=focal.numpy(),
        intrinsics=columns['intrinsics'],
        keypoints_2d=columns['keypoints_2d'],
        faces=body.faces.numpy().astype(np.int32),
        world2cam_rotmat=columns['world2cam_rotmat'][0],
        focal_source='given',
        rotation_source='given',
        **vectors,
        **{key: value.numpy() for key, value in tensors.items()},
    )


def write_labels(args: argparse.Namespace) -> None:
    """Make photos and labels as the arguments say."""
    with cli.building():
        settings = SyntheticWorldSettings(split=args.split, image_size=tuple(args.size))
    generator, body = SyntheticWorldGenerator(settings), FreeBody()
    for index in args.images:
        image = generator(index)
        photo = Path(args.out) / f'{index:04d}.jpg'
        shape = cv2.imdecode(np.frombuffer(image.jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2]
        result = label_result(str(photo), shape, image.columns, body)
        write_bytes(photo, image.jpeg)
        write_bytes(photo.with_suffix('.npz'), result.to_bytes())
        print(f'{photo}: {len(result)} people')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(write_labels, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
