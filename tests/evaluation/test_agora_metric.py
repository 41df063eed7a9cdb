"""AGORA's figures on people whose errors are known, and the submission file."""

import json
import pickletools
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from whmr.evaluation import AgoraMetric
from whmr.fileio import load_pickle
from whmr.geometry import axis_angle_to_rotmat, intrinsics_matrix
from whmr.structures import HMRDataSample

FOCAL = 1000.0


@pytest.fixture
def person(body) -> Callable[..., HMRDataSample]:
    """Somebody 8 m away, `x` metres to the side; the prediction is moved, bent or missing."""

    def make(
        index: int,
        x: float,
        *,
        image: str = 'a.png',
        moved: tuple[float, float, float] = (0.0, 0.0, 0.0),
        bent: float = 0.0,
        labelled: bool = True,
        score: float = 1.0,
    ) -> HMRDataSample:
        generator = torch.Generator().manual_seed(index)
        pose = 0.4 * (torch.rand(1, 23, 3, generator=generator) - 0.5)
        betas = torch.rand(1, body.num_betas, generator=generator) - 0.5
        orient = torch.diag(torch.tensor([1.0, -1.0, -1.0]))[None, None]
        intrinsics = intrinsics_matrix(torch.tensor([FOCAL]), torch.tensor([[640.0, 360.0]]))
        cam_t = torch.tensor([[x, 0.0, 8.0]])

        def posed(pose: torch.Tensor, cam_t: torch.Tensor) -> InstanceData:
            out = body(betas, orient, pose)
            joints = body.joints49(out.joints) + cam_t[:, None]
            return InstanceData(
                vertices=out.vertices,
                cam_t=cam_t,
                betas=betas,
                global_orient=orient,
                body_pose=axis_angle_to_rotmat(pose),
                keypoints_2d=FOCAL * joints[..., :2] / joints[..., 2:]
                + torch.tensor([640.0, 360.0]),
            )

        sample = HMRDataSample(
            metainfo=dict(
                img_path=f'images/{image}',
                sample_idx=index,
                ori_shape=(720, 1280),
                topology=body.topology,
            )
        )
        gt = posed(pose, cam_t)
        gt.keypoints_2d_conf = torch.ones(1, 49) * labelled
        gt.has_smpl = gt.has_cam_t = torch.tensor([labelled])
        gt.bbox_scores = torch.tensor([score])
        sample.gt_instances = gt
        bend = torch.zeros(1, 23, 3)
        bend[0, 17, 1] = bent  # the left elbow
        sample.pred_instances = posed(pose + bend, cam_t + torch.tensor([moved]))
        sample.gt_camera = InstanceData(
            intrinsics=intrinsics, has_focal_length=torch.tensor([labelled])
        )
        sample.pred_camera = InstanceData(intrinsics=intrinsics)
        return sample

    return make


def run(metric: AgoraMetric, samples) -> dict[str, float]:
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_everyone_found_and_exact(body, person) -> None:
    samples = [person(0, -1.0), person(1, 1.0), person(2, 0.0, image='b.png')]
    metrics = run(AgoraMetric(body), samples)
    assert metrics['agora/F1'] == metrics['agora/precision'] == metrics['agora/recall'] == 1
    for name in ('MPJPE', 'MVE', 'NMJE', 'NMVE'):
        assert metrics[f'agora/{name}'] == pytest.approx(0, abs=1e-6)


def test_translation_does_not_count_and_a_bent_elbow_does(body, person) -> None:
    sample = person(0, 0.0, moved=(0.1, 0.0, 0.5), bent=0.7)
    metrics = run(AgoraMetric(body), [sample])
    pred, target = (i.vertices for i in (sample.pred_instances, sample.gt_instances))
    joints = [body.joints_from_vertices(v)[:, :24] for v in (pred, target)]
    mpjpe = 1000 * ((joints[0] - joints[0][:, :1]) - (joints[1] - joints[1][:, :1])).norm(dim=-1)
    mve = 1000 * ((pred - joints[0][:, :1]) - (target - joints[1][:, :1])).norm(dim=-1)
    assert metrics['agora/MPJPE'] == pytest.approx(float(mpjpe.mean()), abs=0.05)
    assert metrics['agora/MVE'] == pytest.approx(float(mve.mean()), abs=0.05)
    assert metrics['agora/MPJPE'] > 2


def test_misses_and_false_alarms_raise_the_normalised_errors(body, person) -> None:
    """Four people; one is missed, and there are two detections of nobody."""
    people = [person(i, x, bent=0.7) for i, x in enumerate((-3.0, -1.0, 1.0, 3.0))]
    detections = [person(i, x, bent=0.7) for i, x in enumerate((-3.0, -1.0, 1.0))]
    detections += [person(7, -1.05), person(8, 5.0), person(9, 5.0, score=0.5)]
    for detection in detections:
        gt = detection.gt_instances
        gt.has_smpl, gt.keypoints_2d_conf = torch.tensor([False]), torch.zeros(1, 49)
    metrics = run(AgoraMetric(body, 'detected'), people + detections)
    precision, recall = 3 / 5, 3 / 4
    f1 = 2 * precision * recall / (precision + recall)
    assert metrics['agora/precision'] == pytest.approx(precision)
    assert metrics['agora/recall'] == pytest.approx(recall)
    assert metrics['agora/F1'] == pytest.approx(f1)
    assert metrics['agora/NMJE'] == pytest.approx(metrics['agora/MPJPE'] / f1)
    assert metrics['agora/NMVE'] == pytest.approx(metrics['agora/MVE'] / f1)
    assert metrics['agora/num_false_negatives'] == 1


def test_a_person_without_mesh_counts_in_f1_alone(body, person) -> None:
    samples = [person(0, -1.0), person(1, 1.0, bent=0.7)]
    samples[1].gt_instances.has_smpl = torch.tensor([False])
    metrics = run(AgoraMetric(body), samples)
    assert metrics['agora/recall'] == 1
    assert metrics['agora/MPJPE'] == pytest.approx(0, abs=1e-6)
    samples[1].pred_instances.keypoints_2d += 2000.0
    assert run(AgoraMetric(body), samples)['agora/recall'] == 0.5


def test_an_occluded_person_counts_neither_way(body, person) -> None:
    samples = [person(0, -1.0), person(1, 1.0, bent=0.7)]
    samples[1].gt_instances.keypoints_2d_conf = torch.zeros(1, 49)
    metrics = run(AgoraMetric(body), samples)
    assert metrics['agora/F1'] == 1 and metrics['agora/num_matches'] == 1


def test_predictions_that_are_not_finite(body, person) -> None:
    samples = [person(0, -1.0), person(1, 1.0)]
    samples[1].pred_instances.vertices *= torch.nan
    metrics = run(AgoraMetric(body), samples)
    assert metrics['agora/recall'] == 0.5 and metrics['agora/precision'] == 0.5


def test_vertex_list_and_output(body, person, tmp_path, logged) -> None:
    np.save(tmp_path / 'ids.npy', np.arange(100))
    path = tmp_path / 'agora.json'
    metric = AgoraMetric(body, vertex_ids=str(tmp_path / 'ids.npy'), summary_path=str(path))
    run(metric, [person(0, 0.0)])
    summary = json.loads(path.read_text())
    assert 'MVE over 100 vertices' in summary['settings']['joints']
    assert summary['settings']['camera rotation'] == 'none'
    assert summary['num_matches'] == 1 and summary['results']['F1'] == {'mean': 1.0, 'count': 1}
    for key, value in summary['settings'].items():
        assert f'{key}: {value}' in logged()


def test_submission(body, person, tmp_path) -> None:
    samples = [person(0, -1.0), person(1, 1.0), person(2, 0.0, image='b.png')]
    path = tmp_path / 'out' / 'agora.zip'
    metric = AgoraMetric(body, submission_path=str(path))
    run(metric, samples)
    with zipfile.ZipFile(path) as file:
        names = sorted(file.namelist())
        assert names == [
            f'predictions/{n}_personId_{i}.pkl' for n, i in [('a', 0), ('a', 1), ('b', 0)]
        ]
        data = file.read(names[1])
    imported = {
        arg for op, arg, _ in pickletools.genops(data) if op.name in ('GLOBAL', 'SHORT_BINUNICODE')
    }
    assert not any('whmr' in str(name) or 'torch' in str(name) for name in imported)
    pickled = tmp_path / 'person.pkl'
    pickled.write_bytes(data)
    loaded = load_pickle(pickled)
    assert loaded['pose2rot'] is False
    shapes = {key: value.shape for key, value in loaded['params'].items()}
    assert shapes == dict(
        transl=(1, 3), betas=(1, 10), global_orient=(1, 1, 3, 3), body_pose=(1, 23, 3, 3)
    )
    # Joints are those of the parameters, projected, in the 2160 rows of the large photos.
    params = {key: torch.from_numpy(value) for key, value in loaded['params'].items()}
    betas = torch.zeros(1, body.num_betas)
    betas[:, : params['betas'].shape[1]] = params['betas'][:, : body.num_betas]
    out = body(betas, params['global_orient'], params['body_pose'], params['transl'])
    joints = body.joints_from_vertices(out.vertices)[0, :24]
    expected = 3 * (FOCAL * joints[:, :2] / joints[:, 2:] + torch.tensor([640.0, 360.0]))
    assert loaded['joints'] == pytest.approx(expected.numpy(), abs=0.05)
    first = path.read_bytes()
    run(AgoraMetric(body, submission_path=str(path)), samples)
    assert path.read_bytes() == first


def test_two_images_of_one_name_cannot_be_submitted(body, person, tmp_path) -> None:
    samples = [person(0, 0.0, image='x/a.png'), person(1, 0.0, image='y/a.png')]
    with pytest.raises(ValueError, match='have the same name'):
        run(AgoraMetric(body, submission_path=str(tmp_path / 'a.zip')), samples)
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_named(body, person) -> None:
    with pytest.raises(ValueError, match='boxes: must be one of'):
        AgoraMetric(body, 'mine')
    with pytest.raises(ValueError, match=r'submission_path: a.tar must end in .zip'):
        AgoraMetric(body, submission_path='a.tar')
    with pytest.raises(ValueError, match='none of 1 samples has a labelled person'):
        run(AgoraMetric(body), [person(0, 0.0, labelled=False)])
    sample = person(0, 0.0)
    del sample.pred_instances.cam_t
    with pytest.raises(ValueError, match=r'pred_instances.cam_t of sample 0'):
        run(AgoraMetric(body), [sample])
