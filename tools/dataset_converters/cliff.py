"""CLIFF's pseudo labels of COCO and MPII (`*_cliffGT.npz`) to this library's annotation format.

    python tools/dataset_converters/cliff.py IMAGES data/coco --labels coco2014part_cliffGT.npz
    python tools/dataset_converters/cliff.py IMAGES data/mpii --dataset mpii \\
        --labels mpii_cliffGT.npz

Arrays (README of the release): `imgname` (below IMAGES: `train2014/...`, `images/...`), `center`,
`scale`, `part` (24 joints), `pose`, `shape`, `has_smpl`, `S` (24 joints, m), `global_t`, `focal_l`.
The camera of the fits is an assumption, not a measurement: focal length = image diagonal. It is
left out unless `--assumed-camera` asks for it.
"""

import argparse
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from whmr.datasets.conversion import (
    Dropped,
    PelvisTable,
    Row,
    intrinsics,
    project_points,
    run_converter,
)
from whmr.datasets.conversion.label_file import LabelFileConverter, square_box, text
from whmr.datasets.conversion.spin_rows import (
    JOINT_SET,
    JOINT_SET_3D,
    smpl_labels,
    spin_keypoints,
    spin_keypoints_3d,
)

NUM_CHECKED = 200
# SMPL's pelvis in its own axes for a mean shape: what tells a body's translation from the place of
# its pelvis.
MEAN_PELVIS = np.array([0.0, -0.22, 0.03])


class Cliff(LabelFileConverter):
    """Reads a file of CLIFF's pseudo labels.

    Args:
        source_root: Folder of the photos.
        out_dir: `data/coco` or `data/mpii`.
        labels: The file.
        dataset: Which set it labels.
        variant: Goes into the name of the output.
        pixel_shift: Added to 2D labels.
        assumed_camera: Keep the focal length and translation that the fits assumed.

    Raises:
        SourceError: A file is missing.
    """

    name, variant = 'coco', 'cliff'
    required = ('imgname', 'center', 'scale', 'part', 'pose', 'shape')
    optional = ('has_smpl', 'S', 'global_t', 'focal_l')

    def __init__(
        self,
        source_root: str | os.PathLike,
        out_dir: str | os.PathLike,
        *,
        labels: str | os.PathLike,
        dataset: str | None = None,
        variant: str | None = None,
        pixel_shift: float = 0.0,
        assumed_camera: bool = False,
    ) -> None:
        super().__init__(
            source_root,
            out_dir,
            labels=labels,
            dataset=dataset,
            variant=variant,
            pixel_shift=pixel_shift,
        )
        self.assumed_camera = assumed_camera
        self.pelvis = PelvisTable()

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of all label files, and the assumed camera."""
        super().add_arguments(parser)
        parser.add_argument(
            '--assumed-camera', action='store_true', help='keep the assumed focal length'
        )

    def options(self) -> dict[str, Any]:
        """What changes the rows."""
        return super().options() | dict(assumed_camera=self.assumed_camera)

    def meta(self, split: str) -> dict[str, Any]:
        """The joint sets."""
        notes = 'SMPL pseudo labels of CLIFF (Li et al., ECCV 2022)'
        return dict(joint_set=JOINT_SET, joint_set_3d=JOINT_SET_3D, notes=notes)

    def people(self, record: Mapping[str, Any]) -> Iterator[Row | Dropped]:
        """The row of one person, with the assumed camera if that is wanted."""
        row: dict[str, Any] = dict(
            img_path=text(record['imgname']),
            bbox=square_box(record['center'], record['scale']) + self.pixel_shift,
        )
        row |= spin_keypoints(record['part'], None, pixel_shift=self.pixel_shift)
        row |= spin_keypoints_3d(record.get('S'))
        if bool(record.get('has_smpl', True)):
            row |= smpl_labels(record['pose'], record['shape'])
        size = self.size_of(row['img_path'])
        if self.assumed_camera and size is not None and 'focal_l' in record:
            row['intrinsics'] = intrinsics(float(record['focal_l']), (size[1] / 2, size[0] / 2))
            row |= self._place(record, row)
            if 'cam_t' not in row:
                yield Dropped('no SMPL translation', row['img_path'], what='label')
        yield row

    def _place(self, record: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
        """The body's translation, if the file has one and its meaning is known."""
        if 'betas' not in row or self.place_of_pelvis is None:
            return {}
        place = np.asarray(record['global_t'], np.float64)
        if not self.place_of_pelvis:
            return dict(cam_t=place)
        pelvis = self.pelvis(row['betas'])
        return {} if pelvis is None else dict(cam_t=place - pelvis, pelvis=pelvis)

    @cached_property
    def place_of_pelvis(self) -> bool | None:
        """Whether `global_t` is where the pelvis is, as the README says, or SMPL's translation.

        Told by which of the two brings the 3D joints onto the 2D ones; None: neither.
        """
        errors = []
        for record in self.records(range(min(self.count(), NUM_CHECKED))):
            if 'S' not in record or 'global_t' not in record or 'focal_l' not in record:
                return None
            errors.append(self._errors(record))
        at_pelvis, moved = np.nanmedian(np.array(errors), 0)
        if min(at_pelvis, moved) > 0.05:
            return None
        return bool(at_pelvis <= moved)

    def _errors(self, record: Mapping[str, Any]) -> tuple[float, float]:
        """Distance of the projected 3D joints from the 2D ones, in box sides, for both meanings."""
        part, joints = np.asarray(record['part']), np.asarray(record['S'])
        there = (part[:, 2] > 0) & (joints[:, 3] > 0)
        shape = self.size_of(text(record['imgname']))
        if shape is None or there.sum() < 4:
            return np.nan, np.nan
        camera = intrinsics(float(record['focal_l']), (shape[1] / 2, shape[0] / 2))
        place = joints[there, :3] + np.asarray(record['global_t'], np.float64)
        side = 200.0 * float(record['scale'])

        def error(points: np.ndarray) -> float:
            away = project_points(points, camera) - part[there, :2]
            return float(np.median(np.linalg.norm(away, axis=1))) / side

        return error(place), error(place + MEAN_PELVIS)


if __name__ == '__main__':
    raise SystemExit(run_converter(Cliff))
