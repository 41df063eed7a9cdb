"""Errors of the camera that a calibrator predicts."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from whmr.evaluation.functional import pitch_roll_error, rotation_error
from whmr.evaluation.metrics.per_sample import PerSampleMetric, Record, put
from whmr.evaluation.metrics.samples import Sample, find, has_label, stack
from whmr.geometry import focal_to_vfov
from whmr.registry import METRICS

CAMERA_COLUMNS = ('camera rotation error (deg)', 'pitch error (deg)', 'roll error (deg)')
_VFOV = 'vfov error (deg)'
_HINT = 'its flag promises it'


def measure_rotation(samples: Sequence[Sample], records: Sequence[Record]) -> None:
    """Put the errors of the camera's rotation, pitch and roll into the records.

    Args:
        samples: Data samples as nested dicts.
        records: One per sample; those without label or prediction stay as they are.

    Raises:
        ValueError: A sample lacks a field that its flags promise.
    """
    index = _both(samples, 'has_world2cam', 'world2cam_rotmat')
    if not index:
        return
    target, pred = _pair(samples, index, 'world2cam_rotmat')
    values = (rotation_error(pred, target), *pitch_roll_error(pred, target))
    for name, errors in zip(CAMERA_COLUMNS, values, strict=True):
        put(records, index, name, errors)


@METRICS.register_module()
class CameraMetric(PerSampleMetric):
    """Camera rotation, pitch, roll and vertical field of view against their labels, in degrees.

    See `PerSampleMetric` for its arguments, missing labels and invalid predictions.
    """

    default_prefix = 'camera'
    columns = (*CAMERA_COLUMNS, _VFOV)

    @property
    def settings(self) -> Mapping[str, str]:
        """What is compared."""
        return {'camera': 'predicted'}

    def measure(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        """Errors of one batch; see the class.

        Args:
            samples: Data samples as nested dicts.
            records: An empty record per sample, to be filled.

        Raises:
            ValueError: A sample lacks a field that its flags promise.
        """
        measure_rotation(samples, records)
        index = _both(samples, 'has_focal_length', 'intrinsics')
        if not index:
            return
        heights = torch.tensor([float(samples[i]['ori_shape'][0]) for i in index])
        target, pred = (
            focal_to_vfov(matrices[:, 1, 1], heights)
            for matrices in _pair(samples, index, 'intrinsics')
        )
        put(records, index, _VFOV, torch.rad2deg((pred - target).abs()))


def _both(samples: Sequence[Sample], flag: str, field: str) -> list[int]:
    return [
        i
        for i, sample in enumerate(samples)
        if has_label(sample, 'gt_camera', flag) and find(sample, 'pred_camera', field) is not None
    ]


def _pair(samples: Sequence[Sample], index: Sequence[int], field: str) -> tuple[Tensor, Tensor]:
    chosen = [samples[i] for i in index]
    return stack(chosen, 'gt_camera', field, _HINT), stack(chosen, 'pred_camera', field, _HINT)
