"""The synthetic world as a data set."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from mmengine.dist import barrier, get_dist_info

from whmr.datasets.annotations import load_annotations
from whmr.datasets.hmr_dataset import HMRDataset
from whmr.datasets.synthetic.cache import SyntheticWorldCache
from whmr.datasets.synthetic.generate import generate_images
from whmr.datasets.synthetic.settings import SyntheticWorldSettings
from whmr.datasets.synthetic.table import SyntheticWorldTable
from whmr.registry import DATASETS


@DATASETS.register_module()
class SyntheticWorld(HMRDataset):
    """Rendered people in panoramas, with every label of the data contract, exact.

    The bundled free body, in poses from motion capture and from joint limits, with random shapes
    and painted clothes, stands on a ground plane before a panorama or a sky; the camera is turned
    and zoomed at random. Whatever is missing is made at the first use and kept on disk: the same
    settings always give the same files, bit by bit, on machines of one kind. Splits share no seed,
    no panorama and no motion clip. A row also holds `visibility`. The whole images with their
    `world2cam_rotmat` and `intrinsics` train a camera calibrator as well.

    In a distributed run every process makes its share. For a large world do that beforehand, with
    `tools/misc/build_synthetic_world.py`.

    Args:
        split: `train`, `val` or `test`.
        num_images: How many images; an image has one person or more, a row each.
        seed: Another seed gives another world.
        image_size: W, H, px.
        data_root: Where worlds are kept; each has a folder named after its settings.
        num_workers: Processes that make what is missing; 0 makes it in this one.
        verify: What is checked of images made earlier: their `size`, or their whole `content`
            (reads every file). Broken ones are made again.
        max_people: As in `SyntheticWorldSettings`, like the following.
        max_boxes: At most this many boxes stand in one scene.
        clip_share: Share of the poses from motion capture.
        panorama_share: Share of the scenes with a panorama.
        supersample: Samples per pixel side.
        effects: Exposure, colour, blur, noise and JPEG compression.
        metainfo: Added to the meta.
        indices: Use only the first n rows (int) or these rows.
        pipeline: Transforms.
        test_mode: See `HMRDataset`.
        lazy_init: Make and read everything at the first use.
        max_refetch: How many other samples to try in training.

    Raises:
        ImportError: Images are missing and numba is not installed.
        OSError: The disk is full or not writable.
        ValueError: An argument is wrong.

    Shapes: a row is that of `HMRDataset`, and
        `visibility` (49,) bool: the joint is in the image and nothing hides it.
    """

    def __init__(
        self,
        split: str = 'train',
        num_images: int = 1000,
        *,
        seed: int = 0,
        image_size: Sequence[int] = (512, 384),
        data_root: str | os.PathLike = 'data/synthetic_world',
        num_workers: int = 0,
        verify: Literal['size', 'content'] = 'size',
        max_people: int = 4,
        max_boxes: int = 4,
        clip_share: float = 0.75,
        panorama_share: float = 0.8,
        supersample: int = 2,
        effects: bool = True,
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 100,
    ) -> None:
        if num_images < 1:
            raise ValueError(f'num_images must be positive, got {num_images}')
        if verify not in ('size', 'content'):
            raise ValueError(f"verify must be 'size' or 'content', got {verify!r}")
        self.settings = SyntheticWorldSettings(
            split=split,
            seed=seed,
            image_size=tuple(int(side) for side in image_size),
            max_people=max_people,
            max_boxes=max_boxes,
            clip_share=clip_share,
            panorama_share=panorama_share,
            supersample=supersample,
            effects=effects,
        )
        self.num_images = num_images
        self.num_workers = num_workers
        self.verify = verify
        self.cache_root = os.fspath(data_root)
        self.cache = SyntheticWorldCache(self.cache_root, self.settings)
        super().__init__(
            ann_file=f'annotations_{num_images}.npz',
            metainfo=metainfo,
            data_root=self.cache.folder,
            data_prefix={'img': ''},
            indices=indices,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    def load_columns(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Make what is missing, then read the columns.

        Raises:
            ImportError: Images are missing and numba is not installed.
            OSError: The disk is full or not writable.

        Shapes: as in `whmr.datasets.annotations`, and `visibility` (M, 49) bool.
        """
        table = SyntheticWorldTable(self.cache, self.num_images)
        index = self._prepare_files(table)
        columns, meta = load_annotations(table.annotation_path)
        return {**columns, 'visibility': index['visibility']}, meta

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One person.

        Args:
            idx: The row; negative counts from the end.

        Raises:
            IndexError: There is no such row.

        Shapes: as in the class.
        """
        row = super().get_data_info(idx)
        row['visibility'] = self.columns['visibility'][row['sample_idx']].copy()
        return row

    def _prepare_files(self, table: SyntheticWorldTable) -> dict[str, np.ndarray]:
        """Bring the cache into a whole state, whatever state it is in."""
        index = table.read_index()
        if index is None:
            wanted = range(self.num_images)
        else:
            wanted = table.broken_images(index, content=self.verify == 'content')
        rank, world_size = get_dist_info()
        if world_size > 1:  # all of them or none: what one process sees, another may not
            self._generate(wanted, rank, world_size)
            barrier()
        self._generate(wanted, 0, 1)
        return index if index is not None else table.write()

    def _generate(self, wanted: Sequence[int], rank: int, world_size: int) -> None:
        generate_images(
            self.settings,
            self.cache_root,
            wanted,
            rank=rank,
            world_size=world_size,
            num_workers=self.num_workers,
        )
