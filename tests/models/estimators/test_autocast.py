"""Half precision is for what was learned: bodies, cameras, labels and losses keep float32."""

from dataclasses import replace

import pytest
import torch

from whmr.models import HMRDataPreprocessor
from whmr.models.estimators.body_step import body_step
from whmr.models.estimators.projection import project_joints
from whmr.models.heads import RegressorOutput
from whmr.testing import tiny_batch


def half():
    return torch.autocast('cpu', torch.bfloat16)


@pytest.mark.parametrize('orthogonal', [True, False])
def test_parameters_become_bodies_and_projections_in_full(make_whmr, make_batch, body, orthogonal):
    """What a step makes of its regressor's numbers is what float32 makes of them, to the bit."""
    model = make_whmr(2).train(not orthogonal)
    batch = make_batch(3)
    with torch.no_grad(), half():
        output = model(batch['inputs'], batch['metas'])
    for step in output.steps:
        update = RegressorOutput(step.pose, step.betas, step.weak_cam)
        with torch.no_grad():
            expected = body_step(
                body,
                update,
                metas=batch['metas'],
                orthogonal=orthogonal,
                distance=output.distance,
            )
        for name, value in vars(expected).items():
            if value is not None:
                assert value.dtype == torch.float32
                assert torch.equal(getattr(step, name), value), name


def test_a_regressed_mesh_has_its_joints_in_full(make_hybrid, make_batch, coarse_body):
    model, batch = make_hybrid().eval(), make_batch(2, training=False)
    with torch.inference_mode(), half():
        output = model(batch['inputs'], batch['metas'])
    last, metas = output.steps[-1], batch['metas']
    joints = coarse_body.joints49(coarse_body.joints_from_vertices(last.vertices))
    assert torch.equal(last.joints, joints)
    projected = project_joints(joints, last.weak_cam, output.distance, metas)
    assert torch.equal(last.keypoints_2d_full, projected.keypoints_2d_full)


def test_boxes_keep_their_place(make_batch):
    metas = make_batch(3)['metas']
    moved = replace(metas, crop2full=metas.crop2full * 3.7 + 1000.3)
    with half():
        inside = moved.bbox_center
    assert torch.equal(inside, moved.bbox_center)
    middle = torch.tensor([metas.crop_shape[1] / 2, metas.crop_shape[0] / 2, 1.0])
    torch.testing.assert_close(inside, moved.crop2full @ middle)


def test_labels_keep_their_place(body):
    """MMEngine calls the preprocessor under the autocast of the training step."""
    processor = HMRDataPreprocessor(
        body, mean=[127.5] * 3, std=[127.5] * 3, render_maps=dict(shape=(16, 16))
    )
    expected = processor(tiny_batch(3, (64, 64)), True)['targets']
    with half():
        targets = processor(tiny_batch(3, (64, 64)), True)['targets']
    for name, value in vars(expected).items():
        assert torch.equal(getattr(targets, name), value), name


@pytest.mark.parametrize('make', ['make_whmr', 'make_hybrid'])
def test_losses_are_in_full_and_train(make, make_batch, request):
    model = request.getfixturevalue(make)(2).train()
    batch = make_batch(4)
    with half():
        output = model(batch['inputs'], batch['metas'])
        inside = model.mesh_loss(output.steps, batch['targets'], batch['metas'], model.body_model)
    outside = model.mesh_loss(output.steps, batch['targets'], batch['metas'], model.body_model)
    for name, value in outside.items():
        assert inside[name].dtype == torch.float32
        assert torch.equal(inside[name], value), name
    with half():
        iuv = model.iuv_head(output.feature_map)
        depth = model.depth_head(output.feature_map)
        terms = model.iuv_head.loss_by_feat(iuv, batch['targets'])
        terms |= model.depth_head.loss_by_feat(depth, batch['targets'])
    whole = model.iuv_head.loss_by_feat(type(iuv)(*(m.float() for m in iuv)), batch['targets'])
    whole |= model.depth_head.loss_by_feat(depth.float(), batch['targets'])
    for name, value in whole.items():
        assert terms[name].dtype == torch.float32, name
        torch.testing.assert_close(terms[name], value, rtol=1e-5, atol=0)
    (sum(inside.values()) + sum(terms.values())).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
