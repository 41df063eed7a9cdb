"""W-HMR in world space: where the rotation comes from, and what the wrapped model keeps."""

import pytest
import torch
from torch import nn

from whmr.geometry import pitch_roll_to_rotmat
from whmr.structures import BodyEstimate


class Photos(nn.Module):
    """A calibrator that knows the answer, and counts how many photos it was shown."""

    def __init__(self, pitch=0.3, roll=-0.1):
        super().__init__()
        self.angles = pitch, roll
        self.seen = 0

    def predict(self, photos):
        from whmr.models.cameras import CameraEstimate

        self.seen += len(photos)
        pitch, roll = (torch.full((len(photos),), a) for a in self.angles)
        return CameraEstimate(
            torch.ones(len(photos)), pitch, roll, pitch_roll_to_rotmat(pitch, roll)
        )


class AnyHMR(nn.Module):
    """A model that knows nothing of us but the contract: features, pose and shape, no mesh."""

    def __init__(self, body, dim=12):
        super().__init__()
        self.net = nn.Linear(3, dim)
        self.mean = body.mean_params

    def estimate(self, inputs, metas):
        batch = len(inputs['crop'])
        mean = self.mean
        return BodyEstimate(
            body_feat=self.net(inputs['crop'].mean(dim=(2, 3))),
            global_orient=mean.global_orient.expand(batch, 1, 3, 3),
            body_pose=mean.body_pose.expand(batch, 23, 3, 3),
            betas=mean.betas.expand(batch, -1),
        )


def test_multiplying_by_the_true_rotation_is_exact(make_world, make_batch, body):
    batch = make_batch(3, training=False)
    targets = batch['targets']
    model = make_world(orientation=dict(type='RotationMultiply'), rotation_source='known').eval()
    with torch.inference_mode():
        samples = model(**batch, mode='predict')
    for row, sample in enumerate(samples):
        pred = sample.pred_instances
        rotation = targets.world2cam_rotmat[row]
        torch.testing.assert_close(
            rotation @ pred.global_orient_world[0, 0], pred.global_orient[0, 0]
        )
        # The turned mesh is what the body model says of the turned orientation.
        world = body(pred.betas, pred.global_orient_world, pred.body_pose)
        torch.testing.assert_close(pred.vertices_world, world.vertices, atol=2e-5, rtol=0)
        torch.testing.assert_close(
            pred.joints_world, body.joints49(world.joints), atol=2e-5, rtol=0
        )
        torch.testing.assert_close(sample.pred_camera.world2cam_rotmat[0], rotation)


@pytest.mark.parametrize('kind', ['Uncorrected', 'RotationMultiply', 'OrientCorrect'])
def test_the_camera_space_result_is_not_touched(make_world, make_whmr, make_batch, kind):
    config = dict(type=kind)
    if kind == 'OrientCorrect':
        config.update(feat_dim=67 * 4, hidden_dim=32)
    batch = make_batch(2)
    estimator = make_whmr().eval()
    with torch.inference_mode():
        alone = estimator.estimate(batch['inputs'], batch['metas'])
        inside, _ = make_world(estimator=estimator, orientation=config).eval()(**batch)
    for name, value in vars(alone).items():
        torch.testing.assert_close(getattr(inside, name), value, rtol=0, atol=0)


def test_the_photo_is_read_once_for_all_its_people(make_world, make_batch):
    batch = make_batch(3)
    batch['inputs']['full'] = batch['inputs']['full'][:1]
    batch['metas'].image_index = torch.zeros(3, dtype=torch.int64)
    camera = Photos()
    with torch.inference_mode():
        make_world(camera=camera).eval()(**batch)
    assert camera.seen == 1


def test_a_known_rotation_replaces_the_prediction_row_by_row(make_world, make_batch):
    batch = make_batch(2, training=False)
    camera = Photos()
    model = make_world(camera=camera).eval()
    known = pitch_roll_to_rotmat(torch.tensor(0.5), torch.tensor(0.2))
    batch['metas'].known_world2cam_rotmat = torch.stack([known, torch.full((3, 3), float('nan'))])
    with torch.inference_mode():
        samples = model(**batch, mode='predict')
    torch.testing.assert_close(samples[0].pred_camera.world2cam_rotmat[0], known)
    assert float(samples[0].pred_camera.pitch) == pytest.approx(0.5)
    assert float(samples[1].pred_camera.pitch) == pytest.approx(0.3)
    seen = camera.seen
    batch['metas'].known_world2cam_rotmat = known.expand(2, 3, 3)
    with torch.inference_mode():
        model(**batch, mode='predict')
    assert camera.seen == seen


def test_identity_without_a_camera(make_world, make_batch):
    model = make_world(
        camera=None, rotation_source='none', orientation=dict(type='Uncorrected')
    ).eval()
    batch = make_batch(2)
    with torch.inference_mode():
        estimate, world = model(batch['inputs'], batch['metas'])
    torch.testing.assert_close(world.global_orient_world, estimate.global_orient)
    torch.testing.assert_close(world.vertices_world, estimate.vertices, atol=1e-5, rtol=0)


def test_any_model_that_gives_features_pose_and_shape_can_be_wrapped(make_world, make_batch, body):
    model = make_world(
        estimator=AnyHMR(body),
        orientation=dict(type='OrientCorrect', feat_dim=12, hidden_dim=16, dropout=0.0),
        camera=Photos(),
    )
    batch = make_batch(3)
    losses = model.train()(**batch, mode='loss')
    sum(losses.values()).backward()
    assert model.estimator.net.weight.grad is None
    assert all(p.grad.abs().sum() > 0 for p in model.orientation.parameters())
    with torch.inference_mode():
        samples = model.eval()(**batch, mode='predict')
    assert samples[0].pred_instances.vertices_world.shape == (1, body.num_vertices, 3)


def test_orient_correct_learns_the_camera_rotation(make_world, make_batch, body):
    torch.manual_seed(0)
    model = make_world(
        estimator=AnyHMR(body),
        orientation=dict(type='OrientCorrect', feat_dim=12, hidden_dim=64, dropout=0.0),
        camera=Photos(),
    ).train()
    batch = make_batch(2)
    optimizer = torch.optim.Adam(model.orientation.parameters(), lr=3e-3)
    history = []
    for _ in range(80):
        loss = model(**batch, mode='loss')['loss_pose_world']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(loss))
    assert history[-1] < 0.02 * history[0]


def test_unlabelled_rows_do_not_count(make_world, make_batch):
    model = make_world().train()
    batch = make_batch(4)
    batch['targets'].has_world[:] = torch.tensor([True, False, True, False])
    some = model(**batch, mode='loss')
    batch['targets'].global_orient_world[1] = float('nan')
    batch['targets'].vertices_world[3] = float('nan')
    again = model(**batch, mode='loss')
    for name, value in some.items():
        torch.testing.assert_close(again[name], value)
    batch['targets'].has_world[:] = False
    assert all(float(v) == 0 and v.requires_grad for v in model(**batch, mode='loss').values())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(frozen=('backbone',)), 'backbone'),
        (dict(rotation_source='predict'), 'rotation_source'),
        (dict(camera=None), 'camera'),
        (dict(losses=dict(vertex=None)), 'vertex'),
    ],
)
def test_mistakes_are_refused(make_world, changes, message):
    with pytest.raises(ValueError, match=message):
        make_world(**changes)


def test_the_calibrator_says_that_it_needs_the_photo(make_world, make_batch):
    batch = make_batch(2)
    del batch['inputs']['full']
    with pytest.raises(ValueError, match='ResizeFull'):
        make_world().eval()(**batch)
    with pytest.raises(ValueError, match='known'):
        make_world(rotation_source='known').eval()(batch['inputs'], batch['metas'])


def test_meshes_keep_full_precision_under_autocast(make_world, make_batch):
    batch = make_batch(2, training=False)
    model = make_world(orientation=dict(type='RotationMultiply'), rotation_source='known').eval()
    with torch.inference_mode(), torch.autocast('cpu', dtype=torch.bfloat16):
        estimate, world = model(batch['inputs'], batch['metas'], batch['targets'])
    turn = world.global_orient_world[:, 0] @ estimate.global_orient[:, 0].mT
    pelvis = estimate.joints[:, 8:9]
    expected = (estimate.vertices - pelvis) @ turn.mT + pelvis
    torch.testing.assert_close(world.vertices_world, expected, atol=1e-5, rtol=0)
    assert world.vertices_world.dtype == torch.float32


def test_a_transplant_takes_orientation_from_the_donor_and_the_body_from_the_host(
    make_world, make_whmr, make_batch, body
):
    """Table 7: the world mesh is the host's pose and shape in the donor's orientation."""
    batch = make_batch(2, training=False)
    host, donor = AnyHMR(body), make_whmr()
    config = dict(type='OrientCorrect', feat_dim=67 * 4, hidden_dim=32)
    whole = make_world(estimator=donor, orientation=config, camera=Photos()).eval()
    torch.nn.init.normal_(whole.orientation.decode.weight, std=0.05)
    model = make_world(
        estimator=host, donor=donor, orientation=whole.orientation, camera=Photos()
    ).eval()
    with torch.inference_mode():
        _, theirs = whole(batch['inputs'], batch['metas'])
        alone = host.estimate(batch['inputs'], batch['metas'])
        estimate, world = model(batch['inputs'], batch['metas'])
    torch.testing.assert_close(world.global_orient_world, theirs.global_orient_world)
    for name in ('body_feat', 'global_orient', 'body_pose', 'betas'):
        torch.testing.assert_close(getattr(estimate, name), getattr(alone, name))
    expected = body(estimate.betas, world.global_orient_world, estimate.body_pose)
    torch.testing.assert_close(world.vertices_world, expected.vertices, atol=2e-5, rtol=0)
    torch.testing.assert_close(
        world.joints_world, body.joints49(expected.joints), atol=2e-5, rtol=0
    )
    model.train()
    assert not donor.training and not any(p.requires_grad for p in donor.parameters())


def test_a_transplant_across_topologies_is_refused(make_world, make_whmr, body):
    class OtherBody(nn.Module):
        topology = 'smpl'

    donor = make_whmr()
    donor.body_model = OtherBody()
    with pytest.raises(ValueError, match=r"the donor is made for topology 'smpl'.*'free_body'"):
        make_world(donor=donor)
    with pytest.raises(ValueError, match="the estimator is made for topology 'smpl'"):
        make_world(estimator=donor)


def test_the_global_information_can_be_left_out(make_world, make_batch):
    batch = make_batch(2)
    for global_dim in (0, 5):
        config = dict(type='OrientCorrect', feat_dim=67 * 4, hidden_dim=32, global_dim=global_dim)
        model = make_world(orientation=config, camera=Photos()).eval()
        torch.nn.init.normal_(model.orientation.decode.weight, std=0.05)
        with torch.inference_mode():
            _, _, ready = model.prepare(batch['inputs'], batch['metas'])
            info = ready.global_info
            first = model.turn(ready).global_orient_world
            ready.global_info = info + 0.1
            second = model.turn(ready).global_orient_world
        assert torch.equal(first, second) is (global_dim == 0)
