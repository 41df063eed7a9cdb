"""The hybrid: parameter regressors, then vertex regressors (W-HMR Sec. 3.2)."""

import pytest
import torch

from whmr.geometry import project_crop
from whmr.models import OrientCorrect
from whmr.models.estimators.mesh_loss import vertex_levels

VERTEX = dict(type='VertexTransformer', num_layers=1, dropout=0.0, attention_dropout=0.0)
PARAMETER = dict(type='ParameterRegressor', hidden_dim=32, dropout=0.0)


def watch(module):
    """The arguments of every call of a module."""
    calls = []
    module.register_forward_pre_hook(lambda _, args: calls.append(args))
    return calls


def test_the_last_step_keeps_parameters_and_cameras(make_hybrid, make_batch):
    model = make_hybrid().eval()
    batch = make_batch(2)
    with torch.inference_mode():
        output = model(**batch)
    second, third = output.steps[1:]
    for name in ('pose', 'rotmat', 'betas', 'weak_cam', 'focal_length', 'cam_t'):
        assert torch.equal(getattr(second, name), getattr(third, name)), name
    body = model.body_model
    joints = body.joints49(body.joints_from_vertices(third.vertices))
    torch.testing.assert_close(third.joints, joints)
    assert (third.vertices - second.vertices).abs().max() > 0.01
    crop = project_crop(joints, second.weak_cam, batch['metas'].crop_size)
    torch.testing.assert_close(third.keypoints_2d_crop, crop)
    assert second.level2 is None
    sizes = body.pyramid.sizes
    assert sizes == (6890, 138, 35)
    assert [len(mesh[0]) for mesh in (third.vertices, third.level1, third.level2)] == list(sizes)


def test_what_the_vertex_regressor_reads(make_hybrid, make_batch):
    """The coarse mesh of the step before, without gradient, and raw features where it projects."""
    model = make_hybrid().train()
    batch = make_batch(2)
    calls = watch(model.vertex_regressors[0])
    output = model(**batch)
    vertices, point_feat, body_feat = calls[0]
    second = output.steps[1]
    assert not vertices.requires_grad
    torch.testing.assert_close(vertices, model.body_model.pyramid.down(second.vertices, 2))
    points = project_crop(vertices, second.weak_cam.detach(), batch['metas'].crop_size)
    raw = model.extractors[2].sample(output.feature_map, points)
    torch.testing.assert_close(point_feat, raw)
    torch.testing.assert_close(body_feat, output.body_feat)
    assert body_feat.shape == (2, 35 * model.extractors[2].out_channels)


@pytest.mark.parametrize('points, count', [('markers', 67), ('vertices', 431)])
def test_sampling_points_are_a_setting(make_whmr, make_batch, points, count):
    model = make_whmr(points=points).eval()
    regressed = watch(model.regressors[1])
    with torch.inference_mode():
        output = model(**make_batch(2))
    assert [model.regressors[i].feat_dim for i in range(3)] == [16 * 4, count * 4, count * 4]
    assert regressed[0][0].shape == (2, count * 4)
    assert output.body_feat.shape == (2, count * 4)


def test_one_parameter_step_and_two_vertex_steps(make_hybrid, make_batch):
    """The second vertex step starts from the mesh of the first, as that regressed it."""
    model = make_hybrid(regressors=[PARAMETER], vertex_regressors=[VERTEX] * 2)
    calls = watch(model.eval().vertex_regressors[1])
    with torch.inference_mode():
        first, second, third = model(**make_batch(2)).steps
    assert torch.equal(calls[0][0], second.level2)
    for step in (second, third):
        assert torch.equal(step.rotmat, first.rotmat)
        assert torch.equal(step.weak_cam, first.weak_cam)


def test_three_meshes_are_supervised(make_hybrid, make_batch):
    model = make_hybrid().train()
    batch = make_batch()
    batch['targets'].has_smpl[1] = False
    torch.manual_seed(3)
    last = model(**batch, mode='tensor').steps[-1]
    torch.manual_seed(3)  # the same mask
    losses = model(**batch, mode='loss')
    has = batch['targets'].has_smpl
    labels = vertex_levels(model.body_model, batch['targets'].vertices)
    meshes = last.vertices, last.level1, last.level2
    for level, (mesh, label) in enumerate(zip(meshes, labels)):
        expected = 15 * (mesh - label)[has].abs().mean()
        name = 'loss_vertices_s3' if level == 0 else f'loss_vertices_level{level}_s3'
        torch.testing.assert_close(losses[name], expected, rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient(make_hybrid, make_batch):
    model = make_hybrid(2).train()
    losses = model(**make_batch(), mode='loss')
    sum(losses.values()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # A fresh ResNet's branches begin closed; a bias of the keys has no effect by construction.
    assert all('key.bias' in name or name.startswith('backbone.') for name in silent), silent


def test_the_world_mesh_is_the_posed_body(make_hybrid, make_world, make_batch):
    """OrientCorrect reads the last feature and turns the mesh of pose and shape."""
    estimator = make_hybrid()
    orientation = OrientCorrect(35 * 4, hidden_dim=16, dropout=0.0)
    model = make_world(estimator=estimator, orientation=orientation, rotation_source='none').eval()
    batch = make_batch(2, training=False)
    with torch.inference_mode():
        estimate, world = model(**batch)
        output = estimator.refine(batch['inputs'], batch['metas'])
        torch.testing.assert_close(estimate.body_feat, output.body_feat)
        torch.testing.assert_close(estimate.vertices, output.steps[2].vertices)
        body = model.body_model(
            betas=estimate.betas,
            global_orient=world.global_orient_world,
            body_pose=estimate.body_pose,
        )
        torch.testing.assert_close(world.vertices_world, body.vertices, atol=1e-4, rtol=0)
        samples = model(**batch, mode='predict')
    for sample in samples:
        assert not [key for key in sample.pred_instances.all_keys() if key.startswith('posed_')]


def test_one_row_does_not_depend_on_the_others(make_hybrid, make_batch):
    model = make_hybrid().eval()
    batch = make_batch(3)
    with torch.inference_mode():
        whole = model(**batch).steps[-1]
        inputs = {'crop': batch['inputs']['crop'][1:2]}
        alone = model(inputs, batch['metas'][1:2]).steps[-1]
    torch.testing.assert_close(alone.vertices, whole.vertices[1:2], atol=1e-4, rtol=0)


def test_it_learns_a_tiny_set(make_hybrid, make_batch):
    model = make_hybrid(2, losses=LEARNED, iuv_head=None, depth_head=None).train()
    model.vertex_regressors[0].mask_ratio = 0.0
    batch = make_batch(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    first = last = None
    for _ in range(40):
        losses = model(**batch, mode='loss')
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        last = {name: float(loss.detach()) for name, loss in losses.items()}
        first = first or last
    for name in ('loss_keypoints_2d_full_s3', 'loss_keypoints_3d_s3', 'loss_vertices_s3'):
        assert last[name] < 0.3 * first[name], f'{name}: {first[name]} -> {last[name]}'


LEARNED = {
    'keypoints_2d_full': dict(type='Keypoint2DLoss'),
    'keypoints_3d': dict(type='Keypoint3DLoss'),
    'pose': dict(type='PoseLoss'),
    'vertices': dict(type='VertexLoss'),
}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(points='joints'), "points='joints': expected markers or vertices"),
        (dict(vertex_regressors=[VERTEX]), "points='markers': expected vertices"),
        (dict(points='vertices', regressors=[], vertex_regressors=[VERTEX] * 3), 'is empty'),
    ],
)
def test_settings_that_cannot_work_are_refused(make_whmr, changes, message):
    with pytest.raises(ValueError, match=message):
        make_whmr(**changes)
