"""One camera per shot."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from whmr.apis.image_source import SourceImage
from whmr.apis.inferencer import HMRInferencer
from whmr.apis.known_camera import LENS_KEYS, ROTATION_KEYS
from whmr.tracking import BoundedSample, ShotDetector, median_rotation

LOOKED_AT = 16  # most frames of a shot


def estimate_shot_cameras(
    inferencer: HMRInferencer,
    source: Iterable[SourceImage],
    *,
    known: Mapping[str, Any] | None = None,
    cut_threshold: float = 0.5,
) -> list[dict[str, Any]]:
    """The camera of each shot of a video whose camera does not move: what most frames agree on.

    Up to 16 frames of a shot, evenly spaced, go through the model. The focal length is the median
    over their people, the rotation the median on SO(3) over frames; what is known stays.

    Args:
        inferencer: Who looks.
        source: The frames of the video.
        known: What is known of the camera, see `KnownCamera.build`.
        cut_threshold: See `ShotDetector`.

    Returns:
        Per shot what `find_camera` takes; without people only what is known.
    """
    detector = ShotDetector(threshold=cut_threshold)
    cameras = []
    for _, frames in groupby(source, key=lambda frame: detector.update(frame.image)):
        sample: BoundedSample[SourceImage] = BoundedSample(LOOKED_AT)
        for frame in frames:
            if frame.image is not None:
                sample.add(frame)
        cameras.append(_camera(inferencer, sample.values, known or {}))
    return cameras


def _camera(
    inferencer: HMRInferencer, frames: Sequence[SourceImage], known: Mapping[str, Any]
) -> dict[str, Any]:
    found = [each for _, each in inferencer.iter_results(iter(frames), camera=known)]
    seen = [each for each in found if each is not None and len(each)]
    camera = dict(known)
    if seen and not set(known) & set(LENS_KEYS):
        camera['focal_length'] = float(np.median(np.concatenate([r.focal_length for r in seen])))
    turned = [r.world2cam_rotmat for r in seen if np.isfinite(r.world2cam_rotmat).all()]
    if turned and not set(known) & set(ROTATION_KEYS):
        camera['world2cam_rotmat'] = median_rotation(np.stack(turned))
    return camera
