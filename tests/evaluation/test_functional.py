import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from whmr.evaluation import (
    keypoint_error_2d,
    mpjpe,
    pa_mpjpe,
    pitch_roll_error,
    pve,
    relative_focal_error,
    rotation_error,
    up_vector_error,
)
from whmr.geometry import axis_angle_to_rotmat, euler_to_rotmat, pitch_roll_to_rotmat

UNITS = np.load(Path(__file__).resolve().parents[1] / 'data' / 'reference_units.npz')


def unit(name: str) -> torch.Tensor:
    return torch.from_numpy(UNITS[name])


def rotations(count: int) -> torch.Tensor:
    return torch.from_numpy(Rotation.random(count, random_state=0).as_matrix())


@pytest.mark.parametrize('name', ['metrics_J14', 'metrics_J17'])
def test_joint_errors_reference(name: str) -> None:
    pred, target = unit(f'{name}/pred_j'), unit(f'{name}/gt_j')
    torch.testing.assert_close(mpjpe(pred, target), unit(f'{name}/mpjpe'), rtol=1e-5, atol=0)
    torch.testing.assert_close(pa_mpjpe(pred, target), unit(f'{name}/pa_mpjpe'), rtol=1e-5, atol=0)


def test_vertex_error_reference() -> None:
    name = 'metrics_verts'
    got = pve(unit(f'{name}/pred_verts_sub'), unit(f'{name}/gt_verts_sub'))
    torch.testing.assert_close(got, unit(f'{name}/pve_no_align_of_sub'), rtol=1e-5, atol=0)


def test_world_joint_errors_reference() -> None:
    # SPEC's protocol: 24 joints, pelvis-centred, mm.
    pred, target = unit('spec_metrics_mm/j24_pred'), unit('spec_metrics_mm/j24_gt')
    pred, target = pred - pred[:, :1], target - target[:, :1]
    torch.testing.assert_close(
        1000 * mpjpe(pred, target), unit('spec_metrics_mm/mpjpe24'), rtol=1e-5, atol=0
    )
    torch.testing.assert_close(
        1000 * pa_mpjpe(pred, target), unit('spec_metrics_mm/pampjpe24'), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize('batch', [1, 3])
def test_known_offset_gives_its_length(batch: int) -> None:
    target = torch.randn(batch, 14, 3, dtype=torch.float64)
    pred = target + torch.tensor([0.03, 0.0, 0.04], dtype=torch.float64)
    expected = torch.full((batch,), 0.05, dtype=torch.float64)
    torch.testing.assert_close(mpjpe(pred, target), expected)
    torch.testing.assert_close(pve(pred, target), expected)
    assert pa_mpjpe(pred, target).max() < 1e-12


def test_pa_mpjpe_ignores_a_similarity_and_nothing_else() -> None:
    target = torch.randn(3, 14, 3, dtype=torch.float64)
    pred = 1.3 * target @ rotations(3).mT + 2
    assert pa_mpjpe(pred, target).max() < 1e-12
    assert (pa_mpjpe(pred * torch.tensor([1.0, 1.0, -1.0]), target) > 0.05).all()


def test_a_batch_is_its_rows() -> None:
    pred, target = torch.randn(3, 14, 3), torch.randn(3, 14, 3)
    for function in (mpjpe, pa_mpjpe):
        rows = torch.cat([function(pred[b : b + 1], target[b : b + 1]) for b in range(3)])
        torch.testing.assert_close(function(pred, target), rows)


@pytest.mark.parametrize('tilt', [0.0, 1e-5, 10.0, 90.0, 179.0, 180.0])
def test_up_vector_error_is_the_tilt_whatever_the_yaw(tilt: float) -> None:
    target = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)).expand(5, 3, 3)
    zero, yaw = torch.zeros(5).double(), torch.linspace(-3, 3, 5).double()
    tilted = euler_to_rotmat(torch.full_like(zero, math.radians(tilt)), zero, zero) @ target
    pred = euler_to_rotmat(zero, yaw, zero) @ tilted
    got = up_vector_error(pred, target)
    torch.testing.assert_close(got, torch.full_like(got, tilt), rtol=0, atol=1e-9)
    assert (rotation_error(pred, target) > tilt - 1e-6).all()


@pytest.mark.parametrize('angle', [0.0, 1e-5, 30.0, 180.0])
def test_rotation_error_is_the_angle(angle: float) -> None:
    target = rotations(3)
    axis = torch.nn.functional.normalize(torch.randn(3, 3, dtype=torch.float64), dim=-1)
    pred = target @ axis_angle_to_rotmat(axis * math.radians(angle))
    got = rotation_error(pred, target)
    torch.testing.assert_close(got, torch.full_like(got, angle), rtol=0, atol=1e-9)


def test_pitch_and_roll_errors_are_separate_and_wrap() -> None:
    pitch, roll = torch.tensor([0.1, 3.1, 0.0]).double(), torch.tensor([0.2, 0.0, -0.3]).double()
    target = pitch_roll_to_rotmat(pitch, roll)
    pred = pitch_roll_to_rotmat(pitch + 0.1, roll - 0.05)
    pitch_error, roll_error = pitch_roll_error(pred, target)
    torch.testing.assert_close(
        pitch_error, torch.full((3,), math.degrees(0.1)).double(), rtol=1e-6, atol=0
    )
    torch.testing.assert_close(
        roll_error, torch.full((3,), math.degrees(0.05)).double(), rtol=1e-6, atol=0
    )


def test_keypoint_error_counts_the_labelled_ones() -> None:
    target = torch.zeros(3, 4, 2)
    pred = torch.tensor([[3.0, 4.0], [6.0, 8.0], [100.0, 0.0], [0.0, 0.0]]).repeat(3, 1, 1)
    target[:, 2] = math.nan
    conf = torch.tensor([[1.0, 0.5, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    got = keypoint_error_2d(pred, target, conf)
    assert got[:2].tolist() == [7.5, 0.0]
    assert math.isnan(got[2])


def test_relative_focal_error() -> None:
    got = relative_focal_error(torch.tensor([900.0, 1100.0]), torch.tensor([1000.0, 1000.0]))
    torch.testing.assert_close(got, torch.tensor([0.1, 0.1]))


@pytest.mark.parametrize(
    ('function', 'pred', 'target'),
    [
        (mpjpe, (2, 14, 3), (2, 1, 3)),
        (mpjpe, (2, 14, 3), (1, 14, 3)),
        (pa_mpjpe, (14, 3), (14, 3)),
        (pve, (2, 14, 2), (2, 14, 2)),
        (up_vector_error, (2, 1, 3, 3), (2, 1, 3, 3)),
        (rotation_error, (2, 3, 3), (1, 3, 3)),
        (pitch_roll_error, (3, 3), (3, 3)),
        (relative_focal_error, (2, 1), (2,)),
    ],
)
def test_pairs_that_would_broadcast_are_refused(function, pred, target) -> None:
    with pytest.raises(ValueError, match='pred and target'):
        function(torch.zeros(pred), torch.zeros(target))


def test_conf_must_fit_the_keypoints() -> None:
    with pytest.raises(ValueError, match='conf'):
        keypoint_error_2d(torch.zeros(2, 4, 2), torch.zeros(2, 4, 2), torch.zeros(2, 4, 1))
