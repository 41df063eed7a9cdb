"""Views of panoramas as a data set: photos without people, for a camera calibrator."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch

from whmr.datasets.equirectangular import Equirectangular
from whmr.datasets.hmr_dataset import HMRDataset
from whmr.datasets.synthetic.assets import load_panorama, load_panorama_lights
from whmr.datasets.synthetic.cameras import COMMON_CAMERAS, TILTED_CAMERAS, sample_angles
from whmr.datasets.synthetic.effects import apply_effects
from whmr.datasets.synthetic.splits import CALIBRATOR_PANORAMAS
from whmr.datasets.transforms.photo import header_shape
from whmr.geometry import pitch_roll_to_rotmat, vfov_to_focal
from whmr.registry import DATASETS

SPLIT_FILE = 'splits.json'
PICTURES = ('.jpg', '.jpeg', '.png')
CAMERAS = {'common': COMMON_CAMERAS, 'tilted': TILTED_CAMERAS}
# A view of a narrow lens shows few pixels of its panorama, so it is soft; that this may not give
# the lens away, half of all views lose detail, down to one pixel in this many.
MAX_COARSENESS = 4.0


@DATASETS.register_module()
class PanoramaViews(HMRDataset):
    """Perspective views, cut from panoramas when they are asked for, with their exact cameras.

    As the data of SPEC's CamCalib (Kocabas et al., ICCV 2021), which is cut from Pano360. View i
    depends on nothing but the settings, `seed` and i. The angles are drawn as those of the
    synthetic world (`common`: inside the ranges that `CamCalib` decodes; `tilted`: half of them
    outside); the yaw is uniform, and no label tells it. A row has no person: its labels are
    `world2cam_rotmat` and `intrinsics`, and its box is the whole view, so that every transform
    works (`CropPerson` is of no use).

    Args:
        panoramas: A folder of equirectangular pictures (.jpg, .png) whose middle row is the
            horizon, or names of bundled panoramas; default: those that the synthetic world shows
            in no split. `tools/dataset_converters/panoramas.py` makes such a folder.
        num_views: How many views.
        seed: Another seed gives other views.
        split: Of a folder: the key of its `splits.json` that lists the pictures to use; default:
            all of them.
        image_size: W, H of the views, px, or several such sizes, drawn evenly.
        cameras: `common` as in the synthetic world's splits, or `tilted` as in its `test_tilted`.
        effects: Exposure, colour, loss of detail, blur and noise like those of real photos.
        num_cached: So many panoramas are kept in memory.
        metainfo: Added to the meta.
        indices: Use only the first n rows (int) or these rows.
        pipeline: Transforms; `LoadImage` takes the view as it is.
        test_mode: See `HMRDataset`.
        lazy_init: Draw the cameras at the first use.
        max_refetch: How many other samples to try in training.

    Raises:
        FileNotFoundError: There is no such folder, picture or list of splits.
        ValueError: An argument is wrong, or a picture is no panorama.

    Shapes: a row is that of `HMRDataset`, and
        `img` (H, W, 3) uint8 BGR, `yaw` () rad, positive turns the panorama right.
    """

    def __init__(
        self,
        panoramas: str | os.PathLike | Sequence[str] = CALIBRATOR_PANORAMAS,
        num_views: int = 1000,
        *,
        seed: int = 0,
        split: str | None = None,
        image_size: Sequence[int] | Sequence[Sequence[int]] = (256, 192),
        cameras: Literal['common', 'tilted'] = 'common',
        effects: bool = True,
        num_cached: int = 64,
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 100,
    ) -> None:
        if min(num_views, num_cached) < 1 or seed < 0:
            raise ValueError(
                'need num_views >= 1, num_cached >= 1 and seed >= 0, '
                f'got {num_views}, {num_cached} and {seed}'
            )
        if cameras not in CAMERAS:
            raise ValueError(f'cameras must be one of {sorted(CAMERAS)}, got {cameras!r}')
        self.sources = _find_panoramas(panoramas, split)
        self.num_views, self.seed = num_views, seed
        self.sizes = _checked_sizes(image_size)
        self.cameras, self.effects, self.num_cached = cameras, effects, num_cached
        self._cache: dict[int, Equirectangular] = {}
        super().__init__(
            metainfo=metainfo,
            indices=indices,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    def load_columns(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Draw the cameras of all views.

        Shapes: M views.
            as in `whmr.datasets.annotations`, and `panorama` (M,) int, `view` (M,) int,
            `yaw` (M,) rad.
        """
        number = self.num_views
        angles = np.empty((number, 3))
        yaw, panorama, size = np.empty(number), *np.empty((2, number), np.int64)
        for view in range(number):
            rng = self._rng(view)
            angles[view] = sample_angles(rng, CAMERAS[self.cameras])
            yaw[view] = rng.uniform(-np.pi, np.pi)
            panorama[view] = rng.integers(len(self.sources))
            size[view] = rng.integers(len(self.sizes))
        pitch, roll, vfov = torch.from_numpy(angles).unbind(1)
        width, height = np.array(self.sizes, np.float64)[size].T
        focal = vfov_to_focal(vfov, torch.from_numpy(height)).numpy()
        intrinsics = np.tile(np.eye(3), (number, 1, 1))
        intrinsics[:, [0, 1], [0, 1]] = focal[:, None]
        intrinsics[:, :2, 2] = np.stack([width, height], 1) / 2
        names = np.array([Path(source).stem for source in self.sources])[panorama]
        columns = dict(
            img_path=np.array([f'{name}/{view:07d}' for view, name in enumerate(names)]),
            ori_shape=np.stack([height, width], 1).astype(np.int32),
            bbox=np.stack([0 * width, 0 * width, width, height], 1).astype(np.float32),
            world2cam_rotmat=pitch_roll_to_rotmat(pitch, roll).numpy().astype(np.float32),
            intrinsics=intrinsics.astype(np.float32),
            panorama=panorama,
            view=np.arange(number),
            yaw=yaw,
        )
        return columns, dict(dataset='panorama_views', topology='free_body', joint_set='spin49')

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One view.

        Args:
            idx: The row; negative counts from the end.

        Raises:
            IndexError: There is no such row.
            ValueError: The panorama cannot be read any more.

        Shapes: as in the class.
        """
        row = super().get_data_info(idx)
        columns, number = self.columns, row['sample_idx']
        row['yaw'] = float(columns['yaw'][number])
        view = self._panorama(int(columns['panorama'][number])).view(
            row['world2cam_rotmat'], row['intrinsics'], row['ori_shape'], yaw=row['yaw']
        )
        if self.effects:
            view = _like_a_photo(view, self._rng(int(columns['view'][number]), 1))
        row['img'] = view[..., ::-1].copy()
        return row

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *key])

    def _panorama(self, number: int) -> Equirectangular:
        if number not in self._cache:
            if len(self._cache) >= self.num_cached:
                del self._cache[next(iter(self._cache))]
            self._cache[number] = Equirectangular(_read_panorama(self.sources[number]))
        return self._cache[number]


def _like_a_photo(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = view.shape[:2]
    coarseness = rng.uniform(1.0, MAX_COARSENESS) if rng.random() < 0.5 else 1.0
    small = (round(width / coarseness), round(height / coarseness))
    if small != (width, height):
        view = cv2.resize(view, small, interpolation=cv2.INTER_AREA)
        view = cv2.resize(view, (width, height), interpolation=cv2.INTER_LINEAR)
    return apply_effects(view, rng)


def _find_panoramas(
    panoramas: str | os.PathLike | Sequence[str], split: str | None
) -> list[str | Path]:
    """Names of bundled panoramas (str), or the pictures of a folder (Path)."""
    if not isinstance(panoramas, str | os.PathLike):
        if split is not None:
            raise ValueError('split is for a folder of panoramas, not for bundled ones')
        bundled = load_panorama_lights()
        unknown = sorted(set(panoramas) - set(bundled))
        if unknown or not panoramas:
            raise ValueError(f'no bundled panorama(s) {unknown}; there are {sorted(bundled)}')
        return list(panoramas)
    folder = Path(panoramas)
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder}: no such folder; bundled panoramas are given as a list of names'
        )
    if split is None:
        paths = sorted(path for path in folder.rglob('*') if path.suffix.lower() in PICTURES)
    else:
        paths = [folder / name for name in _read_split(folder / SPLIT_FILE, split)]
    if not paths:
        raise FileNotFoundError(f'{folder}: no panorama ({", ".join(PICTURES)}) in it')
    for path in paths:
        _check_panorama(path)
    return paths


def _read_split(path: Path, split: str) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: missing, so split must be None; '
            'tools/dataset_converters/panoramas.py writes it'
        )
    splits = json.loads(path.read_text(encoding='utf-8'))
    if split not in splits:
        raise ValueError(f'{path}: no split {split!r}, only {sorted(splits)}')
    return splits[split]


def _check_panorama(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f'{path}: missing, but {SPLIT_FILE} lists it')
    try:
        height, width, _ = header_shape(path, ignore_orientation=True)
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f'{path}: not a picture ({error}); remove it') from error
    if width != 2 * height:
        raise ValueError(
            f'{path}: a panorama must be twice as wide as high, this is {width} x {height}; '
            'remove it from the folder'
        )


def _read_panorama(source: str | Path) -> np.ndarray:
    """RGB pixels."""
    if isinstance(source, str):
        return load_panorama(source)
    image = cv2.imread(str(source), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise ValueError(f'{source}: not a picture that can be decoded; get the file again')
    return image[..., ::-1].copy()


def _checked_sizes(
    image_size: Sequence[int] | Sequence[Sequence[int]],
) -> list[tuple[int, int]]:
    several = [image_size] if isinstance(image_size[0], int) else image_size
    sizes = [tuple(int(side) for side in size) for size in several]
    if not all(len(size) == 2 and min(size) >= 32 for size in sizes):
        raise ValueError(f'image_size must be (W, H), at least 32 px each, or several: {sizes}')
    return sizes
