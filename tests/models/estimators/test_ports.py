"""HMR, CLIFF and HMR2: other people's models on our parts."""

import pytest
import torch

from whmr.geometry import project_full
from whmr.models import CLIFF, HMR, HMR2
from whmr.models.estimators.cliff import box_info

BACKBONE = dict(type='TimmBackbone', model_name='resnet18')
LOSSES = dict(
    keypoints_2d_crop=dict(type='Keypoint2DLoss'),
    keypoints_3d=dict(type='Keypoint3DLoss'),
    pose=dict(type='PoseLoss'),
    shape=dict(type='ShapeLoss'),
)
ITERATIVE = dict(type='IterativeRegressor', feat_dim=512, hidden_dim=32, dropout=0.0)
PORTS = {
    HMR: dict(head=ITERATIVE),
    CLIFF: dict(
        head=dict(ITERATIVE, extra_dim=3),
        full_2d_to_camera=True,
        losses=dict(LOSSES, keypoints_2d_full=dict(type='Keypoint2DLoss')),
    ),
    HMR2: dict(
        head=dict(
            type='QueryDecoderHead', context_dim=512, dim=32, depth=2, num_heads=4, mlp_dim=32
        )
    ),
}
each_port = pytest.mark.parametrize('kind', PORTS, ids=lambda kind: kind.__name__)


@pytest.fixture
def make_port(body):
    def make(kind, **changes):
        torch.manual_seed(0)
        model = kind(body, BACKBONE, **{'losses': LOSSES, **PORTS[kind], **changes})
        for layer in (model.head.decpose, model.head.decshape, model.head.deccam):
            torch.nn.init.normal_(layer.weight, std=0.01)
        return model

    return make


@each_port
def test_every_loss_is_there_and_every_parameter_learns(make_port, make_batch, kind):
    model = make_port(kind).train()
    losses = model(**make_batch(3), mode='loss')
    assert set(losses) == {f'loss_{name}_s1' for name in model.mesh_loss.terms}
    sum(losses.values()).backward()
    # timm starts each residual block at zero: its stem and last norms stand for the backbone.
    blocks = ('backbone.model.layer',)
    learning = {n: p.grad for n, p in model.named_parameters() if not n.startswith(blocks)}
    idle = [name for name, grad in learning.items() if grad is None or not grad.abs().any()]
    assert not idle


@each_port
def test_it_learns_a_tiny_set(make_port, make_batch, kind):
    model = make_port(kind).eval()  # BatchNorm of two samples would only add noise
    batch = make_batch(2)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=5e-3)
    history = []
    for _ in range(12):
        loss = sum(model(**batch, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.75 * history[0]


@each_port
def test_a_row_does_not_depend_on_its_batch(make_port, make_batch, kind):
    model = make_port(kind).eval()
    batch = make_batch(3, training=False)
    with torch.inference_mode():
        whole = model.estimate(batch['inputs'], batch['metas'])
        row = model.estimate({'crop': batch['inputs']['crop'][1:2]}, batch['metas'][1:2])
    for name, value in vars(row).items():
        if value is not None:
            torch.testing.assert_close(value, getattr(whole, name)[1:2], atol=1e-4, rtol=1e-4)


@each_port
def test_the_full_camera_sees_what_the_crop_camera_sees(make_port, make_batch, kind):
    """The pelvis' projection in the photo lies where the crop's weak camera puts it."""
    model = make_port(kind).eval()
    batch = make_batch(2, training=False)
    metas = batch['metas']
    with torch.inference_mode():
        samples = model(**batch, mode='predict')
        out = model.estimate(batch['inputs'], metas)
        origin = project_full(torch.zeros(2, 1, 3), out.cam_t, out.focal_length, metas.full_shape)
    torch.testing.assert_close(out.focal_length, metas.full_shape.norm(dim=1))
    s, txy = out.weak_cam[:, :1], out.weak_cam[:, 1:]
    expected = metas.bbox_center + 0.5 * s * metas.bbox_size[:, None] * txy
    torch.testing.assert_close(origin[:, 0], expected, atol=1e-2, rtol=1e-4)
    assert samples[0].pred_instances.vertices.shape == (1, model.body_model.num_vertices, 3)


@each_port
def test_orient_correct_attaches(make_port, make_world, make_batch, kind):
    model = make_port(kind)
    dim = 32 if kind is HMR2 else 512
    world = make_world(
        estimator=model, orientation=dict(type='OrientCorrect', feat_dim=dim, hidden_dim=16)
    ).train()
    losses = world(**make_batch(2), mode='loss')
    sum(losses.values()).backward()
    assert all(p.grad is None for p in world.estimator.parameters())
    assert all(p.grad.abs().sum() > 0 for p in world.orientation.parameters())


def test_box_info_is_angles_from_the_optical_axis(make_batch):
    metas = make_batch(2)['metas']
    info = box_info(metas)
    focal = metas.full_shape.norm(dim=1)
    middle = metas.full_shape.flip(-1) / 2
    torch.testing.assert_close(info[:, :2] * focal[:, None] + middle, metas.bbox_center)
    torch.testing.assert_close(info[:, 2] * focal, metas.bbox_size)
    metas.known_focal_length = torch.tensor([500.0, float('nan')])
    again = box_info(metas)
    torch.testing.assert_close(again[0], info[0] * focal[0] / 500)
    torch.testing.assert_close(again[1], info[1])


def test_cliff_reads_where_the_crop_lies_and_hmr_does_not(make_port, make_batch):
    batch = make_batch(2, training=False)
    moved = {**batch, 'metas': batch['metas'][:]}
    moved['metas'].crop2full = moved['metas'].crop2full.clone()
    moved['metas'].crop2full[:, 0, 2] += 40.0
    for kind, changes in ((HMR, False), (CLIFF, True)):
        model = make_port(kind).eval()
        with torch.inference_mode():
            first, second = (
                model.estimate(b['inputs'], b['metas']).global_orient for b in (batch, moved)
            )
        assert (not torch.equal(first, second)) is changes


@pytest.mark.parametrize('reaches', [True, False])
def test_the_full_images_loss_reaches_cliffs_camera(make_port, make_batch, reaches):
    model = make_port(
        CLIFF,
        head=dict(ITERATIVE, extra_dim=3, num_iters=1),
        losses=dict(keypoints_2d_full=dict(type='Keypoint2DLoss')),
        full_2d_to_camera=reaches,
    ).train()
    sum(model(**make_batch(2), mode='loss').values()).backward()
    grad = model.head.deccam.weight.grad
    assert bool(grad is not None and grad.abs().sum() > 0) is reaches


def test_what_a_mode_lacks_is_named(make_port, make_batch):
    model = make_port(HMR, losses=None)
    batch = make_batch(2)
    with pytest.raises(ValueError, match='losses'):
        model(**batch, mode='loss')
    with pytest.raises(ValueError, match='mode='):
        model(**batch, mode='train')
