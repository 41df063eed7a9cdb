"""Find people in photos and videos, and estimate their bodies in camera and world space."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Before torch is imported: waiting threads that spin make a busy CPU many times slower.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import numpy as np

from whmr.apis import HMRInferencer, InferenceReport, Share, find_device, find_share
from whmr.apis.result_files import DEFAULT_PICTURES
from whmr.apis.video import infer_videos
from whmr.apis.video_options import VideoOptions, add_video_options, read_video_options
from whmr.engine import CheckpointError, ConfigError, cli
from whmr.visualization import PICTURES

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py'
CHECKPOINT = ROOT / 'checkpoints' / 'whmr_lite.safetensors'
INTERRUPTED = 130
EXAMPLES = """for each photo (or frame) FOLDER gets
  NAME.npz                     parameters, meshes, keypoints, camera (see whmr.apis.HMRResult)
  NAME_person0_camera.obj ...  meshes in camera space, in metres
  NAME_person0_world.obj ...   meshes in the gravity-aligned world
  NAME_overlay.png NAME_side.png NAME_world.png, or what --pictures names
and at the end
  results.npz                  all people, without meshes (docs/results_format.md)
  report.json                  counts, and what could not be used
of a video that is followed as a whole (--track, --smooth ...), instead of all this
  results.npz overlay.mp4      people who keep their numbers and colours (docs/video.md)

the same command goes on where it was interrupted; under torchrun or srun each process takes its
share, and tools/misc/merge_results.py FOLDER makes the last two files when all are through

exit code: 0; 1 if a photo, frame or box could not be used (they are listed, the others are done;
under torchrun and srun it is merge_results.py that says so); 2 if the command itself is wrong

examples:
  python tools/infer.py demo/images --out outputs/demo
  python tools/infer.py 'photos/**/*.jpg' --out outputs/all --exif --no-meshes
  python tools/infer.py photo.jpg --out outputs --boxes 120,40,310,460 400,60,520,470
  python tools/infer.py clip.mp4 --out outputs/clip --every 5 --no-meshes
  python tools/infer.py clip.mp4 --out outputs/clip --smooth savgol --shot-camera
  python tools/infer.py photo.jpg --out outputs --focal-length 1450 --pitch 12 --roll 0
  torchrun --nproc-per-node 4 tools/infer.py photos --out outputs/photos
"""


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'input',
        nargs='+',
        type=parse_input,
        help='photos, videos, folders of them, patterns (in quotes), or the number of a camera',
    )
    parser.add_argument('--out', required=True, metavar='FOLDER', help='where files are written')
    parser.add_argument(
        '--config', default=str(CONFIG), help='config of the model (default: the lite model)'
    )
    parser.add_argument(
        '--checkpoint',
        metavar='FILE',
        help='weights: a file or the folder of a training run (default: the bundled weights of the '
        'lite model; for another --config its load_from)',
    )
    _add_computing(parser.add_argument_group('computing'))
    _add_people(parser.add_argument_group('people'))
    _add_camera(parser.add_argument_group('camera, where it is known: used, not predicted'))
    _add_output(parser.add_argument_group('output'))
    add_video_options(parser)
    return parser


def _add_computing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--device', default='auto', help='auto, cpu, cuda, cuda:1 ... (default: auto)'
    )
    group.add_argument(
        '--batch-size', type=int, default=16, metavar='N', help='people per pass (default: 16)'
    )
    group.add_argument(
        '--image-batch-size',
        type=int,
        default=8,
        metavar='N',
        help='photos per pass, all in memory (default: 8)',
    )
    group.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=('auto', 'bfloat16', 'float16'),
        help='mixed precision: faster, less exact (auto: bfloat16 where the device has it)',
    )
    group.add_argument(
        '--compile', action='store_true', help='compile the backbones: pays off on long runs only'
    )


def _add_people(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--detector',
        choices=('onnx', 'torchvision', 'whole', 'none'),
        default='onnx',
        help='who finds people: the bundled network (default), Faster R-CNN of torchvision (its '
        'weights are downloaded), the whole photo is one person, or nobody (give --boxes)',
    )
    group.add_argument(
        '--score-threshold', type=float, metavar='S', help='drop boxes with a lower score'
    )
    group.add_argument(
        '--boxes',
        nargs='+',
        type=number_list(4),
        metavar='X1,Y1,X2,Y2',
        help='person boxes in pixels, for every photo; the detector is not asked',
    )


def _add_camera(group: argparse._ArgumentGroup) -> None:
    lens = group.add_mutually_exclusive_group()
    lens.add_argument('--focal-length', type=float, metavar='PX', help='in pixels of the photo')
    lens.add_argument(
        '--focal-length-35mm', type=float, metavar='MM', help='as on 35 mm film, by the diagonal'
    )
    lens.add_argument('--vfov', type=float, metavar='DEG', help='vertical field of view')
    lens.add_argument(
        '--intrinsics', type=number_list(4), metavar='FX,FY,CX,CY', help='in pixels of the photo'
    )
    group.add_argument(
        '--exif', action='store_true', help="else the focal length of the photo's EXIF data"
    )
    group.add_argument('--pitch', type=float, metavar='DEG', help='positive looks down')
    group.add_argument('--roll', type=float, metavar='DEG', help='about the optical axis')
    group.add_argument(
        '--gravity',
        type=number_list(3),
        metavar='X,Y,Z',
        help='its direction in camera axes (x right, y down, z forward) instead of pitch and roll',
    )
    group.add_argument(
        '--camera',
        metavar='FILE',
        help='JSON: one camera for all photos, or photo -> camera ("*": all others); a camera has '
        'focal_length (px), focal_length_35mm (mm), vfov (rad) or intrinsics (3 x 3), and '
        'world2cam_rotmat (3 x 3), gravity, or pitch and roll (rad)',
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    pictures = group.add_mutually_exclusive_group()
    pictures.add_argument('--no-pictures', action='store_true', help='write no PNG files')
    pictures.add_argument(
        '--pictures',
        nargs='+',
        choices=PICTURES,
        metavar='NAME',
        help=f'which to write, of {", ".join(PICTURES)} (default: {", ".join(DEFAULT_PICTURES)})',
    )
    group.add_argument('--no-meshes', action='store_true', help='write no OBJ files')
    group.add_argument(
        '--on-ground', action='store_true', help='drop each person to the floor of the world view'
    )
    group.add_argument(
        '--every', type=int, default=1, metavar='N', help='of a video, take every Nth frame'
    )
    group.add_argument(
        '--max-frames', type=int, metavar='N', help='of a video or camera, take N frames at most'
    )
    group.add_argument(
        '--overwrite',
        action='store_true',
        help='do finished photos again, and write over a run with other settings',
    )
    group.add_argument('--no-progress', action='store_true', help='show no progress bar')
    group.add_argument(
        '--debug', action='store_true', help='show where an error comes from, not just its message'
    )


def parse_input(text: str) -> str | int:
    """The number of a camera; anything else is a path."""
    return int(text) if text.isdecimal() and not Path(text).exists() else text


def number_list(count: int) -> Callable[[str], list[float]]:
    """A parser of so many numbers with commas between them."""

    def parse(text: str) -> list[float]:
        try:
            numbers = [float(part) for part in text.split(',')]
        except ValueError:
            numbers = []
        if len(numbers) != count:
            raise argparse.ArgumentTypeError(f'{text!r} is not {count} numbers with commas')
        return numbers

    return parse


def read_camera(args: argparse.Namespace) -> dict[str, Any] | None:
    """What the options say of the camera.

    Raises:
        ConfigError: If the options contradict each other, or the file is no JSON.
    """
    options: dict[str, Any] = {
        name: float(np.deg2rad(getattr(args, name)))
        for name in ('vfov', 'pitch', 'roll')
        if getattr(args, name) is not None
    }
    for name in ('focal_length', 'focal_length_35mm', 'gravity'):
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    if args.intrinsics is not None:
        fx, fy, cx, cy = args.intrinsics
        options['intrinsics'] = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    if args.camera is None:
        return options or None
    if options:
        raise ConfigError(f'--camera FILE says it all: leave out {", ".join(sorted(options))}')
    try:
        camera = json.loads(Path(args.camera).read_text(encoding='utf-8'))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f'--camera {args.camera}: no JSON ({error})') from error
    if not isinstance(camera, dict):
        raise ConfigError(f'--camera {args.camera}: expected an object, photo -> camera')
    return camera


def infer(args: argparse.Namespace, share: Share) -> InferenceReport:
    """Run as the arguments say.

    Raises:
        ConfigError: If an argument is wrong.
        SystemExit: If the user interrupts the run.
    """
    camera = read_camera(args)
    followed: VideoOptions | None = None
    try:
        followed = read_video_options(args)
        _check_followed(args, share, followed)
        device = find_device(args.device, local_rank=share.local_rank)
        with cli.building():
            inferencer = HMRInferencer(
                args.config,
                args.checkpoint or (CHECKPOINT if Path(args.config).resolve() == CONFIG else None),
                device=str(device),
                detector=None if args.detector == 'none' else args.detector,
                score_threshold=args.score_threshold,
                batch_size=args.batch_size,
                image_batch_size=args.image_batch_size,
                amp=args.amp,
                compile=args.compile,
            )
        if followed is not None:
            return infer_videos(
                inferencer,
                args.input,
                args.out,
                options=followed,
                camera=camera,
                progress=not args.no_progress,
            )
        return inferencer(
            args.input,
            boxes=None if args.boxes is None else np.array(args.boxes),
            camera=camera,
            exif=args.exif,
            out_dir=args.out,
            every=args.every,
            max_frames=args.max_frames,
            pictures=not args.no_pictures if args.pictures is None else args.pictures,
            meshes=not args.no_meshes,
            on_ground=args.on_ground,
            overwrite=args.overwrite,
            share=share,
            progress=not args.no_progress and share.rank == 0,
        )
    except KeyboardInterrupt:
        rest = (
            'and hold the video up to here'
            if followed is not None
            else f'and the same command goes on; tools/misc/merge_results.py {args.out} makes '
            'results.npz of what is there'
        )
        sys.stderr.write(f'\ninterrupted; the files in {args.out} are whole, {rest}\n')
        raise SystemExit(INTERRUPTED) from None
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f'--out {args.out}: there is a file in the way') from error
    except PermissionError as error:
        raise ConfigError(f'{error.filename or "--out " + args.out}: {error.strerror}') from error
    except (CheckpointError, ConfigError):
        raise
    except (ValueError, KeyError, ImportError) as error:
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise ConfigError(str(message)) from error


def _check_followed(args: argparse.Namespace, share: Share, followed: VideoOptions | None) -> None:
    """Refuse what does not go together with following the people of a video."""
    if followed is None:
        return
    if args.boxes is not None:
        raise ConfigError('--boxes: people are followed by the detector, leave out the boxes')
    for option in ('pictures', 'on_ground', 'exif'):
        if getattr(args, option):
            name = option.replace('_', '-')
            raise ConfigError(f'--{name} is for photos: leave it out where a video is followed')
    if not share.is_whole:
        raise ConfigError('a video is followed by one process: start it without torchrun or srun')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    parser = build_parser()
    args = parser.parse_args(argv)
    reports: list[InferenceReport] = []
    try:
        share = find_share()
    except ValueError as error:
        parser.error(str(error))
    code = cli.run_tool(lambda given: reports.append(infer(given, share)), args)
    if not reports:
        return code
    whose = '' if share.is_whole else f'process {share.rank} of {share.processes}: '
    print(f'\n{whose}{reports[0].summary()}\nwritten to {args.out}')
    if share.is_whole:
        return cli.RUN_FAILED if reports[0].failures else code
    return code  # torchrun would end the other processes for one bad photo


if __name__ == '__main__':
    sys.exit(main())
