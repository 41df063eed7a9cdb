"""Draw pictures of results that are there already, or of the synthetic world's true people.

Results are `NAME.npz` files of `tools/infer.py`; their photos are looked for in --photos. With
--synthetic the pictures show bodies and cameras as they were made: what a perfect model would get.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import cv2
import numpy as np

from whmr.apis import HMRResult
from whmr.body_models import FreeBody
from whmr.datasets.synthetic.generator import SyntheticWorldGenerator
from whmr.datasets.synthetic.settings import SyntheticWorldSettings
from whmr.engine import ConfigError, cli
from whmr.fileio import write_bytes
from whmr.visualization import PICTURES, PosedPeople, draw_pictures

EXAMPLES = """examples:
  python tools/analysis/draw_results.py outputs/demo --photos demo/images --out outputs/pictures
  python tools/analysis/draw_results.py --synthetic 14 11 --pictures figure --out outputs/truth
"""
Drawn = tuple[str, np.ndarray, PosedPeople]  # name, RGB photo, people


def build_parser() -> argparse.ArgumentParser:
    """The tool's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('results', nargs='*', help='NAME.npz files, or folders of them')
    parser.add_argument('--photos', metavar='DIR', help='folder of the photos of the results')
    parser.add_argument(
        '--synthetic', nargs='+', type=int, metavar='INDEX', help='draw images of SyntheticWorld'
    )
    parser.add_argument('--split', default='val', help='of SyntheticWorld (default: val)')
    parser.add_argument('--out', required=True, metavar='DIR', help='where pictures are written')
    parser.add_argument(
        '--pictures',
        nargs='+',
        choices=PICTURES,
        default=['figure'],
        metavar='NAME',
        help=f'some of {", ".join(PICTURES)} (default: figure)',
    )
    parser.add_argument('--format', choices=('png', 'jpg'), default='png')
    parser.add_argument('--width', type=int, metavar='PX', help='shrink pictures to this width')
    parser.add_argument('--debug', action='store_true', help='show where an error comes from')
    return parser


def read_results(paths: Sequence[str], photos: str | None) -> Iterator[Drawn]:
    """The people of result files and their photos.

    Raises:
        ConfigError: If a file or its photo is not there.
    """
    if photos is None:
        raise ConfigError('results need --photos DIR, the folder of their photos')
    for path in map(Path, paths):
        found = sorted(path.glob('*.npz')) if path.is_dir() else [path]
        for file in found:
            if file.name == 'results.npz':  # the table of the whole run
                continue
            result = HMRResult.load(file)
            photo = cv2.imread(str(Path(photos) / Path(result.image_name).name))
            if photo is None:
                raise ConfigError(f'{file}: no photo {Path(result.image_name).name} in {photos}')
            yield file.stem, np.ascontiguousarray(photo[..., ::-1]), result.people()


def make_synthetic(indices: Sequence[int], split: str) -> Iterator[Drawn]:
    """Synthetic images with the people and cameras that they were made of."""
    with cli.building():
        settings = SyntheticWorldSettings(
            split=split, image_size=(1280, 960), max_boxes=0, supersample=3, effects=False
        )
    generator = SyntheticWorldGenerator(settings)
    faces = FreeBody().faces.numpy()
    for index in indices:
        made = generator(index)
        camera, people = made.layout.camera, made.layout.people
        rotmat = camera.world2cam_rotmat
        in_world = np.stack([person.vertices for person in people])
        joints = np.stack([person.joints for person in people]) @ rotmat.T
        cam_t = np.stack([person.position for person in people]) @ rotmat.T
        seen = in_world @ rotmat.T
        pixels = (seen + cam_t[:, None]) @ camera.intrinsics.T
        pixels = pixels[..., :2] / pixels[..., 2:]
        yield (
            f'synthetic_{split}_{index}',
            made.scene.rgb,
            PosedPeople(
                seen,
                faces,
                cam_t,
                np.full(len(people), camera.intrinsics[0, 0]),
                in_world,
                np.zeros((len(people), 3)),
                rotmat,
                joints=joints,
                boxes=np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1),
                vfov=camera.vfov,
            ),
        )


def write_picture(path: Path, picture: np.ndarray, width: int | None) -> None:
    """Write a picture (RGB), shrunk if it is wider than `width`."""
    if width is not None and width < picture.shape[1]:
        size = (width, max(1, round(picture.shape[0] * width / picture.shape[1])))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 88]
    _, data = cv2.imencode(path.suffix, np.ascontiguousarray(picture[..., ::-1]), quality)
    write_bytes(path, data.tobytes())


def draw(args: argparse.Namespace) -> None:
    """Draw as the arguments say.

    Raises:
        ConfigError: If there is nothing to draw.
    """
    if bool(args.results) == bool(args.synthetic):
        raise ConfigError('give result files, or --synthetic INDEX')
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    if args.synthetic:
        drawn = make_synthetic(args.synthetic, args.split)
    else:
        drawn = read_results(args.results, args.photos)
    for name, photo, people in drawn:
        for picture, image in draw_pictures(photo, people, args.pictures).items():
            path = folder / f'{name}_{picture}.{args.format}'
            write_picture(path, image, args.width)
            print(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    return cli.run_tool(draw, build_parser().parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
