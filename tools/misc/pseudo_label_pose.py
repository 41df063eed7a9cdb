"""Make an annotated data set of videos or photos: person boxes and 2D keypoints by BlazePose.

    python tools/misc/pseudo_label_pose.py walk.mp4 photos/ --every 4 \\
        --pose-model blazepose_heavy.onnx --out data/real_frames/walk

Boxes come from the bundled detector, joints from BlazePose, a network that the user supplies as
ONNX (it is part of MediaPipe, Apache-2.0). OUT gets `images/`, `train.npz` and `val.npz`
(docs/annotation_format.md, joint set `blazepose33`): 2D keypoints with their visibility as
confidence and nothing else, so they teach only where joints lie in the photo (weak supervision, as
W-HMR's Sec. 3.4). The first part of each input is for training and its end is held out, with a gap
between them; a folder of photos is an input in the order of its names.

A joint is left out where the network doubts that it is visible, where it finds it elsewhere in the
mirror image, or outside the photo; a person with too few joints, with joints outside the box, or
found twice is left out and counted. Cameras that are known (`--cameras`: a JSON file of
`{"walk": [pitch, roll, vfov]}` in degrees, by the names of the inputs) become labels, too. A run
that was stopped goes on where it was.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, repeat
from operator import itemgetter
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import cv2
import numpy as np

from whmr.apis import OnnxPersonDetector
from whmr.apis.detectors import BlazePose
from whmr.apis.image_source import ImageSource, SourceImage
from whmr.datasets.conversion import (
    AnnotationWriter,
    ConversionSummary,
    Dropped,
    Row,
    SourceError,
)
from whmr.datasets.synthetic.cameras import make_camera
from whmr.engine import cli
from whmr.fileio import write_bytes
from whmr.keypoints import convert_keypoints

JOINT_SET = 'blazepose33'
ANNOTATED = 'spin24'  # the joints that losses and metrics use
BLOCK = 50  # frames whose people are saved together
JPEG_QUALITY = 92
MAX_DISAGREEMENT = 0.05  # of the box's longer side, between a look and one at the mirror image
MIN_INSIDE = 0.85  # share of the joints inside the box, grown by BOX_MARGIN of its sides
BOX_MARGIN = 0.15
SAME_PERSON = 0.08  # of the box's longer side, mean distance of the joints
# Labels made with others of these are not mixed into one file.
SETTINGS = ('every', 'max_side', 'min_score', 'min_visibility', 'min_joints')


@dataclass(frozen=True)
class Block:
    """Frames of one input that are labelled and saved together."""

    split: str
    unit: str


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('inputs', nargs='+', help='videos, photos, folders of photos')
    parser.add_argument('--pose-model', required=True, metavar='ONNX', help='BlazePose as ONNX')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the new data set')
    parser.add_argument('--name', help='its name in logs and results (default: that of OUT)')
    parser.add_argument('--licence', help='licence of the pictures, kept in the meta')
    parser.add_argument(
        '--every', type=int, default=1, help='of a video, take every N-th frame (default: 1)'
    )
    parser.add_argument(
        '--max-side', type=int, metavar='PX', help='shrink pictures whose longer side is larger'
    )
    parser.add_argument(
        '--train-share', type=float, default=0.7, help='first part of each input (default: 0.7)'
    )
    parser.add_argument(
        '--val-share', type=float, default=0.2, help='held-out end of each input (default: 0.2)'
    )
    parser.add_argument(
        '--min-score', type=float, default=0.4, help='of a person box (default: 0.4)'
    )
    parser.add_argument(
        '--min-visibility', type=float, default=0.5, help='of a joint (default: 0.5)'
    )
    parser.add_argument(
        '--min-joints', type=int, default=8, help='joints that a person must have (default: 8)'
    )
    parser.add_argument('--cameras', metavar='JSON', help='known cameras of inputs (see above)')
    parser.add_argument('--num-threads', type=int, help='threads of the networks')
    parser.add_argument('--overwrite', action='store_true', help='begin anew')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


class Labeller:
    """Finds the people of a picture and their joints.

    Args:
        args: The tool's arguments.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.detector = OnnxPersonDetector(
            score_threshold=args.min_score, num_threads=args.num_threads
        )
        self.pose = BlazePose(args.pose_model, num_threads=args.num_threads)
        self.min_visibility, self.min_joints = args.min_visibility, args.min_joints

    def people(self, image: np.ndarray, name: str) -> Iterator[Row | Dropped]:
        """A row for each person.

        Shapes: image: (H, W, 3) uint8 BGR.
        """
        boxes, scores = self.detector(image)
        seen: list[np.ndarray] = []
        for box, score in zip(boxes, scores, strict=True):
            joints, conf = self._joints(image, box)
            side = float((box[2:] - box[:2]).max())
            problem = self._problem(joints, conf, box, side, seen)
            if problem is not None:
                yield Dropped(problem, name)
                continue
            seen.append(joints)
            yield dict(
                img_path=name,
                ori_shape=image.shape[:2],
                bbox=box,
                bbox_score=score,
                keypoints_2d=joints * (conf > 0)[:, None],
                keypoints_2d_conf=conf,
            )

    def _joints(self, image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints and confidences, 0 where a joint cannot be trusted."""
        height, width = image.shape[:2]
        joints, visible, disagreement = self.pose(image, box)
        agreed = disagreement <= MAX_DISAGREEMENT * (box[2:] - box[:2]).max()
        inside = (joints >= 0).all(1) & (joints <= [width, height]).all(1)
        return joints, visible * (agreed & inside & (visible >= self.min_visibility))

    def _problem(
        self,
        joints: np.ndarray,
        conf: np.ndarray,
        box: np.ndarray,
        side: float,
        seen: Sequence[np.ndarray],
    ) -> str | None:
        """Why a person is left out."""
        points, weights = convert_keypoints(joints, conf, JOINT_SET, ANNOTATED)
        points = points[weights > 0]
        if len(points) < self.min_joints:
            return 'too few joints can be trusted'
        margin = BOX_MARGIN * (box[2:] - box[:2])
        inside = (points >= box[:2] - margin).all(1) & (points <= box[2:] + margin).all(1)
        if inside.mean() < MIN_INSIDE:
            return 'the joints are those of somebody else'
        distances = [np.linalg.norm(joints - other, axis=1).mean() for other in seen]
        return 'found twice' if min(distances, default=np.inf) < SAME_PERSON * side else None


def plan(number: int, stem: str, args: argparse.Namespace) -> list[Block | None]:
    """The block of each of the `number` pictures of an input; None in the gap."""
    ends = dict(
        train=(0, round(args.train_share * number)),
        val=(number - round(args.val_share * number), number),
    )
    blocks: list[Block | None] = [None] * number
    for split, (start, stop) in ends.items():
        for i in range(start, stop):
            blocks[i] = Block(split, f'{stem}/{start + (i - start) // BLOCK * BLOCK:06d}')
    return blocks


def label(args: argparse.Namespace) -> None:
    """Label all inputs."""
    check(args)
    out = Path(args.out)
    sources = {path: ImageSource([path], every=args.every) for path in args.inputs}
    stems = [input_name(path) for path in sources]
    cameras = {} if args.cameras is None else read_cameras(Path(args.cameras), stems)
    if len(set(stems)) < len(stems):
        raise cli.ConfigError('two inputs have the same name; rename one')
    plans = {path: plan(len(s), input_name(path), args) for path, s in sources.items()}
    blocks = [block for planned in plans.values() for block in planned if block is not None]
    with cli.building():
        writers = {s: make_writer(out, s, blocks, args, cameras) for s in ('train', 'val')}
        labeller = Labeller(args)
    for path, source in sources.items():
        camera = cameras.get(input_name(path))
        # Two folders may hold photos of one name.
        prefix = f'{input_name(path)}/' if Path(path).is_dir() else ''
        pictures = zip(chain(plans[path], repeat(None)), source)
        for block, group in groupby(pictures, key=itemgetter(0)):
            if block is None or block.unit in writers[block.split].finished:
                continue
            seen = map(itemgetter(1), group)
            rows = label_block(labeller, seen, out / 'images', prefix, args.max_side, camera)
            found = writers[block.split].write_part(block.unit, rows)
            print(f'{block.split} {block.unit}: {found} people', flush=True)
    for split, writer in writers.items():
        for unit in [unit for unit in writer.units if unit not in writer.finished]:
            writer.write_part(unit, [Dropped('the video is shorter than it says', unit, 'image')])
        try:
            report(split, writer.finish())
        except SourceError as error:
            raise cli.ConfigError(str(error)) from error


def input_name(path: str) -> str:
    """What an input is called: its file or folder without suffix."""
    return Path(path).absolute().stem


def check(args: argparse.Namespace) -> None:
    """Refuse arguments out of their range."""
    shares = (args.train_share, args.val_share)
    if min(shares) <= 0 or sum(shares) > 1:
        raise cli.ConfigError(
            f'--train-share and --val-share must be positive and at most 1 together, got {shares}'
        )
    if min(args.min_joints, args.every, args.max_side or 1) < 1:
        raise cli.ConfigError('--min-joints, --every and --max-side must be 1 or more')


def make_writer(
    out: Path,
    split: str,
    blocks: Sequence[Block],
    args: argparse.Namespace,
    cameras: Mapping[str, Sequence[float]],
) -> AnnotationWriter:
    """The writer of one split."""
    units = dict.fromkeys(block.unit for block in blocks if block.split == split)
    meta = dict(
        dataset=args.name or out.name,
        topology='free_body',
        joint_set=JOINT_SET,
        split=split,
        notes=f'2D pseudo-labels of {Path(args.pose_model).name}',
        converter='pseudo_label_pose',
        converter_args={name: getattr(args, name) for name in SETTINGS}
        | {'cameras': dict(cameras)},
    )
    if args.licence:
        meta['licence'] = args.licence
    return AnnotationWriter(out / f'{split}.npz', meta, units=list(units), overwrite=args.overwrite)


def label_block(
    labeller: Labeller,
    pictures: Iterable[SourceImage],
    images: Path,
    prefix: str,
    max_side: int | None,
    camera: Sequence[float] | None,
) -> Iterator[Row | Dropped]:
    """Write the pictures with people, and give their rows.

    Args:
        labeller: Finds the people.
        pictures: Of one input.
        images: Folder of the pictures.
        prefix: Of their names.
        max_side: Larger ones are shrunk, px.
        camera: Pitch, roll and vertical field of view, degrees, where they are known.
    """
    for picture in pictures:
        if picture.image is None:
            yield Dropped('cannot be read', f'{picture.name}: {picture.error}', 'image')
            continue
        image, name = shrunk(picture.image, max_side), f'{prefix}{picture.stem}.jpg'
        rows = list(labeller.people(image, name))
        if any(not isinstance(row, Dropped) for row in rows):
            quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            write_bytes(images / name, cv2.imencode('.jpg', image, quality)[1], durable=False)
        known = {} if camera is None else camera_labels(camera, image.shape[:2])
        yield from (row if isinstance(row, Dropped) else row | known for row in rows)


def shrunk(image: np.ndarray, max_side: int | None) -> np.ndarray:
    """The picture, no side longer than `max_side` px."""
    factor = 1.0 if max_side is None else max_side / max(image.shape[:2])
    if factor >= 1:
        return image
    size = [round(side * factor) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def camera_labels(angles: Sequence[float], shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """The labels of a known camera.

    Shapes: angles: pitch, roll, vertical field of view, degrees.  shape: (H, W).
        returns: `world2cam_rotmat` (3, 3), `intrinsics` (3, 3) px.
    """
    camera = make_camera(*np.deg2rad(angles), shape)
    return dict(world2cam_rotmat=camera.world2cam_rotmat, intrinsics=camera.intrinsics)


def read_cameras(path: Path, stems: Sequence[str]) -> dict[str, list[float]]:
    """The angles of each camera in a file.

    Raises:
        ConfigError: The file is of another form, or names an input that is not there.
    """
    try:
        cameras = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise cli.ConfigError(f'{path}: no JSON ({error})') from error
    if not isinstance(cameras, dict):
        raise cli.ConfigError(f'{path}: must be an object, input -> [pitch, roll, vfov]')
    for name, angles in cameras.items():
        if name not in stems:
            raise cli.ConfigError(f'{path}: {name!r} is none of the inputs {sorted(stems)}')
        if not isinstance(angles, list) or len(angles) != 3 or not 0 < angles[2] < 180:
            raise cli.ConfigError(f'{path}: {name!r} needs [pitch, roll, vfov] in degrees')
    return cameras


def report(split: str, summary: ConversionSummary) -> None:
    """Say what a split holds."""
    print(f'{split}: {summary.people} people in {summary.images} pictures -> {summary.file}')
    for count in summary.dropped:
        print(f'  left out {count.count} x {count.what}: {count.reason}')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(label, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
