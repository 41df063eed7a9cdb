"""Camera errors against cameras whose errors are known."""

import math

import pytest
import torch
from mmengine.structures import InstanceData

from whmr.evaluation import CameraMetric
from whmr.geometry import intrinsics_matrix, pitch_roll_to_rotmat, vfov_to_focal
from whmr.structures import HMRDataSample


def make_sample(index, pitch, error, vfov_error):
    sample = HMRDataSample(
        metainfo={'sample_idx': index, 'img_id': str(index), 'ori_shape': (480, 640)}
    )

    def camera(pitch, vfov):
        focal = vfov_to_focal(torch.tensor([vfov]), 480.0)
        return InstanceData(
            world2cam_rotmat=pitch_roll_to_rotmat(torch.tensor([pitch]), torch.tensor([0.1])),
            intrinsics=intrinsics_matrix(focal, torch.tensor([[320.0, 240.0]])),
        )

    sample.gt_camera, sample.pred_camera = (
        camera(pitch, 1.0),
        camera(pitch + error, 1.0 + vfov_error),
    )
    sample.gt_camera.has_world2cam = sample.gt_camera.has_focal_length = torch.tensor([True])
    return sample


def test_errors_are_those_put_in():
    metric = CameraMetric()
    metric.process(None, [make_sample(0, 0.2, 0.1, 0.05), make_sample(1, -0.2, -0.3, 0.0)])
    result = metric.evaluate(2)
    assert result['camera/pitch error (deg)'] == pytest.approx(math.degrees(0.2), abs=1e-3)
    assert result['camera/roll error (deg)'] == pytest.approx(0, abs=1e-3)
    assert result['camera/vfov error (deg)'] == pytest.approx(math.degrees(0.025), abs=1e-3)
    assert result['camera/camera rotation error (deg)'] == pytest.approx(
        math.degrees(0.2), abs=1e-3
    )


def test_unlabelled_cameras_do_not_count():
    metric = CameraMetric()
    blind = make_sample(0, 0.2, 0.4, 0.4)
    blind.gt_camera.has_world2cam = blind.gt_camera.has_focal_length = torch.tensor([False])
    metric.process(None, [blind, make_sample(1, 0.0, 0.1, 0.0)])
    result = metric.evaluate(2)
    assert result['camera/pitch error (deg)'] == pytest.approx(math.degrees(0.1), abs=1e-3)
