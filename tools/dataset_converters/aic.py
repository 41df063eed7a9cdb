"""AI Challenger's human keypoints to the annotation format.

    python tools/dataset_converters/aic.py DOWNLOADS/ai_challenger data/aic

Expected somewhere in the source folder: `keypoint_train_annotations_20170902.json` (or
`..._20170909`) and `keypoint_validation_annotations_20170911.json`, each with its folder of photos
`keypoint_train_images_20170902/`, `keypoint_validation_images_20170911/`. Labels: 2D.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from whmr.datasets.conversion import (
    Converter,
    Dropped,
    Row,
    SourceError,
    number_array,
    pick_joints,
    read_json,
    require_fields,
    run_converter,
    shard_names,
    shard_range,
)
from whmr.datasets.conversion.rows import UNREADABLE

# In the order of the files; both hips and the head's points are annotators' points, as in LSP.
JOINTS = (
    'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist',
    'right_hip_lsp', 'right_knee', 'right_ankle', 'left_hip_lsp', 'left_knee', 'left_ankle',
    'head_top_lsp', 'neck_lsp',
)  # fmt: skip
UNLABELLED = 3  # 1: visible, 2: hidden but labelled
PIXEL_CENTRE = 0.5
FIELDS = ('image_id', 'human_annotations', 'keypoint_annotations')


class AICConverter(Converter):
    """People of AI Challenger."""

    name = 'aic'
    splits = ('train',)
    more_splits = ('validation',)

    @lru_cache(maxsize=1)  # noqa: B019 - a converter lives as long as its process
    def photos(self, split: str) -> list[dict]:
        """The photos of a split, read once.

        Raises:
            SourceError: The file is missing, damaged or of another layout.
        """
        path = self._find(f'keypoint_{split}_annotations_*.json')
        content = read_json(path)
        if not isinstance(content, list):
            raise SourceError(f'{path}: must hold a list of photos; is it another file?')
        require_fields(content[0] if content else {}, FIELDS, path)
        return content

    def _find(self, pattern: str) -> Path:
        found = sorted(self.source_root.glob(pattern)) or sorted(self.source_root.rglob(pattern))
        if not found:
            raise SourceError(f'{self.source_root}: holds no {pattern}; unpack the download there')
        return found[0]

    def folder(self, split: str) -> Path:
        """Folder of the photos of a split, relative to the source."""
        return self._find(f'keypoint_{split}_images_*').relative_to(self.source_root)

    def meta(self, split: str) -> dict[str, Any]:
        """The joint set."""
        return dict(joint_set='lsp14')

    def units(self, split: str) -> Sequence[str]:
        """Shards of the photos."""
        self.folder(split)
        return shard_names(len(self.photos(split)))

    def rows(self, split: str, unit: str) -> Iterator[Row | Dropped]:
        """The people of a shard of photos."""
        folder = self.folder(split)
        for index in shard_range(unit):
            photo = self.photos(split)[index]
            try:
                require_fields(photo, FIELDS, f'photo {index}')
            except SourceError as error:
                yield Dropped('a photo without its fields', str(error), what='image')
                continue
            for human in sorted(photo['human_annotations']):
                try:
                    yield _person(folder, photo, human)
                except UNREADABLE as error:
                    yield Dropped('labels that cannot be read', f'photo {index}: {error}')


def _person(folder: Path, photo: dict, human: str) -> Row | Dropped:
    item = f'{photo["image_id"]} {human}'
    box = number_array(photo['human_annotations'][human], 4)
    keypoints = number_array(photo['keypoint_annotations'].get(human), 3 * len(JOINTS))
    if box is None or keypoints is None:
        return Dropped('no keypoints or no box', item)
    keypoints = keypoints.reshape(-1, 3)
    points, conf = pick_joints(
        keypoints[:, :2] + PIXEL_CENTRE,
        (keypoints[:, 2] > 0) & (keypoints[:, 2] < UNLABELLED),
        JOINTS,
        'lsp14',
    )
    return dict(
        img_path=str(folder / f'{photo["image_id"]}.jpg'),
        bbox=box,
        keypoints_2d=points,
        keypoints_2d_conf=conf,
    )


if __name__ == '__main__':
    raise SystemExit(run_converter(AICConverter))
