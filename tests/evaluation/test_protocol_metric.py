"""Each protocol measures what it says, and says what it measures."""

import json
import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from scipy.spatial import procrustes

from whmr.evaluation import PROTOCOLS, ProtocolMetric
from whmr.evaluation.protocols import ALIGNMENTS
from whmr.keypoints import H36M17_TO_J14, H36M17_TO_J17
from whmr.registry import METRICS


def run(metric: ProtocolMetric, samples) -> dict[str, float]:
    evaluator = Evaluator(metric)
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def h36m_joints(body, vertices: torch.Tensor) -> torch.Tensor:
    joints = body.regress(vertices, 'h36m17')
    return joints - joints[:, :1]


@pytest.fixture
def annotate(body):
    """Annotated joints of a sample, off by `shift` in x."""

    def put(sample, shift: float = 0.0, path: str = 'S9/a.60457274/1.jpg') -> None:
        gt = sample.gt_instances
        joints = h36m_joints(body, gt.vertices) + torch.tensor([shift, 0.0, 0.0])
        gt.keypoints_3d = torch.zeros(1, 49, 3)
        gt.keypoints_3d_conf = torch.zeros(1, 49)
        spin = 25 + np.array([*range(13), 18, 14, 16, 17])  # what those sets annotate
        gt.keypoints_3d[:, spin] = joints[:, list(H36M17_TO_J17)]
        gt.keypoints_3d_conf[:, spin] = 1
        gt.has_keypoints_3d = torch.tensor([True])
        sample.set_metainfo({'img_path': path})

    return put


@pytest.mark.parametrize('name', PROTOCOLS)
def test_a_perfect_prediction_has_no_error(body, make_sample, annotate, name: str) -> None:
    samples = [make_sample(i) for i in range(2)]
    for sample in samples:
        annotate(sample)
    metrics = run(ProtocolMetric(name, body), samples)
    columns = PROTOCOLS[name].columns
    assert set(metrics) == {f'{name}/{c.name}' for c in columns} | {
        f'{name}/num_samples',
        f'{name}/num_invalid',
    }
    assert all(metrics[f'{name}/{c.name}'] == pytest.approx(0, abs=2e-2) for c in columns)


@pytest.mark.parametrize('name', PROTOCOLS)
def test_what_each_column_aligns_is_true(body, make_sample, annotate, name: str) -> None:
    """An offset shows in un-aligned columns alone; a scale is gone after Procrustes alone."""
    moved, scaled = make_sample(0, offset=(0.03, 0.0, 0.04)), make_sample(1)
    for field in ('vertices', 'vertices_world'):
        scaled.pred_instances.set_field(1.2 * scaled.gt_instances.get(field), field)
    for sample in (moved, scaled):
        annotate(sample)
    offset = run(ProtocolMetric(name, body), [moved])
    scale = run(ProtocolMetric(name, body), [scaled])
    for column in PROTOCOLS[name].columns:
        assert column.alignment in ALIGNMENTS
        if '(deg)' in column.name:
            continue
        key = f'{name}/{column.name}'
        expected = 50.0 if column.alignment == 'none' else 0.0
        assert offset[key] == pytest.approx(expected, abs=2e-2), column
        if column.alignment == 'similarity':
            assert scale[key] == pytest.approx(0, abs=2e-2)
        else:
            assert scale[key] > 20


@pytest.mark.parametrize('name', PROTOCOLS)
def test_output_says_how_the_numbers_came_about(
    body, make_sample, annotate, name: str, tmp_path, logged
) -> None:
    sample = make_sample(0)
    annotate(sample)
    sample.set_metainfo({'gender': 'female'})
    path = tmp_path / 'summary.json'
    metric = ProtocolMetric(name, body, summary_path=str(path))
    run(metric, [sample])
    settings = json.loads(path.read_text())['settings']
    assert settings['camera rotation'] == ('predicted' if name.endswith('world') else 'none')
    meshes = PROTOCOLS[name].target == 'vertices'
    assert settings['ground truth'].endswith('(1 female)' if meshes else 'annotated joints')
    for column in PROTOCOLS[name].columns:
        assert f'{column.name} {column.alignment}' in settings['alignment']
    assert settings['joints'].startswith(PROTOCOLS[name].joint_set)
    for key, value in settings.items():
        assert f'{key}: {value}' in logged()  # the table's title


def test_joints_of_3dpw_against_scipy(body, make_sample) -> None:
    """14 joints by the H36M regressor; Procrustes as scipy does it."""
    sample, other = make_sample(0), make_sample(5)
    sample.pred_instances.vertices = other.gt_instances.vertices
    metrics = run(ProtocolMetric('3dpw', body), [sample])
    pred, target = (
        h36m_joints(body, s.gt_instances.vertices)[0, list(H36M17_TO_J14)].double().numpy()
        for s in (other, sample)
    )
    expected = 1000 * np.linalg.norm(pred - target, axis=1).mean()
    assert metrics['3dpw/MPJPE'] == pytest.approx(expected, abs=1e-2)
    # scipy works on sets of unit norm: scaled back, its residual is ours.
    a, b, _ = procrustes(target, pred)
    size = np.linalg.norm(target - target.mean(0))
    expected = 1000 * size * np.linalg.norm(a - b, axis=1).mean()
    assert metrics['3dpw/PA-MPJPE'] == pytest.approx(expected, abs=1e-2)
    assert expected > 5


def test_mpi_inf_3dhp_has_17_joints(body, make_sample, annotate) -> None:
    sample = make_sample(0)
    annotate(sample)
    sample.pred_instances.vertices = make_sample(3).gt_instances.vertices
    metrics = run(ProtocolMetric('mpi_inf_3dhp', body), [sample])
    table = list(H36M17_TO_J17)
    pred, target = (
        h36m_joints(body, i.vertices)[0, table]
        for i in (sample.pred_instances, sample.gt_instances)
    )
    expected = 1000 * float((pred - target).norm(dim=-1).mean())
    assert metrics['mpi_inf_3dhp/MPJPE'] == pytest.approx(expected, abs=1e-2)
    assert len(table) == 17


def test_h36m_protocol_2_is_the_frontal_camera(body, make_sample, annotate, logged) -> None:
    samples = [make_sample(i) for i in range(2)]
    annotate(samples[0], 0.02)
    annotate(samples[1], 0.04, 'S9/a.54138969/1.jpg')
    metrics = run(ProtocolMetric('h36m', body), samples)
    assert metrics['h36m/MPJPE (P1)'] == pytest.approx(30.0, abs=1e-2)
    assert metrics['h36m/MPJPE (P2)'] == pytest.approx(20.0, abs=1e-2)
    metrics = run(ProtocolMetric('h36m', body), samples[1:])
    assert 'h36m/MPJPE (P2)' not in metrics
    assert "no image path holds '60457274'" in logged()


def test_world_rotation_source_is_checked(body, make_sample, logged) -> None:
    samples = [make_sample(i, pitch_error=3.0) for i in range(2)]
    metric = ProtocolMetric('spec_mtp_world', body, rotation_source='known')
    metrics = run(metric, samples)
    assert metrics['spec_mtp_world/camera rotation error (deg)'] == pytest.approx(3.0, abs=1e-2)
    assert "rotation_source is 'known', but the camera rotation is 3.000 deg off" in logged()


def test_neutral_labels_of_3dpw_are_told(body, make_sample, logged) -> None:
    samples = [make_sample(i) for i in range(3)]
    for sample, gender in zip(samples, ('male', 'female', 'neutral'), strict=True):
        sample.set_metainfo({'gender': gender})
    metric = ProtocolMetric('3dpw', body)
    run(metric, samples)
    assert '1 of 3 labels are neutral bodies' in logged()
    assert '(1 female, 1 male, 1 neutral)' in metric.settings['ground truth']


def test_unlabelled_and_invalid_samples(body, make_sample) -> None:
    samples = [make_sample(0), make_sample(1, labelled=False), make_sample(2)]
    samples[2].pred_instances.vertices *= math.nan
    metrics = run(ProtocolMetric('humman', body), samples)
    assert metrics['humman/num_samples'] == 3
    assert metrics['humman/num_invalid'] == 1
    assert metrics['humman/MPJPE'] == pytest.approx(0, abs=1e-2)


def test_wrong_arguments_are_named(body) -> None:
    with pytest.raises(ValueError, match='protocol: must be one of 3dpw'):
        ProtocolMetric('3dwp', body)
    with pytest.raises(ValueError, match='knows no camera rotation'):
        ProtocolMetric('3dpw', body, rotation_source='known')
    with pytest.raises(ValueError, match='rotation_source: must be one of'):
        ProtocolMetric('spec_mtp_world', body, rotation_source='guessed')
    metric = METRICS.build(
        dict(type='ProtocolMetric', protocol='humman', body_model=dict(type='FreeBody'))
    )
    assert metric.prefix == 'humman'
