"""The data set of one annotation file."""

import copy
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, force_full_init
from mmengine.logging import print_log

from whmr.datasets.annotations import OnBadRows, count_rows, load_annotations
from whmr.datasets.catalog import missing_file_message
from whmr.datasets.column_cache import ColumnCache, MappedColumns
from whmr.datasets.errors import BadSampleError
from whmr.fileio import is_url, local_copy
from whmr.geometry import axis_angle_to_rotmat, rotmat_to_axis_angle
from whmr.keypoints import JOINT_SETS, convert_keypoints
from whmr.registry import DATASETS, TRANSFORMS

JOINT_SET = 'spin49'

# Labels of a row that has none of the kind, without the row axis.
EMPTY_LABELS: dict[str, tuple[int, ...]] = {
    'keypoints_2d': (len(JOINT_SETS[JOINT_SET].joints), 2),
    'keypoints_2d_conf': (len(JOINT_SETS[JOINT_SET].joints),),
    'keypoints_3d': (len(JOINT_SETS[JOINT_SET].joints), 3),
    'keypoints_3d_conf': (len(JOINT_SETS[JOINT_SET].joints),),
    'global_orient': (3,),
    'body_pose': (69,),
    'betas': (10,),
    'cam_t': (3,),
    'pelvis': (3,),
    'global_orient_world': (3,),
    'world2cam_rotmat': (3, 3),
    'intrinsics': (3, 3),
}
# What each flag speaks for; it defaults to True where the first of these columns is there.
FLAGS: dict[str, tuple[str, ...]] = {
    'has_keypoints_3d': ('keypoints_3d', 'keypoints_3d_conf'),
    'has_smpl': ('global_orient', 'body_pose', 'betas'),
    'has_cam_t': ('cam_t',),
    'has_pelvis': ('pelvis',),
    'has_world': ('global_orient_world',),
    'has_world2cam': ('world2cam_rotmat',),
    'has_focal_length': ('intrinsics',),
}


@DATASETS.register_module()
class HMRDataset(BaseDataset):
    """People with labels, one row each, from an annotation file (`whmr.datasets.annotations`).

    Labels are kept as columns, never as a list of dicts; keypoints are brought to the joint set
    `spin49` by name when the file is read. The columns of a large file are unpacked once, to a
    hidden folder beside it (`whmr.datasets.column_cache`), and mapped into memory: all workers and
    processes of a machine share them, and the next run neither reads nor checks them again.

    Photos may lie in tars, and everything behind URLs that fsspec knows (`data_root='s3://...'`);
    `tools/misc/make_shards.py` packs a data set in this way. A subclass that makes its rows in
    another way overrides `load_columns`, or `get_data_info` to add `img` (uint8 BGR photo, which
    `LoadImage` then takes) to a row.

    Args:
        ann_file: The annotation file, relative to `data_root`.
        metainfo: Added to the meta of the file.
        data_root: The data set's folder.
        data_prefix: `img`: the folder of the photos, relative to `data_root`.
        indices: Use only the first n rows (int) or these rows.
        pipeline: Transforms.
        test_mode: A photo that cannot be read becomes a black one without labels, with the reason
            in the key `bad_photo`; in training another sample is drawn.
        lazy_init: Read the file at the first use.
        max_refetch: How many other samples to try in training.
        on_bad_rows: `error` refuses a file with a wrong label; `drop` leaves such rows out.
        map_above: Columns of more bytes than this are mapped from disk; smaller ones stay in
            memory. None = never map.

    Raises:
        FileNotFoundError: There is no annotation file; the line says where to get it.
        ValueError: The file or a label in it is wrong.

    Shapes: a row (`get_data_info`) holds, float32 if not said otherwise,
        `img_path`, `img_id`, `topology`, `dataset`, `gender` str; `sample_idx` int;
        `ori_shape` (H, W);
        `bbox` (4,) xyxy full px, `bbox_score` ();
        `keypoints_2d` (49, 2) full px, `keypoints_2d_conf` (49,);
        `keypoints_3d` (49, 3) m, camera axes, `keypoints_3d_conf` (49,), `has_keypoints_3d` bool;
        `global_orient` (1, 3, 3), `body_pose` (23, 3, 3), `betas` (10,), `has_smpl`;
        `cam_t` (3,) m, `has_cam_t`; `pelvis` (3,) m, `has_pelvis`;
        `global_orient_world` (1, 3, 3), `has_world`; `world2cam_rotmat` (3, 3), `has_world2cam`;
        `intrinsics` (3, 3) full px, `has_focal_length`.
    """

    METAINFO = {'joint_set': JOINT_SET}

    def __init__(
        self,
        ann_file: str | os.PathLike = '',
        metainfo: Mapping[str, Any] | None = None,
        *,
        data_root: str | os.PathLike = '',
        data_prefix: Mapping[str, str] | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 100,
        on_bad_rows: OnBadRows = 'error',
        map_above: int | None = 32 * 2**20,
    ) -> None:
        data_prefix = {'img': ''} if data_prefix is None else dict(data_prefix)
        if set(data_prefix) != {'img'}:
            raise ValueError(f"data_prefix must have the one key 'img', got {sorted(data_prefix)}")
        self.on_bad_rows, self.map_above = on_bad_rows, map_above
        self.columns: Mapping[str, np.ndarray] = {}
        self.num_bad_samples = 0
        self._bad_files: set[str] = set()
        super().__init__(
            ann_file=os.fspath(ann_file),
            metainfo=metainfo,
            data_root=os.fspath(data_root),
            data_prefix=data_prefix,
            indices=indices,
            serialize_data=False,
            pipeline=[
                TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline
            ],
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    def load_columns(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The columns and the meta, as `load_annotations` gives them; the place to override.

        Raises:
            FileNotFoundError: There is no annotation file.
            ValueError: The file is wrong.

        Shapes: as in `whmr.datasets.annotations`.
        """
        return load_annotations(self._local_ann_file(), on_bad_rows=self.on_bad_rows)

    def full_init(self) -> None:
        """Read the file, unless that is done.

        Raises:
            FileNotFoundError: There is no annotation file.
            ValueError: The file is wrong.

        Shapes: none.
        """
        if self._fully_initialized:
            return
        self.columns, meta = self._prepared_columns()
        for key, value in meta.items():
            if key not in ('joint_set', 'joint_set_3d'):
                self._metainfo.setdefault(key, value)
        if self._indices is not None:
            self.columns = self._subset(self._indices)
        self._fully_initialized = True

    def load_data_list(self) -> list[dict]:
        """All rows as dicts: for MMEngine's tools; the data set itself works on columns.

        Shapes: as a row of the class.
        """
        return [self.get_data_info(index) for index in range(len(self))]

    @force_full_init
    def __len__(self) -> int:
        return len(self.columns['bbox'])

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One person.

        Args:
            idx: The row; negative counts from the end.

        Raises:
            IndexError: There is no such row.

        Shapes: as in the class.
        """
        num_rows = len(self)
        if not -num_rows <= idx < num_rows:
            raise IndexError(f'row {idx} of {num_rows} of {self.ann_file or type(self).__name__}')
        idx = int(idx) % num_rows
        row: dict[str, Any] = {
            name: self.columns[name][idx].copy() if name in self.columns else np.zeros(shape, 'f4')
            for name, shape in EMPTY_LABELS.items()
        }
        row |= {flag: bool(self.columns[flag][idx]) for flag in FLAGS}
        _finish_row(row)
        path = self.columns['img_path'][idx].decode()
        prefix = self.data_prefix['img']
        img_id = self.columns['img_id'][idx].decode() if 'img_id' in self.columns else path
        gender = self.columns['gender'][idx].decode() if 'gender' in self.columns else 'neutral'
        score = self.columns['bbox_score'][idx] if 'bbox_score' in self.columns else 1.0
        row.update(
            img_path=os.path.join(prefix, path),
            img_id=img_id,
            ori_shape=tuple(int(v) for v in self.columns['ori_shape'][idx]),
            bbox=self.columns['bbox'][idx].copy(),
            bbox_score=np.float32(score),
            gender=gender,
            topology=self._metainfo['topology'],
            dataset=self._metainfo['dataset'],
            sample_idx=idx,
        )
        return row

    def __getitem__(self, idx: int) -> Any:
        self.full_init()
        for _ in range(1 if self.test_mode else self.max_refetch + 1):
            sample = self.prepare_data(idx)
            if sample is not None:
                return sample
            idx = self._rand_another()
        raise BadSampleError(
            f'{self.ann_file or type(self).__name__}: no usable sample in {self.max_refetch + 1} '
            f'draws; check the photos in {self.data_prefix["img"]!r} and the pipeline'
        )

    def prepare_data(self, idx: int) -> Any:
        """One sample after the pipeline; in training None where its photo cannot be used.

        Args:
            idx: The row.

        Shapes: what the pipeline packs.
        """
        try:
            return self.pipeline(self.get_data_info(idx))
        except BadSampleError as error:
            self._count_bad(idx, error)
            if not self.test_mode:
                return None
            row = self.get_data_info(idx)
            row['img'] = np.zeros((*row['ori_shape'], 3), np.uint8)
            row['bad_photo'] = str(error)
            return self.pipeline(row)

    @force_full_init
    def get_subset(self, indices: int | Sequence[int]) -> 'HMRDataset':
        """A data set of some of the rows.

        Args:
            indices: The first n rows, the last n (negative), or a list of rows.

        Raises:
            IndexError: A row does not exist.

        Shapes: none.
        """
        subset = copy.copy(self)
        subset.columns = self._subset(indices)
        subset._metainfo = copy.deepcopy(self._metainfo)
        subset._bad_files = set()
        subset.num_bad_samples = 0
        return subset

    @force_full_init
    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keep only some of the rows.

        Args:
            indices: The first n rows, the last n (negative), or a list of rows.

        Raises:
            IndexError: A row does not exist.

        Shapes: none.
        """
        self.columns = self._subset(indices)

    def _join_prefix(self) -> None:
        """As in MMEngine, and for every URL."""
        if self.ann_file:
            self.ann_file = _below(self.data_root, self.ann_file)
        self.data_prefix['img'] = _below(self.data_root, self.data_prefix['img'])

    def _local_ann_file(self) -> Path:
        try:
            path = local_copy(self.ann_file) if self.ann_file else None
        except FileNotFoundError:
            path = None
        if path is None or not path.is_file():
            raise FileNotFoundError(missing_file_message(self.ann_file))
        return path

    def _prepared_columns(self) -> tuple[Mapping[str, np.ndarray], dict[str, Any]]:
        """Columns that rows are cut from: mapped where they are large and come from the file."""
        cache = None
        if self.map_above is not None and type(self).load_columns is HMRDataset.load_columns:
            path = self._local_ann_file()
            cache = ColumnCache(path, dict(on_bad_rows=self.on_bad_rows, joint_set=JOINT_SET))
            mapped = cache.read()
            if mapped is not None:
                self._tell_dropped(count_rows(path) - len(mapped['bbox']))
                return mapped, mapped.meta
        columns, meta = self.load_columns()
        columns = _prepare(columns, meta)
        size = sum(column.nbytes for column in columns.values())
        if cache is not None and size > self.map_above and cache.write(columns, meta):
            mapped = cache.read()
            if mapped is not None:
                return mapped, meta
        return columns, meta

    def _tell_dropped(self, num_rows: int) -> None:
        if num_rows:
            line = f'{self.ann_file}: {num_rows} row(s) with wrong labels are left out, as before'
            print_log(line, 'current', logging.WARNING)

    def _subset(self, indices: int | Sequence[int]) -> Mapping[str, np.ndarray]:
        if isinstance(indices, int):
            rows = slice(None, indices) if indices >= 0 else slice(indices, None)
            if isinstance(self.columns, MappedColumns):
                return self.columns.subset(rows)
        else:
            rows = np.asarray(indices, np.int64)
        return {name: column[rows] for name, column in self.columns.items()}

    def _count_bad(self, idx: int, error: BadSampleError) -> None:
        self.num_bad_samples += 1
        path = self.columns['img_path'][idx].decode()
        if path not in self._bad_files:
            self._bad_files.add(path)
            what = 'it counts in no figure' if self.test_mode else 'another sample is drawn'
            line = f'{error} ({what}; photo {len(self._bad_files)} of this kind)'
            print_log(line, 'current', logging.WARNING)


def _below(root: str, path: str) -> str:
    return path if is_url(path) else os.path.join(root, path)


def _prepare(columns: dict[str, np.ndarray], meta: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Columns in the form that rows are cut from: spin49, UTF-8 text, every flag."""
    columns = dict(columns)
    num_rows = len(columns['bbox'])
    _complete_world(columns)
    for flag, labels in FLAGS.items():
        columns.setdefault(flag, np.full(num_rows, labels[0] in columns))
    for name in ('img_path', 'img_id', 'gender'):
        if name in columns:
            columns[name] = np.char.encode(columns[name], 'utf-8')
    for name, key in (('keypoints_2d', 'joint_set'), ('keypoints_3d', 'joint_set_3d')):
        if name in columns:
            source = meta.get(key, meta.get('joint_set'))
            columns[name], columns[f'{name}_conf'] = convert_keypoints(
                columns[name], columns.get(f'{name}_conf'), source, JOINT_SET
            )
    return columns


def _complete_world(columns: dict[str, np.ndarray]) -> None:
    """Of body orientation, camera rotation and world orientation, two give the third."""
    if 'global_orient' not in columns:
        return
    everywhere = np.ones(len(columns['bbox']), bool)
    has_smpl = columns.get('has_smpl', everywhere)
    orient = axis_angle_to_rotmat(torch.from_numpy(columns['global_orient']).double())
    if 'global_orient_world' in columns:
        has_world = columns.get('has_world', has_smpl) & has_smpl
        orient_world = torch.from_numpy(columns['global_orient_world']).double()
        world2cam = (orient @ axis_angle_to_rotmat(orient_world).mT).numpy().astype(np.float32)
        has_world2cam = columns.get('has_world2cam', everywhere)
        if 'world2cam_rotmat' in columns:
            known = has_world2cam[:, None, None]
            world2cam = np.where(known, columns['world2cam_rotmat'], world2cam)
        else:
            has_world2cam = ~everywhere
        columns |= {'world2cam_rotmat': world2cam, 'has_world2cam': has_world2cam | has_world}
    elif 'world2cam_rotmat' in columns:
        known = has_smpl & columns.get('has_world2cam', everywhere)
        has_world = columns.get('has_world', known) & known
        world2cam = torch.from_numpy(columns['world2cam_rotmat']).double()
        world2cam[torch.from_numpy(~known)] = torch.eye(3, dtype=torch.float64)
        orient_world = rotmat_to_axis_angle(world2cam.mT @ orient)
        columns['global_orient_world'] = orient_world.numpy().astype(np.float32)
    else:
        return
    columns['has_world'] = has_world


def _finish_row(row: dict[str, Any]) -> None:
    """Turn the axis-angles of a row into matrices; a missing label is zeros."""
    names = ('global_orient', 'body_pose', 'global_orient_world')
    rotvecs = np.concatenate([row[name] for name in names]).reshape(-1, 3)
    matrices = axis_angle_to_rotmat(torch.from_numpy(rotvecs).double()).float().numpy()
    row['global_orient'], row['body_pose'] = matrices[:1], matrices[1:-1]
    row['global_orient_world'] = matrices[-1:]
    for flag, labels in FLAGS.items():
        if not row[flag]:
            row.update({label: np.zeros_like(row[label]) for label in labels})
