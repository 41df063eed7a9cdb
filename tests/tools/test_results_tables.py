"""Tables from cached features: figures of the metrics, seeds that matter, training that is kept."""

import json
import math
import sys
from pathlib import Path

import distortion_table
import noise_curve
import pytest
import results_table
import torch
from mmengine import Config
from orientation_study import report, training
from orientation_study.features import Features
from orientation_study.scoring import score

from whmr.body_models import FreeBody
from whmr.engine.cli import ConfigError
from whmr.evaluation import WorldSpaceMetric
from whmr.geometry import euler_to_rotmat
from whmr.models import HMRDataPreprocessor, RotationMultiply, Uncorrected
from whmr.models.replay_preprocessor import pack
from whmr.structures import BodyEstimate, OrientationInputs
from whmr.testing import tiny_batch

NUM = 12
ORIENTATION = dict(type='OrientCorrect', feat_dim=4, hidden_dim=32, dropout=0.0)


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.fixture(scope='module')
def batch(body: FreeBody) -> dict:
    """Labelled people, the labels also in their samples."""
    return HMRDataPreprocessor(body)(tiny_batch(NUM, body=body), False)


@pytest.fixture(scope='module')
def fields(body: FreeBody, batch: dict) -> dict[str, torch.Tensor]:
    """What a cache holds of them: an orientation with an error, and a calibrator's rotation."""
    torch.manual_seed(0)
    targets, zero = batch['targets'], torch.zeros(NUM)
    orient = targets.global_orient @ euler_to_rotmat(0.3 * torch.rand(NUM), zero, zero)[:, None]
    posed = body(targets.betas, orient, targets.body_pose)
    ready = OrientationInputs(
        body_feat=torch.randn(NUM, 4),
        global_info=torch.randn(NUM, 5),
        world2cam_rotmat=targets.world2cam_rotmat.roll(1, 0),
        global_orient=orient,
        own_global_orient=orient,
        vertices=posed.vertices,
        joints=body.joints49(posed.joints),
    )
    estimate = BodyEstimate(ready.body_feat, orient, targets.body_pose, targets.betas)
    return pack(ready, estimate, targets, meshes=False)


@pytest.fixture(scope='module')
def features(fields: dict[str, torch.Tensor], body: FreeBody) -> Features:
    return Features(fields, body)


def study_config(**changes: object) -> Config:
    config = dict(
        model=dict(
            losses=dict(
                keypoints_3d=dict(type='Keypoint3DLoss'),
                vertices=dict(type='VertexLoss'),
                pose=dict(type='PoseLoss'),
            )
        ),
        train_dataloader=dict(batch_size=8),
        train_cfg=dict(by_epoch=False, max_iters=80),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-3)),
        param_scheduler=[dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5)],
    )
    return Config({**config, **changes})


@pytest.mark.parametrize('source', ['predicted', 'known'])
def test_scores_are_those_of_the_metric(body, batch, fields, features, source: str) -> None:
    rotation = features.rotation(source)
    orient = rotation.mT[:, None] @ fields['input.global_orient']
    posed = body(batch['targets'].betas, orient, batch['targets'].body_pose).vertices
    metric = WorldSpaceMetric(body, rotation_source=source)
    for i, sample in enumerate(batch['data_samples']):
        sample.pred_instances = type(sample.gt_instances)(
            vertices_world=posed[i : i + 1], global_orient_world=orient[i : i + 1]
        )
        sample.pred_camera = type(sample.gt_instances)(world2cam_rotmat=rotation[i : i + 1])
    metric.process(None, batch['data_samples'])
    expected = metric.evaluate(NUM)
    found = score(RotationMultiply(), features, source=source)
    for name, value in found.items():
        assert value == pytest.approx(expected[f'world/{name}'], abs=2e-2), name
    assert found['W-MPJPE'] > 10


def test_people_without_world_label_are_left_out(fields, body) -> None:
    some = {**fields, 'label.has_world': torch.arange(NUM).float() % 2}
    features = Features(some, body)
    assert len(features) == NUM // 2
    assert torch.equal(features.fields['input.body_feat'], fields['input.body_feat'][1::2])
    with pytest.raises(ValueError, match='nobody'):
        Features({**fields, 'label.has_world': torch.zeros(NUM)}, body)
    old = {k: v for k, v in fields.items() if k != 'label.world2cam_rotmat'}
    with pytest.raises(ValueError, match='delete its folder'):
        Features(old, body)


def test_noise_turns_the_rotation_that_is_fed_in(features) -> None:
    still = score(RotationMultiply(), features, source='known')
    noisy = score(RotationMultiply(), features, source='known', degrees=15.0)
    again = score(RotationMultiply(), features, source='known', degrees=15.0)
    assert still['camera rotation error (deg)'] == pytest.approx(0, abs=0.05)
    assert noisy['camera rotation error (deg)'] == pytest.approx(15, abs=1.5)
    assert noisy['up-vector error (deg)'] > still['up-vector error (deg)'] + 2
    assert noisy['PA-MPJPE'] == pytest.approx(still['PA-MPJPE'], abs=1e-3)
    assert noisy == again
    assert noisy != score(RotationMultiply(), features, source='known', degrees=15.0, seed=1)
    unfed = [score(Uncorrected(), features, source='known', degrees=d) for d in (0.0, 15.0)]
    assert unfed[0]['W-MPJPE'] == unfed[1]['W-MPJPE']


def test_a_module_is_trained_once_for_each_seed(features, tmp_path: Path, monkeypatch) -> None:
    def train(seed: int, degrees: float = 0.0):
        return training.train_orientation(
            study_config(),
            ORIENTATION,
            features,
            source='known',
            degrees=degrees,
            seed=seed,
            folder=tmp_path,
        )

    module = train(0)
    new = training.new_orientation(ORIENTATION, 0)
    before, after = (score(m, features, source='known')['W-MPJPE'] for m in (new, module))
    assert after < 0.4 * before
    assert not torch.equal(train(1).fc1.weight, module.fc1.weight)
    train(0, degrees=10.0)
    assert len(list(tmp_path.glob('*.pth'))) == 3
    monkeypatch.setattr(training, '_train', None)
    assert torch.equal(train(0).fc1.weight, module.fc1.weight)


def test_a_schedule_in_epochs_is_refused(features, tmp_path: Path) -> None:
    cfg = study_config(train_cfg=dict(by_epoch=True, max_epochs=3))
    with pytest.raises(ConfigError, match='counts epochs'):
        training.train_orientation(
            cfg, ORIENTATION, features, source='known', degrees=0.0, seed=0, folder=tmp_path
        )


def test_results_say_where_they_come_from(tmp_path: Path, monkeypatch) -> None:
    tool = results_table.__file__
    monkeypatch.setattr(sys, 'argv', [tool, 'name', 'config.py', '--title', 'To the world'])
    runs = [{'W-MPJPE': value} for value in (60.0, 64.0)]
    summary = report.summarise(runs)
    assert summary == {'W-MPJPE': {'mean': 62.0, 'deviation': pytest.approx(math.sqrt(8))}}
    assert report.cell(summary['W-MPJPE']) == '62.0 ± 2.8'
    assert report.cell(dict(mean=62.0, deviation=0.001)) == '62.0'
    report.write_results(tmp_path / 'table', 'Title', ['text'], {'rows': runs})
    record = json.loads((tmp_path / 'table.json').read_text(encoding='utf-8'))
    command = "python tools/analysis/results_table.py name config.py --title 'To the world'"
    assert record['command'] == command  # can be pasted into a shell
    assert record['rows'] == runs
    text = (tmp_path / 'table.md').read_text(encoding='utf-8')
    assert text.startswith('# Title\n\ntext\n')
    assert record['commit'] in text and record['date'] in text


def test_tables_compare_with_uncorrected() -> None:
    def figures(error: float) -> dict[str, dict[str, float]]:
        return {'test': dict.fromkeys(results_table.COLUMNS, error)}

    rows = {'uncorrected': [figures(100.0)], '`mine`': [figures(40.0), figures(60.0)]}
    heading, table = results_table.tables(rows)
    assert heading == '## test'
    last = [cell.strip() for cell in table.splitlines()[-1].strip('|').split('|')]
    assert last == ['`mine`', *['50.0 ± 14.1'] * len(results_table.COLUMNS), '0.50']
    assert results_table.row_name('configs/a.py:configs/b.py') == '`a` on `b`'


def test_curves_become_tables_and_a_picture(tmp_path: Path) -> None:
    runs = [dict.fromkeys(noise_curve.COLUMNS, value) for value in (1.0, 3.0)]
    curves = {'test': {'multiplied': [runs[:1], runs]}}
    parts = noise_curve.tables(curves, [0.0, 10.0])
    assert parts[0] == '## test, W-MPJPE'
    assert '| multiplied | 1.0   | 2.0 ± 1.4 |' in parts[1]
    pytest.importorskip('matplotlib')
    assert noise_curve.draw(tmp_path / 'curve.svg', curves, [0.0, 10.0])
    assert '<svg' in (tmp_path / 'curve.svg').read_text(encoding='utf-8')


class Oracle:
    """An estimator that knows body and crop camera, and predicts a focal length of 1000 px."""

    def __init__(self, body: FreeBody, batch: dict) -> None:
        self.body, self.targets = body, batch['targets']

    def estimate(self, inputs: dict, metas) -> BodyEstimate:
        t = self.targets
        out = self.body(t.betas, t.global_orient, t.body_pose)
        distance, size = t.cam_t[:, 2], metas.bbox_size
        scale = 2 * t.focal_length / (distance * size)
        shift = 2 * (metas.bbox_center - metas.full_shape.flip(-1) / 2) / (scale * size)[:, None]
        weak_cam = torch.cat([scale[:, None], t.cam_t[:, :2] - shift], 1)
        return BodyEstimate(
            body_feat=torch.zeros(NUM, 1),
            global_orient=t.global_orient,
            body_pose=t.body_pose,
            betas=t.betas,
            weak_cam=weak_cam,
            focal_length=torch.full((NUM,), 1000.0),
            joints=self.body.joints49(out.joints),
        )


def test_the_true_focal_length_explains_the_photo(body, batch) -> None:
    for sample in batch['data_samples']:  # the crop cameras know only the middle of the photo
        sample.gt_camera.intrinsics[0, :2, 2] = torch.tensor(sample.ori_shape).flip(0) / 2
    model = type('Model', (), {})()
    model.data_preprocessor = lambda data, training: batch
    numbers = distortion_table._measure_batch(model, Oracle(body, batch), {})
    assert set(numbers) == {'distance'} | {
        f'{rule}: {error}' for rule in distortion_table.RULES for error in ('2D (px)', 'focal (%)')
    }
    assert numbers['true: focal (%)'].max() < 1e-3
    # The photos' principal points are up to 3 px off the middle.
    assert numbers['true: 2D (px)'].max() < 4.5
    for rule in ('5000 px', 'predicted'):
        assert (numbers[f'{rule}: 2D (px)'] > numbers['true: 2D (px)'] - 0.5).all()
    focal = batch['targets'].focal_length
    expected = 100 * (5000 - focal) / focal
    assert torch.allclose(numbers['5000 px: focal (%)'], expected, rtol=1e-4)


def test_people_are_sorted_by_distance() -> None:
    numbers = {'distance': torch.tensor([1.5, 3.0, 3.5, 20.0]), 'x': torch.arange(4.0)}
    levels = distortion_table.by_level(numbers)
    assert levels == {
        '1-2 m': dict(people=1.0, x=0.0),
        '2-4 m': dict(people=2.0, x=1.5),
        'all': dict(people=4.0, x=1.5),
    }
