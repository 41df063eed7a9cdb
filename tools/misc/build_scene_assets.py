"""Build the bundled assets of `SyntheticWorld` (whmr/datasets/synthetic/assets) from public files.

Motion clips (motion capture, 15 clips) come with the PyPI package `pybullet` 3.2.7 (zlib licence):

    pip download --no-deps pybullet==3.2.7
    unzip pybullet-3.2.7-*.whl 'pybullet_data/data/motions/*'
    python tools/misc/build_scene_assets.py --motions pybullet_data/data/motions

A folder with `motion_clips.npz` (the same numbers, one (T, 44) array per clip) is taken as well.

Panoramas (equirectangular, CC0) come with the npm package `@pmndrs/assets` 1.7.0 (folder `hdri`)
and with Debian's `blender-data` (studio lights of the world kind). They are high dynamic range
files there; `--panoramas` takes a folder that holds them tone-mapped to JPEG, with a
`panoramas.json` that gives for each (key = file stem) its

    light_direction   unit vector toward the strongest light; x right, y UP, z to the middle column
    light_share       share of all light that comes from there, 0..1
    ambient_rgb       colour of the rest, largest channel 1

    python tools/misc/build_scene_assets.py --motions MOTIONS --panoramas PANORAMAS [--out FOLDER]

The result: `motions.npz` (float16, per clip (T, 41): the 40 rotation numbers of a frame from the
root quaternion on, then how high the figure is above the ground, m) and `panoramas/*.jpg` with
`panoramas.json` (light directions in the library's world axes, y DOWN).
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from whmr.fileio import atomic_path, write_bytes

FRAME_SIZE = 44
PANORAMA_WIDTH = 1024
JPEG_QUALITY = 82
# A foot on tiptoe lifts its ankle by this much, m: only what is higher counts as in the air.
TIPTOE = 0.20

# The figure of the clips: parent and offset (m, y up, facing +x, right = +z), and where in a frame
# the joint's rotation is: (first number, 4) for a quaternion wxyz, (first, 1) for a turn about z.
FIGURE = {
    'root': (None, (0, 0, 0), (4, 4)),
    'chest': ('root', (0, 0.23615, 0), (8, 4)),
    'neck': ('chest', (0, 0.22389, 0), (12, 4)),
    'right_hip': ('root', (0, 0, 0.08489), (16, 4)),
    'right_knee': ('right_hip', (0, -0.42155, 0), (20, 1)),
    'right_ankle': ('right_knee', (0, -0.40987, 0), (21, 4)),
    'right_shoulder': ('chest', (-0.02405, 0.2435, 0.18311), (25, 4)),
    'right_elbow': ('right_shoulder', (0, -0.27479, 0), (29, 1)),
    'right_wrist': ('right_elbow', (0, -0.25895, 0), None),
    'left_hip': ('root', (0, 0, -0.08489), (30, 4)),
    'left_knee': ('left_hip', (0, -0.42155, 0), (34, 1)),
    'left_ankle': ('left_knee', (0, -0.40987, 0), (35, 4)),
    'left_shoulder': ('chest', (-0.02405, 0.2435, -0.18311), (39, 4)),
    'left_elbow': ('left_shoulder', (0, -0.27479, 0), (43, 1)),
    'left_wrist': ('left_elbow', (0, -0.25895, 0), None),
}


def read_clips(source: Path) -> dict[str, np.ndarray]:
    """All clips of a folder, name -> (T, 44) float32.

    Raises:
        FileNotFoundError: The folder holds neither `motion_clips.npz` nor `humanoid3d_*.txt`.
        ValueError: A clip's frames are not 44 numbers.
    """
    if (source / 'motion_clips.npz').is_file():
        with np.load(source / 'motion_clips.npz', allow_pickle=False) as data:
            clips = {name: data[name] for name in data.files}
    else:
        files = sorted(source.glob('humanoid3d_*.txt'))
        clips = {
            path.stem.removeprefix('humanoid3d_'): np.asarray(
                json.loads(path.read_text())['Frames'], dtype=np.float32
            )
            for path in files
        }
    if not clips:
        raise FileNotFoundError(f'{source}: neither motion_clips.npz nor humanoid3d_*.txt in it')
    for name, frames in clips.items():
        if frames.ndim != 2 or frames.shape[1] != FRAME_SIZE:
            raise ValueError(f'{source}: clip {name!r} has shape {frames.shape}, must be (T, 44)')
    return clips


def rotation_matrix(numbers: np.ndarray) -> np.ndarray:
    """(T, 4) quaternions wxyz or (T, 1) turns about z as (T, 3, 3)."""
    if numbers.shape[1] == 1:
        half = 0.5 * numbers[:, 0]
        zero = np.zeros_like(half)
        numbers = np.stack([np.cos(half), zero, zero, np.sin(half)], axis=1)
    w, x, y, z = (numbers / np.linalg.norm(numbers, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def clearance(frames: np.ndarray) -> np.ndarray:
    """(T,) how far the lowest joint is above tiptoe height, m."""
    rotations, positions = {}, {}
    for joint, (parent, offset, place) in FIGURE.items():
        local = np.eye(3)[None]
        if place is not None:
            local = rotation_matrix(frames[:, place[0] : place[0] + place[1]].astype(np.float64))
        if parent is None:
            rotations[joint], positions[joint] = local, frames[:, 1:4].astype(np.float64)
        else:
            positions[joint] = positions[parent] + rotations[parent] @ np.asarray(offset)
            rotations[joint] = rotations[parent] @ local
    lowest = np.min([position[:, 1] for position in positions.values()], axis=0)
    return np.maximum(0, lowest - TIPTOE)


def build_motions(source: Path, out: Path) -> None:
    """Write `motions.npz`."""
    clips = {
        name: np.concatenate([frames[:, 4:], clearance(frames)[:, None]], axis=1).astype(np.float16)
        for name, frames in sorted(read_clips(source).items())
    }
    with atomic_path(out / 'motions.npz') as partial:
        np.savez_compressed(partial, **clips)


def repair_highlights(image: np.ndarray) -> np.ndarray:
    """Take away what resampling and tone mapping left around strong lights.

    Dark rings (up to 6 px wide, beside nearly white pixels) are closed, and dark spots that a
    nearly white rim encloses (values that wrapped around past 255) are filled; each channel by
    itself.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    saturated = (image.min(2) >= 235).astype(np.uint8)
    near = cv2.dilate(saturated, np.ones((11, 11), np.uint8)).astype(bool)
    result = image.copy()
    result[near] = cv2.morphologyEx(image, cv2.MORPH_CLOSE, kernel)[near]
    for channel in range(3):
        values = result[..., channel].copy()
        number, label, stats, _ = cv2.connectedComponentsWithStats((values < 128).astype(np.uint8))
        for spot in range(1, number):
            left, top, width, height, area = stats[spot]
            if area > 0.003 * values.size:
                continue
            window = np.s_[max(0, top - 3) : top + height + 3, max(0, left - 3) : left + width + 3]
            inside = label[window] == spot
            rim = cv2.dilate(inside.astype(np.uint8), kernel).astype(bool) & (label[window] == 0)
            if rim.any() and np.percentile(values[window][rim], 60) > 240:
                inside = cv2.dilate(inside.astype(np.uint8), kernel[2:5, 2:5]).astype(bool)
                result[window][inside, channel] = 255
    return result


def build_panoramas(source: Path, out: Path) -> None:
    """Write `panoramas/*.jpg` and `panoramas.json`.

    Raises:
        FileNotFoundError: A panorama that `panoramas.json` names is not in the folder.
    """
    lights = json.loads((source / 'panoramas.json').read_text())
    images = source / 'panoramas' if (source / 'panoramas').is_dir() else source
    (out / 'panoramas').mkdir(parents=True, exist_ok=True)
    result = {}
    for name, light in sorted(lights.items()):
        image = cv2.imread(str(images / f'{name}.jpg'))
        if image is None:
            raise FileNotFoundError(f'{images / name}.jpg: not there, but in panoramas.json')
        image = repair_highlights(image)
        width = min(PANORAMA_WIDTH, image.shape[1])
        if width != image.shape[1]:
            image = cv2.resize(image, (width, width // 2), interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        write_bytes(out / 'panoramas' / f'{name}.jpg', data.tobytes())
        x, y, z = light['light_direction']
        result[name] = dict(
            light_direction=[x, -y, z],
            light_share=light['light_share'],
            ambient_rgb=light['ambient_rgb'],
        )
    text = json.dumps(result, indent=1) + '\n'
    write_bytes(out / 'panoramas.json', text.encode())


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--motions', type=Path, help='folder of the motion clips')
    parser.add_argument('--panoramas', type=Path, help='folder of the panoramas')
    default = Path(__file__).parents[2] / 'whmr' / 'datasets' / 'synthetic' / 'assets'
    parser.add_argument('--out', type=Path, default=default, help='folder to write to')
    args = parser.parse_args()
    if args.motions is None and args.panoramas is None:
        parser.error('give --motions, --panoramas or both')
    args.out.mkdir(parents=True, exist_ok=True)
    if args.motions is not None:
        build_motions(args.motions, args.out)
    if args.panoramas is not None:
        build_panoramas(args.panoramas, args.out)
    total = sum(path.stat().st_size for path in args.out.rglob('*') if path.is_file())
    print(f'{args.out}: {total / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
