"""W-HMR in camera space: cameras, modes, labels, and that it learns."""

import pytest
import torch

from whmr.geometry import is_rotation, project_full
from whmr.models.estimators import WHMR


def test_predictions_agree_with_their_own_camera(make_whmr, make_batch):
    model = make_whmr().eval()
    batch = make_batch(training=False)
    with torch.inference_mode():
        samples = model(**batch, mode='predict')
    for row, sample in enumerate(samples):
        pred, camera = sample.pred_instances, sample.pred_camera
        shape = batch['metas'].full_shape[row : row + 1]
        points = project_full(pred.joints, pred.cam_t, pred.focal_length, shape)
        torch.testing.assert_close(pred.keypoints_2d, points)
        placed = (pred.joints + pred.cam_t[:, None]) @ camera.intrinsics.mT
        torch.testing.assert_close(placed[..., :2] / placed[..., 2:], points, rtol=1e-4, atol=1e-2)
        size = batch['metas'].bbox_size[row]
        torch.testing.assert_close(
            pred.focal_length, pred.weak_cam[:, 0] * size * pred.distance / 2
        )
        assert is_rotation(torch.cat([pred.global_orient, pred.body_pose], 1), 1e-4).all()
        assert 0 < float(pred.distance) < 10


def test_one_row_does_not_depend_on_the_others(make_whmr, make_batch):
    model = make_whmr().eval()
    batch = make_batch(3)
    with torch.inference_mode():
        whole = model(**batch, mode='tensor').steps[-1]
        for row in range(3):
            inputs = {'crop': batch['inputs']['crop'][row : row + 1]}
            alone = model(inputs, batch['metas'][row : row + 1]).steps[-1]
            torch.testing.assert_close(
                alone.vertices, whole.vertices[row : row + 1], atol=1e-5, rtol=0
            )
            torch.testing.assert_close(
                alone.cam_t, whole.cam_t[row : row + 1], atol=1e-4, rtol=1e-5
            )


def test_known_focal_length_is_used(make_whmr, make_batch):
    model = make_whmr().eval()
    batch = make_batch(2)
    known = batch['metas']
    known.known_focal_length = torch.tensor([321.0, float('nan')])
    with torch.inference_mode():
        given = model.estimate(batch['inputs'], known)
        known.known_focal_length = None
        free = model.estimate(batch['inputs'], known)
    assert float(given.focal_length[0]) == 321.0
    assert float(given.focal_length[1]) == pytest.approx(float(free.focal_length[1]))
    expected = 2 * 321.0 / (given.weak_cam[0, 0] * known.bbox_size[0])
    assert float(given.cam_t[0, 2]) == pytest.approx(float(expected))


def test_without_focal_head_the_focal_length_is_the_diagonal(make_whmr, make_batch):
    model = make_whmr(focal_head=None).train()
    batch = make_batch()
    step = model(**batch, mode='tensor').steps[-1]
    diagonal = torch.linalg.vector_norm(batch['metas'].full_shape, dim=1)
    torch.testing.assert_close(step.focal_length, diagonal)
    assert torch.isfinite(sum(model(**batch, mode='loss').values()))


def test_square_sampling_moves_points_only_where_the_crop_is_narrow(make_whmr, make_batch):
    batch = make_batch(2)
    with torch.inference_mode():
        ours = make_whmr().eval()(**batch).body_feat
        release = make_whmr(square_sampling=True).eval()(**batch).body_feat
        torch.testing.assert_close(ours, release)
        batch['metas'].crop_shape = (64, 48)
        narrow = make_whmr().eval()(**batch).body_feat
        wide = make_whmr(square_sampling=True).eval()(**batch).body_feat
    assert (narrow - wide).abs().max() > 0.01 * narrow.abs().max()


def test_a_batch_without_labels_gives_zeros_that_back_propagate(make_whmr, make_batch):
    model = make_whmr().train()
    batch = make_batch()
    targets = batch['targets']
    for name in ('has_smpl', 'has_keypoints_3d', 'has_fields'):
        getattr(targets, name)[:] = False
    targets.keypoints_2d_conf[:] = 0
    losses = model(**batch, mode='loss')
    unlabelled = {
        k: v
        for k, v in losses.items()
        if 'focal' not in k and 'camera' not in k and 'iuv_' not in k
    }
    assert all(float(v) == 0 for v in unlabelled.values()), unlabelled
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_it_learns_a_tiny_set(make_whmr, make_batch):
    torch.manual_seed(0)
    model = make_whmr(2, losses={**TERMS}, iuv_head=None, depth_head=None).train()
    batch = make_batch(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    first = last = None
    for _ in range(60):
        loss = sum(model(**batch, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or float(loss), float(loss)
    assert last < 0.1 * first


TERMS = {
    'keypoints_2d_crop': dict(type='Keypoint2DLoss'),
    'keypoints_2d_full': dict(type='Keypoint2DLoss'),
    'keypoints_3d': dict(type='Keypoint3DLoss'),
    'pose': dict(type='PoseLoss'),
    'vertices': dict(type='VertexLoss'),
}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(losses=dict(keypoints2d=None)), 'keypoints2d'),
        (dict(grad_flow=dict(stage=1)), 'stage'),
        (dict(backbone_name='x'), 'backbone_name'),
    ],
)
def test_typos_are_refused(make_whmr, changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_whmr(**changes)


def test_modes_say_what_they_lack(make_whmr, make_batch):
    model = make_whmr(losses=None, grad_flow=None)
    batch = make_batch(2)
    with pytest.raises(ValueError, match='metas'):
        model(batch['inputs'])
    with pytest.raises(ValueError, match='losses'):
        model(**batch, mode='loss')
    with pytest.raises(ValueError, match='mode'):
        model(**batch, mode='train')
    batch['data_samples'] = None
    with pytest.raises(ValueError, match='data_samples'):
        model(**batch, mode='predict')


def test_regressors_and_maps_must_match(make_whmr, make_batch):
    model = make_whmr(regressors=[dict(type='ParameterRegressor', hidden_dim=8)] * 2)
    with pytest.raises(ValueError, match='num_layers'):
        model(**make_batch(2))
    assert isinstance(model, WHMR)


def test_nothing_of_the_body_is_stored(make_whmr):
    assert not [k for k in make_whmr().state_dict() if 'body_model' in k or k == 'grid']
