"""The camera calibrator trained through the same data as everything else."""

import math

import torch

from whmr.models.estimators import CameraEstimator

CAMERA = dict(type='CamCalib', backbone=dict(type='TimmBackbone', model_name='resnet18'))


def test_it_learns_a_tiny_set_and_predicts_it(make_batch):
    torch.manual_seed(0)
    model = CameraEstimator(CAMERA).train()
    batch = make_batch(4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    history = []
    for _ in range(50):
        losses = model(**batch, mode='loss')
        loss = sum(losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(loss))
    assert set(losses) == {'loss_vfov', 'loss_pitch', 'loss_roll'}
    assert history[-1] < 0.05 * history[0]

    with torch.inference_mode():
        samples = model(**batch, mode='predict')
    camera, shape = samples[0].pred_camera, batch['metas'].full_shape[0]
    focal = float(shape[0]) / 2 / math.tan(float(camera.vfov) / 2)
    torch.testing.assert_close(camera.intrinsics[0, 0, 0], torch.tensor(focal), rtol=1e-4, atol=0)
    true = batch['targets'].world2cam_rotmat[0]
    assert (camera.world2cam_rotmat[0] - true).abs().max() < 0.1


def test_unlabelled_photos_do_not_count(make_batch):
    torch.manual_seed(0)
    model = CameraEstimator(CAMERA).eval()
    batch = make_batch(2)
    batch['targets'].has_world2cam[:] = False
    losses = model(**batch, mode='loss')
    assert (
        float(losses['loss_pitch']) == float(losses['loss_roll']) == 0 < float(losses['loss_vfov'])
    )
    batch['targets'].has_focal_length[:] = False
    assert all(float(v) == 0 for v in model(**batch, mode='loss').values())
