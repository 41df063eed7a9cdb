import math

import pytest
import torch
from mmengine.evaluator import Evaluator

from whmr.evaluation import WorldSpaceMetric


def run(metric, samples) -> dict[str, float]:
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_perfect_prediction_has_no_error(body, make_sample) -> None:
    metrics = run(WorldSpaceMetric(body), [make_sample(i) for i in range(3)])
    for name in WorldSpaceMetric.columns:
        assert metrics[f'world/{name}'] == pytest.approx(0, abs=2e-2)


@pytest.mark.parametrize('yaw', [0.0, 1.3, -2.5])
def test_tilt_is_the_up_vector_error_and_pa_mpjpe_stays_zero(body, make_sample, yaw: float) -> None:
    samples = [make_sample(i, tilt=math.radians(10 + 20 * i), yaw=yaw) for i in range(2)]
    metrics = run(WorldSpaceMetric(body), samples)
    assert metrics['world/up-vector error (deg)'] == pytest.approx(20.0, abs=1e-2)
    assert metrics['world/PA-MPJPE'] == pytest.approx(0, abs=1e-2)
    assert metrics['world/W-MPJPE'] > 30


def test_yaw_alone_changes_joints_but_not_the_up_vector(body, make_sample) -> None:
    metrics = run(WorldSpaceMetric(body), [make_sample(i, yaw=0.7) for i in range(2)])
    assert metrics['world/up-vector error (deg)'] == pytest.approx(0, abs=1e-2)
    assert metrics['world/orientation error (deg)'] == pytest.approx(math.degrees(0.7), abs=1e-2)
    assert metrics['world/W-MPJPE'] > 30


def test_offset_counts_in_w_pve_and_not_in_its_pelvis_aligned_form(body, make_sample) -> None:
    metrics = run(WorldSpaceMetric(body), [make_sample(0, offset=(0.0, 0.06, 0.08))])
    assert metrics['world/W-PVE'] == pytest.approx(100.0, abs=1e-2)
    for name in ('W-PVE (pelvis)', 'W-MPJPE', 'PA-MPJPE'):
        assert metrics[f'world/{name}'] == pytest.approx(0, abs=1e-2)


def test_w_mpjpe_is_over_the_24_joints_centred_on_the_pelvis(body, make_sample) -> None:
    sample = make_sample(0, tilt=0.4, offset=(1.0, 0, 0))
    metrics = run(WorldSpaceMetric(body), [sample])
    pred, target = (
        body.joints_from_vertices(instances.vertices_world)[0, :24]
        for instances in (sample.pred_instances, sample.gt_instances)
    )
    expected = 1000 * ((pred - pred[0]) - (target - target[0])).norm(dim=-1).mean()
    assert metrics['world/W-MPJPE'] == pytest.approx(float(expected), abs=1e-2)


def test_camera_rotation_and_pitch_errors(body, make_sample) -> None:
    metrics = run(WorldSpaceMetric(body), [make_sample(i, pitch_error=6.0) for i in range(2)])
    assert metrics['world/camera rotation error (deg)'] == pytest.approx(6.0, abs=1e-3)
    assert metrics['world/pitch error (deg)'] == pytest.approx(6.0, abs=1e-3)
    assert metrics['world/roll error (deg)'] == pytest.approx(0.0, abs=1e-3)


def test_unlabelled_world_is_left_out_and_camera_still_counts(body, make_sample) -> None:
    samples = [make_sample(0, offset=(0.1, 0, 0)), make_sample(1, pitch_error=4.0)]
    samples[1].gt_instances.has_world = torch.tensor([False])
    metrics = run(WorldSpaceMetric(body), samples)
    assert metrics['world/W-PVE'] == pytest.approx(100.0, abs=1e-2)
    assert metrics['world/camera rotation error (deg)'] == pytest.approx(2.0, abs=1e-3)


def test_nan_orientation_is_counted(body, make_sample) -> None:
    samples = [make_sample(i) for i in range(2)]
    samples[0].pred_instances.global_orient_world *= math.nan
    metrics = run(WorldSpaceMetric(body), samples)
    assert metrics['world/num_invalid'] == 1
    assert metrics['world/up-vector error (deg)'] == pytest.approx(0, abs=2e-2)


def test_a_model_without_a_world_is_told_so(body, make_sample) -> None:
    sample = make_sample(0)
    del sample.pred_instances.vertices_world
    with pytest.raises(ValueError, match=r'pred_instances.vertices_world .*WorldHMR'):
        run(WorldSpaceMetric(body), [sample])


@pytest.mark.parametrize('source', ['predicted', 'known', 'none'])
def test_the_title_names_the_camera_rotation(body, make_sample, source: str, monkeypatch) -> None:
    lines = log_lines(monkeypatch)
    run(WorldSpaceMetric(body, rotation_source=source), [make_sample(0)])
    assert f'camera rotation: {source}' in lines[0]
    assert 'joints: smpl24' in lines[0]
    for name in WorldSpaceMetric.columns:
        assert name in lines[0]


@pytest.mark.parametrize(
    ('source', 'pitch_error', 'warns'),
    [
        ('known', 0.0, False),
        ('known', 2.0, True),
        ('predicted', 2.0, False),
        ('predicted', 0.0, True),
        ('none', 2.0, False),
    ],
)
def test_a_wrong_rotation_source_is_noticed(
    body, make_sample, monkeypatch, source: str, pitch_error: float, warns: bool
) -> None:
    lines = log_lines(monkeypatch)
    samples = [make_sample(0, pitch_error=pitch_error)]
    run(WorldSpaceMetric(body, rotation_source=source), samples)
    assert any('rotation_source is' in line for line in lines) == warns


def test_unknown_rotation_source_is_refused(body) -> None:
    with pytest.raises(ValueError, match='rotation_source'):
        WorldSpaceMetric(body, rotation_source='guessed')


def log_lines(monkeypatch) -> list[str]:
    lines: list[str] = []
    for module in ('per_sample', 'world_space_metric'):
        monkeypatch.setattr(
            f'whmr.evaluation.metrics.{module}.print_log',
            lambda message, **_: lines.append(message),
        )
    return lines
