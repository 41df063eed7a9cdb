"""EFT's pseudo labels (`*.json`) to this library's annotation format.

    python tools/dataset_converters/eft.py COCO/train2014 data/coco --labels COCO2014-All-ver01.json
    python tools/dataset_converters/eft.py LSPET/images data/lspet --dataset lspet \\
        --labels LSPet_ver01.json

A JSON object `{"ver": ..., "data": [...]}` with a record per person (docs/README_dataformat.md of
the release): `parm_pose` (24 rotation matrices, model to camera), `parm_shape` (10), `parm_cam`
(scale and shift in the crop: not used, no column holds it), `bbox_scale` (side / 200 px),
`bbox_center`, `imageName`, `smpltype`, `annotId`, and in most files `gt_keypoint_2d` (49 joints of
SPIN: x, y, confidence). The file is read piece by piece, never as a whole.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from whmr.datasets.conversion import Dropped, Row, SourceError, run_converter
from whmr.datasets.conversion.label_file import LabelFileConverter, square_box
from whmr.datasets.conversion.spin_rows import JOINT_SET, spin_keypoints
from whmr.geometry import is_rotation, orthogonalize, rotmat_to_axis_angle
from whmr.keypoints import NUM_OPENPOSE_JOINTS

PIECE = 1 << 20
ATOL = 1e-2


class Eft(LabelFileConverter):
    """Reads a file of EFT's.

    Args:
        source_root: Folder of the photos.
        out_dir: `data/<dataset>`.
        labels: The file.
        dataset: Which set it labels.
        variant: Goes into the name of the output.
        pixel_shift: Added to 2D labels.

    Raises:
        SourceError: A file is missing.
    """

    name, variant = 'coco', 'eft'
    required = ('imageName', 'bbox_center', 'bbox_scale', 'parm_pose', 'parm_shape')

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        labels: str | os.PathLike,
        dataset: str | None = None,
        variant: str | None = None,
        pixel_shift: float = 0.0,
    ) -> None:
        super().__init__(
            source_root,
            out_dir,
            labels=labels,
            dataset=dataset,
            variant=variant,
            pixel_shift=pixel_shift,
        )
        # Where the file is being read, so that the next piece goes on from there.
        self._stream: Iterator[dict[str, Any]] = iter(())
        self._next = sys.maxsize

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        notes = 'SMPL pseudo labels of EFT (Joo et al., 3DV 2021)'
        return dict(joint_set=JOINT_SET, notes=notes)

    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one person."""
        missing = [name for name in self.required if record.get(name) is None]
        item = str(record.get('imageName', record.get('annotId', 'a record')))
        if missing:
            yield Dropped(f'the record has no {missing[0]}', item)
            return
        if record.get('smpltype', 'smpl') != 'smpl':
            yield Dropped('the body is no SMPL body', item)
            return
        pose = np.asarray(record['parm_pose'], np.float64)
        betas = np.asarray(record['parm_shape'], np.float64)
        if pose.shape != (24, 3, 3) or betas.shape != (10,):
            yield Dropped('parm_pose or parm_shape has another shape', item)
            return
        matrices = torch.from_numpy(pose)
        if not bool(is_rotation(matrices, ATOL).all()):
            yield Dropped('parm_pose holds no rotations', item)
            return
        vectors = rotmat_to_axis_angle(orthogonalize(matrices)).numpy().ravel()
        row: dict[str, Any] = dict(
            img_path=item,
            bbox=square_box(record['bbox_center'], record['bbox_scale']) + self.pixel_shift,
            global_orient=vectors[:3],
            body_pose=vectors[3:],
            betas=betas,
        )
        keypoints = record.get('gt_keypoint_2d')
        if keypoints is not None:
            keypoints = np.asarray(keypoints, np.float64)
            openpose, part = np.split(keypoints, [NUM_OPENPOSE_JOINTS])
            row |= spin_keypoints(part, openpose, pixel_shift=self.pixel_shift)
        yield row

    def count(self) -> int:
        """The number of records in the file."""
        return self._count

    def records(self, which: range) -> Iterator[Mapping[str, Any]]:
        """Some of the file's records, in order."""
        if self._next > which.start:
            self._stream, self._next = json_records(self.labels, 'data'), 0
        while self._next < which.stop:
            record = next(self._stream)
            self._next += 1
            if self._next > which.start:
                yield record

    @cached_property
    def _count(self) -> int:
        count = sum(1 for _ in json_records(self.labels, 'data'))
        if not count:
            raise SourceError(f'{self.labels}: holds no person')
        return count


def json_records(path: Path, name: str) -> Iterator[dict[str, Any]]:
    """The objects of the list `name` of a JSON file, one at a time.

    Args:
        path: The file; the list is a value of its outermost object.
        name: The list.

    Raises:
        SourceError: There is no such list, or the file is cut off.
    """
    decoder = json.JSONDecoder()
    with open(path, encoding='utf-8') as file:
        text = _skip_to_list(file.read(PIECE), file, name, path)
        start = 0
        while True:
            while start < len(text) and text[start] in ' \t\r\n,':
                start += 1
            if text.startswith(']', start):
                return
            try:
                record, start = decoder.raw_decode(text, start)
            except json.JSONDecodeError:
                piece = file.read(PIECE)
                if not piece:
                    raise SourceError(f'{path}: is cut off or no JSON; download it again') from None
                text, start = text[start:] + piece, 0
                continue
            yield record


def _skip_to_list(text: str, file: Any, name: str, path: Path) -> str:
    """What follows the bracket that opens the list."""
    key = f'"{name}"'
    while True:
        start = text.find(key)
        bracket = text.find('[', start) if start >= 0 else -1
        if bracket >= 0:
            return text[bracket + 1 :]
        piece = file.read(PIECE)
        if not piece:
            raise SourceError(f'{path}: holds no list {name!r}; it is no file of EFT')
        text += piece


if __name__ == '__main__':
    raise SystemExit(run_converter(Eft))
