"""People of photos as batches for an estimator."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import nn

from whmr.apis.known_camera import KnownCamera
from whmr.registry import TRANSFORMS
from whmr.structures import HMRDataSample

WHOLE_PHOTO = 'ResizeFull'  # the transform whose picture all people of a photo share


@dataclass
class Photo:
    """One photo on its way through the inferencer.

    `samples` are the packed samples of its people; only the first holds the whole photo. They are
    let go when the photo has been through the model. `problems` say why the photo, or a box of it,
    cannot be used; without `image` nothing can. `mark`, `video` and `fps` are those
    of `SourceImage`.

    Shapes: image: (H, W, 3) uint8 BGR.  boxes: (N, 4) xyxy full px.  scores: (N,).
    """

    name: str
    stem: str
    image: np.ndarray | None = None
    camera: KnownCamera = field(default_factory=KnownCamera)
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.float32))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    samples: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    mark: str | None = None
    video: str | None = None
    fps: float | None = None


class PhotoPipeline:
    """A test pipeline, applied to the people of a photo.

    Args:
        transforms: Configs of `TRANSFORMS`, as in a test data loader.

    Raises:
        ValueError: If the last transform does not pack samples.
    """

    def __init__(self, transforms: Sequence[Mapping[str, Any]]) -> None:
        built = [TRANSFORMS.build(dict(transform)) for transform in transforms]
        names = [type(transform).__name__ for transform in built]
        if not names or names[-1] != 'PackHMRInputs':
            raise ValueError(f'the test pipeline must end with PackHMRInputs; it is {names}')
        self._transforms = built
        self._without_whole = [each for each, name in zip(built, names) if name != WHOLE_PHOTO]

    def pack(self, photo: Photo) -> list[dict[str, Any]]:
        """One packed sample per box; the first one also holds the whole photo, if it is asked for.

        Args:
            photo: With its image, its boxes and what is known of its camera.

        Raises:
            ValueError: If a box cannot be cropped.
        """
        packed = []
        for box, score in zip(photo.boxes, photo.scores):
            results: dict[str, Any] = {
                'img': photo.image,
                'img_path': photo.name,
                'ori_shape': photo.image.shape[:2],
                'bbox': box,
                'bbox_score': score,
            }
            for name in ('focal_length', 'world2cam_rotmat'):
                if getattr(photo.camera, name) is not None:
                    results[f'known_{name}'] = getattr(photo.camera, name)
            for transform in self._without_whole if packed else self._transforms:
                results = transform(results)
            packed.append(results)
        return packed


def group_photos(
    photos: Iterable[Photo], batch_size: int, image_batch_size: int
) -> Iterator[list[Photo]]:
    """Consecutive photos that share a forward pass.

    Args:
        photos: In order; they are taken one by one.
        batch_size: Most people in a group, unless one photo alone has more.
        image_batch_size: Most photos in a group.
    """
    group: list[Photo] = []
    people = 0
    for photo in photos:
        if group and (people + len(photo.samples) > batch_size or len(group) == image_batch_size):
            yield group
            group, people = [], 0
        group.append(photo)
        people += len(photo.samples)
    if group:
        yield group


def predict_group(
    estimator: nn.Module, photos: Sequence[Photo], batch_size: int
) -> list[list[HMRDataSample]]:
    """Predictions for the people of each photo; the camera calibrator sees every photo once.

    Args:
        estimator: In evaluation mode.
        photos: One group of `group_photos`.
        batch_size: Most people in one forward pass.
    """
    packed = [sample for photo in photos for sample in photo.samples]
    rows = [row for row, photo in enumerate(photos) for _ in photo.samples]
    found: list[HMRDataSample] = []
    for start in range(0, len(packed), batch_size):
        part, own = packed[start : start + batch_size], rows[start : start + batch_size]
        if start:  # one photo with more people than fit: its camera is known by now
            for sample in part:
                _keep_rotation(sample['data_samples'], found[0])
        found += _forward(estimator, part, own)
    per_photo: list[list[HMRDataSample]] = [[] for _ in photos]
    for row, sample in zip(rows, found):
        per_photo[row].append(sample)
    return per_photo


@torch.inference_mode()
def _forward(
    estimator: nn.Module, packed: Sequence[dict[str, Any]], rows: Sequence[int]
) -> list[HMRDataSample]:
    """One forward pass; `rows` says which photo each sample is of."""
    index = {row: position for position, row in enumerate(dict.fromkeys(rows))}
    samples = [sample['data_samples'] for sample in packed]
    for sample, row in zip(samples, rows):
        sample.set_metainfo({'image_index': index[row]})
    inputs = {'crop': [sample['inputs']['crop'] for sample in packed]}
    whole = [sample['inputs']['full'] for sample in packed if 'full' in sample['inputs']]
    if whole:
        inputs['full'] = whole
    batch = estimator.data_preprocessor({'inputs': inputs, 'data_samples': samples}, False)
    return estimator(**batch, mode='predict')


def _keep_rotation(sample: HMRDataSample, predicted: HMRDataSample) -> None:
    """Tell `sample` the rotation that was predicted for another person of its photo."""
    camera = sample.camera if 'camera' in sample else InstanceData()
    found = predicted.get('pred_camera')
    if found is not None and 'world2cam_rotmat' in found and 'world2cam_rotmat' not in camera:
        camera.set_field(found['world2cam_rotmat'].cpu(), 'world2cam_rotmat')
        sample.camera = camera
