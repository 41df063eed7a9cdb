"""Which parts of W-HMR each loss term trains, in every stage (W-HMR Sec. 3.4)."""

import pytest
import torch

from whmr.models.estimators import GradFlow

TRUNK = {'backbone', 'neck'}
HEADS = {1: {'extractors.0'}, 2: {'extractors.1'}, 3: {'extractors.2'}}


def groups_with_gradient(model, loss):
    """Names of the module groups that a term's gradient reaches."""
    model.zero_grad()
    loss.backward(retain_graph=True)
    groups = set()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and parameter.grad.abs().max() > 0:
            parts = name.split('.')
            if parts[0] == 'regressors':
                groups.add('.'.join(parts[:2] + parts[2:3]))
            else:
                groups.add('.'.join(parts[:2]) if parts[0] == 'extractors' else parts[0])
    return groups


def step_groups(step, *decoders):
    """The trunk, the extractor of a step, and the named decoders of its regressor."""
    regressor = f'regressors.{step - 1}'
    layers = {f'{regressor}.fc1', f'{regressor}.fc2'}
    return TRUNK | HEADS[step] | layers | {f'{regressor}.decode_{d}' for d in decoders}


def expected(stage, term, step):
    """What spec section 4.1 says."""
    distance = {'focal_head'}
    if term == 'keypoints_2d_crop':
        return step_groups(step, *(('pose', 'betas', 'cam') if stage == 1 else ('cam',)))
    if term == 'keypoints_2d_full':
        return distance if stage == 1 else distance | step_groups(step, 'pose', 'betas')
    return {
        'keypoints_3d': step_groups(step, 'pose', 'betas'),
        'pose': step_groups(step, 'pose'),
        'shape': step_groups(step, 'betas'),
        'vertices': step_groups(step, 'pose', 'betas'),
        'camera': step_groups(step, 'cam'),
        'focal': distance,
    }[term]


@pytest.mark.parametrize('stage', [1, 2])
def test_terms_train_what_the_stage_says(make_whmr, make_batch, stage):
    changes = {} if stage == 1 else {'losses': {**make_whmr_losses(), 'focal': None}}
    model = make_whmr(stage, **changes).train()
    losses = model(**make_batch(), mode='loss')

    names = step_terms(stage)
    auxiliary = {'loss_iuv_u', 'loss_iuv_v', 'loss_iuv_index', 'loss_iuv_annotation', 'loss_depth'}
    assert set(losses) == names | auxiliary

    for name in sorted(names):
        term, step = split_name(name)
        assert groups_with_gradient(model, losses[name]) == expected(stage, term, int(step)), name
    for name in sorted(auxiliary):
        head = 'depth_head' if name == 'loss_depth' else 'iuv_head'
        assert groups_with_gradient(model, losses[name]) == TRUNK | {head}, name


@pytest.mark.parametrize('stage', [1, 2])
def test_terms_of_the_hybrid_train_what_the_stage_says(make_hybrid, make_batch, stage):
    changes = {} if stage == 1 else {'losses': {**make_whmr_losses(), 'focal': None}}
    model = make_hybrid(stage, iuv_head=None, depth_head=None, **changes).train()
    losses = model(**make_batch(), mode='loss')
    assert set(losses) == step_terms(stage)
    for name in sorted(losses):
        term, step = split_name(name)
        known = expected(stage, term, step) if step < 3 else hybrid_expected(stage, term)
        assert groups_with_gradient(model, losses[name]) == known, name


def hybrid_expected(stage, term):
    """What spec section 4.1 says of the vertex regressor's step, which has no pose of its own."""
    mesh = TRUNK | {'extractors.2', 'vertex_regressors'}
    if term == 'keypoints_2d_crop':
        camera = step_groups(2, 'cam')
        return camera | mesh if stage == 1 else camera
    if term == 'keypoints_2d_full':
        return {'focal_head'} | (mesh if stage == 2 else set())
    if term in ('keypoints_3d', 'vertices'):
        return mesh
    return expected(stage, term, 2)


def test_pose_and_shape_of_the_step_before_count_twice(make_hybrid, make_batch):
    model = make_hybrid(1).train()
    losses = model(**make_batch(), mode='loss')
    weight = model.regressors[1].fc1.weight
    for term in ('pose', 'shape', 'camera', 'focal'):
        second, third = losses[f'loss_{term}_s2'], losses[f'loss_{term}_s3']
        assert float(second.detach()) == float(third.detach())
        if term != 'focal':
            one, other = (
                torch.autograd.grad(x, weight, retain_graph=True)[0] for x in (second, third)
            )
            assert torch.equal(one, other) and one.abs().max() > 0


def split_name(name):
    """`loss_vertices_level1_s3` -> ('vertices', 3)."""
    term, step = name.removeprefix('loss_').rsplit('_s', 1)
    return term.split('_level')[0], int(step)


def step_terms(stage):
    """Names of all terms of the three steps."""
    names = {f'loss_{t}_s{s}' for t in STEP_TERMS for s in (1, 2, 3)}
    names |= {f'loss_vertices{level}_s3' for level in ('', '_level1', '_level2')}
    return names | ({f'loss_focal_s{s}' for s in (1, 2, 3)} if stage == 1 else set())


STEP_TERMS = (
    'keypoints_2d_crop',
    'keypoints_2d_full',
    'keypoints_3d',
    'pose',
    'shape',
    'camera',
)


def make_whmr_losses():
    return {
        'keypoints_2d_crop': dict(type='Keypoint2DLoss'),
        'keypoints_2d_full': dict(type='Keypoint2DLoss'),
        'keypoints_3d': dict(type='Keypoint3DLoss'),
        'pose': dict(type='PoseLoss'),
        'shape': dict(type='ShapeLoss'),
        'vertices': dict(type='VertexLoss'),
        'camera': dict(type='CameraScaleLoss'),
    }


def test_distance_trains_the_trunk_in_stage_two_only(make_whmr, make_batch):
    batch = make_batch()
    for stage, reaches in ((1, False), (2, True)):
        model = make_whmr(stage).train()
        distance = model(**batch, mode='tensor').distance
        groups = groups_with_gradient(model, distance.sum())
        assert groups == ({'focal_head'} | TRUNK if reaches else {'focal_head'})


def test_world_terms_train_the_orientation_alone(make_world, make_batch):
    model = make_world().train()
    losses = model(**make_batch(), mode='loss')
    assert set(losses) == {'loss_keypoints_3d_world', 'loss_vertices_world', 'loss_pose_world'}
    for name, loss in losses.items():
        assert groups_with_gradient(model, loss) == {'orientation'}, name
    trainable = {n.split('.')[0] for n, p in model.named_parameters() if p.requires_grad}
    assert trainable == {'orientation'}


def test_frozen_parts_stay_as_they_are_while_the_rest_trains(make_world, make_batch):
    model = make_world().train()
    assert model.orientation.training
    assert not any(m.training for m in (*model.estimator.modules(), *model.camera.modules()))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-2)
    sum(model(**make_batch(), mode='loss').values()).backward()
    optimizer.step()
    changed = {k.split('.')[0] for k, v in model.state_dict().items() if not v.equal(before[k])}
    assert changed == {'orientation'}


def test_unfreezing_the_estimator_lets_gradient_through(make_world, make_batch):
    model = make_world(frozen=('camera',)).train()
    losses = model(**make_batch(), mode='loss')
    assert 'estimator' in groups_with_gradient(model, losses['loss_pose_world'])


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        (dict(crop_2d_to_body=True, full_2d_to_body=False), 'missing entries'),
        (
            dict(
                crop_2d_to_body=True,
                full_2d_to_body=False,
                distance_to_features=False,
                crop_2d_to_bdy=True,
            ),
            'crop_2d_to_bdy',
        ),
        (
            dict(crop_2d_to_body='yes', full_2d_to_body=False, distance_to_features=False),
            'True or False',
        ),
    ],
)
def test_grad_flow_refuses_typos(value, message):
    with pytest.raises(ValueError, match=message):
        GradFlow.build(value)
