import csv
import json
import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from whmr.evaluation import CameraSpaceMetric
from whmr.evaluation.metrics.mesh_errors import MeshErrors
from whmr.geometry import procrustes_align
from whmr.keypoints import H36M17_TO_J14
from whmr.registry import METRICS


def run(metric, samples, batch_size: int = 2) -> dict[str, float]:
    """The way MMEngine's loops do it."""
    evaluator = Evaluator(metric)
    for i in range(0, len(samples), batch_size):
        evaluator.process(samples[i : i + batch_size])
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('joint_set', ['j14', 'j17', 'smpl24'])
def test_perfect_prediction_has_no_error(body, make_sample, joint_set: str) -> None:
    samples = [make_sample(i) for i in range(3)]
    for sample in samples:
        sample.gt_instances.bboxes = torch.tensor([[0.0, 0.0, 20.0, 50.0]])
    metrics = run(CameraSpaceMetric(body, joint_set), samples)
    for name in CameraSpaceMetric.columns:
        assert metrics[f'camera/{name}'] == pytest.approx(0, abs=1e-2)
    assert metrics['camera/num_samples'] == 3
    assert metrics['camera/num_invalid'] == 0


def test_offset_moves_vertices_but_not_pelvis_centred_joints(body, make_sample) -> None:
    samples = [make_sample(0, offset=(0.03, 0.0, 0.04)), make_sample(1)]
    metrics = run(CameraSpaceMetric(body), samples)
    assert metrics['camera/PVE'] == pytest.approx(25.0, abs=1e-2)
    for name in ('PVE (pelvis)', 'MPJPE', 'PA-MPJPE'):
        assert metrics[f'camera/{name}'] == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize('joint_set', ['j14', 'smpl24'])
def test_turned_body_has_pa_mpjpe_zero_and_the_mpjpe_of_its_turn(
    body, make_sample, joint_set
) -> None:
    sample = make_sample(0, tilt=0.5)
    metrics = run(CameraSpaceMetric(body, joint_set), [sample])
    assert metrics['camera/PA-MPJPE'] == pytest.approx(0, abs=1e-2)
    joints = body.regress(sample.gt_instances.vertices, 'h36m17')
    joints = (joints - joints[:, :1])[0, list(H36M17_TO_J14)]
    if joint_set == 'smpl24':
        joints = body.joints_from_vertices(sample.gt_instances.vertices)[0, :24]
        joints = joints - joints[0]
    # The turn in camera axes: world tilt about x, seen through the camera rotation.
    world2cam = sample.gt_camera.world2cam_rotmat[0]
    c, s = math.cos(0.5), math.sin(0.5)
    tilt = torch.tensor([[1.0, 0, 0], [0, c, -s], [0, s, c]])
    turn = world2cam @ tilt @ world2cam.T
    expected = 1000 * (joints @ turn.T - joints).norm(dim=-1).mean()
    assert metrics['camera/MPJPE'] == pytest.approx(float(expected), abs=1e-2)
    assert expected > 50


def test_scaled_body_is_aligned_by_procrustes_only(body, make_sample) -> None:
    sample = make_sample(0)
    sample.pred_instances.vertices = 1.1 * sample.gt_instances.vertices
    metrics = run(CameraSpaceMetric(body), [sample])
    joints = MeshErrors(body, 'j14').joints(sample.gt_instances.vertices)
    expected = 100 * float(joints.norm(dim=-1).mean())
    assert metrics['camera/MPJPE'] == pytest.approx(expected, abs=1e-2)
    assert metrics['camera/PA-MPJPE'] == pytest.approx(0, abs=1e-2)


def test_2d_and_focal_errors(body, make_sample) -> None:
    samples = [make_sample(0, offset_2d=5.0, focal_ratio=1.2), make_sample(1, focal_ratio=0.9)]
    metrics = run(CameraSpaceMetric(body), samples)
    assert metrics['camera/2D error (px)'] == pytest.approx(2.5, abs=1e-3)
    for sample, box in zip(samples, ([0.0, 0.0, 20.0, 50.0], [5.0, 5.0, 15.0, 10.0])):
        sample.gt_instances.bboxes = torch.tensor([box])
    metrics = run(CameraSpaceMetric(body), samples)
    assert metrics['camera/2D error (% of box)'] == pytest.approx((10.0 + 0.0) / 2, abs=1e-3)
    assert metrics['camera/focal error (%)'] == pytest.approx(15.0, abs=1e-3)


def test_unlabelled_samples_are_left_out(body, make_sample) -> None:
    samples = [make_sample(0, offset=(0.1, 0, 0)), make_sample(1, labelled=False)]
    samples[1].pred_instances.vertices *= math.nan
    metrics = run(CameraSpaceMetric(body), samples)
    assert metrics['camera/PVE'] == pytest.approx(100.0, abs=1e-2)
    assert metrics['camera/num_samples'] == 2
    assert metrics['camera/num_invalid'] == 0


def test_no_label_at_all_is_an_error(body, make_sample) -> None:
    with pytest.raises(ValueError, match='none of 2 samples has a label for any of MPJPE'):
        run(CameraSpaceMetric(body), [make_sample(i, labelled=False) for i in range(2)])


def test_nan_predictions_are_counted_and_left_out(body, make_sample, caplog) -> None:
    samples = [make_sample(i, offset=(0.1, 0, 0)) for i in range(3)]
    samples[1].pred_instances.vertices[0, 7, 1] = math.nan
    metrics = run(CameraSpaceMetric(body), samples, batch_size=3)
    assert metrics['camera/num_invalid'] == 1
    assert metrics['camera/PVE'] == pytest.approx(100.0, abs=1e-2)
    assert metrics['camera/MPJPE'] == pytest.approx(0, abs=1e-2)


def test_all_predictions_invalid_gives_nan_not_zero(body, make_sample) -> None:
    sample = make_sample(0)
    sample.pred_instances.vertices *= math.inf
    metrics = run(CameraSpaceMetric(body), [sample])
    assert math.isnan(metrics['camera/MPJPE'])
    assert metrics['camera/num_invalid'] == 1


def test_annotated_joints_as_target(body, make_sample) -> None:
    samples = [make_sample(i) for i in range(2)]
    for sample in samples:
        gt = sample.gt_instances
        joints = body.regress(gt.vertices, 'h36m17')
        gt.keypoints_3d = torch.full((1, 49, 3), 9.0)
        spin49 = [*range(25, 38), 43]  # Human3.6M annotates no head top (38) but a head (43)
        gt.keypoints_3d[:, spin49] = (joints - joints[:, :1])[:, list(H36M17_TO_J14)]
        gt.keypoints_3d[:, spin49] += torch.tensor([0.02, 0.0, 0.0])
        gt.keypoints_3d_conf = torch.ones(1, 49)
        gt.keypoints_3d_conf[:, 38] = 0
        gt.has_keypoints_3d = torch.tensor([True])
        gt.has_smpl = torch.tensor([False])
    samples[1].gt_instances.keypoints_3d_conf[:, 30] = 0  # incomplete: not counted
    samples[1].gt_instances.keypoints_3d[:] = 0
    metric = CameraSpaceMetric(body, target='keypoints_3d')
    metrics = run(metric, samples)
    assert metrics['camera/MPJPE'] == pytest.approx(20.0, abs=1e-2)
    assert metrics['camera/PA-MPJPE'] == pytest.approx(0.0, abs=1e-2)
    assert 'camera/PVE' not in metrics


def test_batching_does_not_change_the_numbers(body, make_sample) -> None:
    samples = [make_sample(i, offset=(0.01 * i, 0, 0), tilt=0.1 * i) for i in range(4)]
    one, three = (run(CameraSpaceMetric(body), samples, batch_size=n) for n in (1, 3))
    assert one == pytest.approx(three, rel=1e-4, abs=1e-2)


def test_samples_and_their_dicts_are_read_alike(body, make_sample) -> None:
    sample = make_sample(0, offset=(0.1, 0, 0))
    metric = CameraSpaceMetric(body)
    metric.process(None, [sample])
    metric.process(None, [sample.to_dict()])
    assert metric.results[0] == metric.results[1]


def test_pa_mpjpe_of_a_different_body(body, make_sample) -> None:
    a, b = make_sample(0), make_sample(1)
    a.pred_instances.vertices = b.gt_instances.vertices
    metrics = run(CameraSpaceMetric(body), [a])
    mesh = MeshErrors(body, 'j14')
    pred, target = (mesh.joints(s.gt_instances.vertices).double() for s in (b, a))
    expected = 1000 * (procrustes_align(pred, target) - target).norm(dim=-1).mean()
    assert metrics['camera/PA-MPJPE'] == pytest.approx(float(expected), abs=1e-2)
    assert expected > 5


def test_dump_and_summary(body, make_sample, tmp_path) -> None:
    samples = [make_sample(i, offset=(0.1 * i, 0, 0)) for i in range(3)]
    samples[2].pred_instances.vertices *= math.nan
    samples[0].gt_camera.has_focal_length = torch.tensor([False])
    dump, summary = tmp_path / 'new' / 'errors.csv', tmp_path / 'new' / 'summary.json'
    metric = CameraSpaceMetric(body, dump_path=str(dump), summary_path=str(summary))
    metrics = run(metric, samples)
    rows = list(csv.DictReader(dump.open()))
    assert [row['img_id'] for row in rows] == ['image0', 'image1', 'image2']
    assert [row['sample_idx'] for row in rows] == ['0', '1', '2']
    assert [row['invalid'] for row in rows] == ['0', '0', '1']
    assert float(rows[1]['PVE']) == pytest.approx(100.0, abs=1e-2)
    assert rows[0]['focal error (%)'] == ''
    assert rows[2]['PVE'] == 'nan'
    read = json.loads(summary.read_text())
    assert read['num_invalid'] == 1
    assert read['settings'] == {'joints': 'j14', 'target': 'vertices'}
    assert read['results']['PVE'] == {'mean': metrics['camera/PVE'], 'count': 2}
    assert read['results']['focal error (%)']['count'] == 1
    assert sorted(p.name for p in dump.parent.iterdir()) == ['errors.csv', 'summary.json']


def test_npz_dump(body, make_sample, tmp_path) -> None:
    dump = tmp_path / 'errors.npz'
    run(CameraSpaceMetric(body, dump_path=str(dump)), [make_sample(i) for i in range(2)])
    with np.load(dump, allow_pickle=False) as rows:
        assert rows['img_id'].tolist() == ['image0', 'image1']
        assert rows['invalid'].tolist() == [False, False]
        assert rows['PVE'].shape == (2,)


def test_it_is_built_from_a_config() -> None:
    metric = METRICS.build(
        {'type': 'CameraSpaceMetric', 'body_model': {'type': 'FreeBody'}, 'joint_set': 'smpl24'}
    )
    assert metric.settings['joints'] == 'smpl24'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'joint_set': 'j15'}, 'joint_set'),
        ({'target': 'mesh'}, 'target'),
        ({'joint_set': 'smpl24', 'target': 'keypoints_3d'}, 'joint_set'),
        ({'dump_path': 'errors.txt'}, 'dump_path'),
        ({'summary_path': 'summary.yaml'}, 'summary_path'),
    ],
)
def test_bad_arguments_are_named(body, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CameraSpaceMetric(body, **arguments)


def test_missing_and_wrong_fields_are_named(body, make_sample) -> None:
    metric = CameraSpaceMetric(body)
    sample = make_sample(4)
    del sample.gt_instances.vertices
    with pytest.raises(ValueError, match=r'gt_instances.vertices of sample 4 .*is missing'):
        metric.process(None, [sample])
    sample = make_sample(4)
    sample.gt_instances.vertices[0, 0, 0] = math.nan
    with pytest.raises(ValueError, match=r'gt_instances.vertices of sample 4 .*not finite'):
        metric.process(None, [sample])
    sample = make_sample(4)
    sample.set_metainfo({'topology': 'smpl'})
    with pytest.raises(ValueError, match=r'label of sample 4 .*smpl'):
        metric.process(None, [sample])
