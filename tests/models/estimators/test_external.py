"""ExternalHMR: foreign models, read by description, and what it says where the description errs."""

import sys
from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from whmr.engine.checkpoint import CheckpointError
from whmr.engine.config import load_config
from whmr.engine.embedded import use_embedded
from whmr.geometry import axis_angle_to_rotmat, rotmat_to_axis_angle, rotmat_to_rot6d
from whmr.models import ExternalHMR
from whmr.models.estimators import ExternalModelError
from whmr.registry import MODELS
from whmr.testing import tiny_batch

EXAMPLES = Path(__file__).resolve().parents[3] / 'examples'


class Foreign(nn.Module):
    """Returns what it is told to; its feature is the mean colour."""

    def __init__(self, answer=None):
        super().__init__()
        self.stem = nn.Identity()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.idle = nn.Identity()
        self.scale = nn.Parameter(torch.ones(()))
        self.answer = answer
        self.got = None

    def forward(self, *args, **named):
        self.got = args, named
        batch = args[0] if args else named['img']
        image = batch['img'] if isinstance(batch, dict) else batch
        self.pool(self.stem(image))
        return self.answer


@pytest.fixture
def truth():
    return {
        'pose': axis_angle_to_rotmat(torch.randn(3, 24, 3)),
        'betas': torch.randn(3, 10),
        'cam_t': torch.randn(3, 3) + torch.tensor([0.0, 0.0, 5.0]),
        'focal_length': torch.rand(3) * 500 + 500,
    }


@pytest.fixture
def make(body):
    def make(answer, outputs, **changes):
        options = {'feature': 'pool', 'feature_pool': 'flatten', 'outputs': outputs, **changes}
        return ExternalHMR(body, Foreign(answer), **options).eval()

    return make


@pytest.fixture
def batch(make_batch):
    return make_batch(3, training=False)


PLAIN = dict(pose='pose', betas='betas', cam_t='cam_t', focal_length='focal_length')


def run(model, batch):
    with torch.inference_mode():
        return model.estimate(batch['inputs'], batch['metas'])


def assert_is(estimate, truth):
    torch.testing.assert_close(estimate.global_orient, truth['pose'][:, :1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(estimate.body_pose, truth['pose'][:, 1:], atol=1e-5, rtol=1e-5)
    for name in ('betas', 'cam_t', 'focal_length'):
        torch.testing.assert_close(getattr(estimate, name), truth[name])


def columns_of(rotmat):
    return torch.cat([rotmat[..., 0], rotmat[..., 1]], dim=-1)


@pytest.mark.parametrize(
    ('format', 'encode'),
    [
        ('rotmat', lambda r: r),
        ('rotmat', lambda r: r.flatten(1)),
        ('axis_angle', lambda r: rotmat_to_axis_angle(r).flatten(1)),
        ('rot6d', rotmat_to_rot6d),
        ('rot6d_columns', columns_of),
    ],
)
def test_formats(make, batch, truth, body, format, encode):
    answer = {**truth, 'pose': encode(truth['pose'])}
    model = make(answer, {**PLAIN, 'pose': dict(path='pose', format=format)})
    estimate = run(model, batch)
    assert_is(estimate, truth)
    posed = body(truth['betas'], truth['pose'][:, :1], truth['pose'][:, 1:])
    torch.testing.assert_close(estimate.vertices, posed.vertices, atol=1e-4, rtol=0)
    torch.testing.assert_close(estimate.distance, truth['cam_t'][:, 2])
    expected = batch['inputs']['crop'].mean(dim=(2, 3))
    torch.testing.assert_close(estimate.body_feat, expected)


def test_opengl_axes_and_units(make, batch, truth, body):
    """The same people, told by a camera with y up that looks along -z, in centimetres."""
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    answer = {
        'root': flip @ truth['pose'][:, 0],
        'rest': truth['pose'][:, 1:],
        'betas': truth['betas'],
        'cam_t': 100 * truth['cam_t'] @ flip,
        'focal_length': truth['focal_length'][:, None],
        'cam': torch.tensor([[0.9, 0.1, -0.2]]).expand(3, -1),
    }
    outputs = dict(
        global_orient='root',
        body_pose='rest',
        betas='betas',
        cam_t=dict(path='cam_t', unit='cm'),
        focal_length='focal_length',
        weak_cam='cam',
    )
    estimate = run(make(answer, outputs, axes='opengl'), batch)
    assert_is(estimate, truth)
    torch.testing.assert_close(estimate.weak_cam[0], torch.tensor([0.9, 0.1, 0.2]))


def test_nested_outputs_and_columns(make, batch, truth):
    class Result:
        def __init__(self):
            self.people = [
                torch.cat([rotmat_to_rot6d(truth['pose']).flatten(1), truth['betas']], 1)
            ]

    answer = (None, {'out': Result(), 'cam': (truth['cam_t'], truth['focal_length'])})
    outputs = dict(
        pose=dict(path='1.out.people.0', columns=(0, 144), format='rot6d'),
        betas=dict(path='-1.out.people.-1', columns=[144, 154]),
        cam_t='1.cam.0',
        focal_length='1.cam.1',
    )
    assert_is(run(make(answer, outputs), batch), truth)


def test_a_weak_camera_becomes_the_full_one(make, batch, truth):
    answer = {**truth, 'cam': torch.tensor([[0.8, 0.1, 0.2]]).expand(3, -1)}
    model = make(answer, dict(pose='pose', betas='betas', weak_cam='cam'))
    estimate = run(model, batch)
    metas = batch['metas']
    torch.testing.assert_close(estimate.focal_length, metas.full_shape.norm(dim=1))
    torch.testing.assert_close(
        estimate.cam_t[:, 2], 2 * estimate.focal_length / (0.8 * metas.bbox_size)
    )
    samples = model(**batch, mode='predict')
    assert samples[2].pred_instances.keypoints_2d.shape == (1, 49, 2)


@pytest.mark.parametrize('way', ['list', 'keywords', 'dict'])
def test_inputs(make, batch, truth, way):
    names = {'img': 'crop', 'where': 'bbox_center', 'info': 'global_info'}
    inputs = list(names.values()) if way == 'list' else names
    model = make(truth, PLAIN, inputs=inputs, as_dict=way == 'dict', input_shape=(20, 30))
    run(model, batch)
    args, named = model.model.got
    got = args if way == 'list' else list((args[0] if way == 'dict' else named).values())
    assert got[0].shape == (3, 3, 20, 30)
    torch.testing.assert_close(got[1], batch['metas'].bbox_center)
    assert got[2].shape == (3, 5)


@pytest.mark.parametrize(
    ('feature', 'pool', 'expected'),
    [
        ('pool', 'mean', lambda crop: crop.mean(dim=(2, 3))),
        ('stem', 'mean', lambda crop: crop.mean(dim=(2, 3))),
        ('stem', 'flatten', lambda crop: crop.flatten(1)),
    ],
)
def test_features(make, batch, truth, feature, pool, expected):
    model = make(truth, PLAIN, feature=feature, feature_pool=pool)
    torch.testing.assert_close(run(model, batch).body_feat, expected(batch['inputs']['crop']))


@pytest.mark.parametrize(
    ('outputs', 'message'),
    [
        (
            dict(PLAIN, pose='rotmat'),
            r"'rotmat' is not there.*the output has: pose \(3, 24, 3, 3\)",
        ),
        (dict(PLAIN, betas='pose.x'), "'x' is not there"),
        (dict(PLAIN, pose=dict(path='pose', format='rot6d')), '24 joints as rot6d are 144'),
        (dict(PLAIN, betas='cam_t'), r'expected \(B, 10\).*betas \(3, 10\)'),
        (dict(PLAIN, betas=dict(path='betas', columns=(5, 15))), 'columns'),
        (dict(PLAIN, betas='single'), r'there are 3 people'),
        (dict(PLAIN, betas='name'), 'a str, not a tensor'),
        (dict(PLAIN, focal_length='betas'), r'expected \(B\)'),
    ],
)
def test_a_wrong_output_shows_what_is_there(make, batch, truth, outputs, message):
    answer = {**truth, 'single': torch.zeros(1, 10), 'name': 'theirs'}
    with pytest.raises(ExternalModelError, match=message):
        run(make(answer, outputs), batch)


def test_wrong_features_show_what_is_there(make, batch, truth):
    with pytest.raises(ExternalModelError, match=r"'pol'.*it has pool, stem, idle"):
        make(truth, PLAIN, feature='pol')
    with pytest.raises(ExternalModelError, match=r"'idle': the model did not call.*stem"):
        run(make(truth, PLAIN, feature='idle'), batch)
    with pytest.raises(ExternalModelError, match=r'shape \(3, 3, 1, 1\).*flatten'):
        run(make(truth, PLAIN, feature_pool='none'), batch)
    with pytest.raises(ExternalModelError, match='nothing lies at'):
        run(make(truth, PLAIN, feature_path='0'), batch)


@pytest.mark.parametrize(
    ('model', 'model_args', 'message'),
    [
        ('no_such_package.x:Y', {}, 'PYTHONPATH'),
        ('timm:create_modle', {}, 'it has create_model'),
        ('timm.models:ResNet', dict(blocks=3), r'it takes \('),
        ('Foreign', {}, "expected 'package.module:Class'"),
        ('pathlib:Path', {}, 'no torch module'),
    ],
)
def test_a_wrong_import_path_shows_what_is_there(body, model, model_args, message):
    with pytest.raises(ExternalModelError, match=message):
        ExternalHMR(body, model, model_args=model_args, feature='x', outputs=PLAIN)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(axes='unity'), 'axes'),
        (dict(feature_pool='max'), 'feature_pool'),
        (dict(inputs=('image',)), 'inputs'),
        (dict(as_dict=True), 'as_dict'),
        (dict(outputs=dict(pose='pose')), 'betas'),
        (dict(outputs=dict(PLAIN, body_pose='pose')), 'either `pose`'),
        (dict(outputs=dict(PLAIN, vertices='v')), 'vertices'),
        (dict(outputs=dict(PLAIN, pose=dict(path='', format='euler'))), 'euler'),
        (dict(outputs=dict(PLAIN, cam_t=dict(path='', unit='inch'))), 'inch'),
    ],
)
def test_wrong_settings_are_refused(make, truth, changes, message):
    outputs = changes.pop('outputs', PLAIN)
    with pytest.raises(ValueError, match=message):
        make(truth, outputs, **changes)


def test_weights_are_read_without_code_and_must_fit(body, tmp_path, truth):
    source = Foreign()
    nn.init.constant_(source.scale, 7.0)
    torch.save(
        {'model': {f'net.{k}': v for k, v in source.state_dict().items()}}, tmp_path / 'a.pt'
    )

    def load(name, **options):
        model = ExternalHMR(
            body,
            Foreign(),
            feature='pool',
            outputs=PLAIN,
            init_cfg=dict(
                type='StrictPretrained',
                checkpoint=str(tmp_path / name),
                prefix='model',
                foreign=True,
                **options,
            ),
        )
        model.init_weights()
        return model.model.scale.item()

    assert load('a.pt', source_prefix='net.') == 7.0
    with pytest.raises(CheckpointError, match='missing'):
        load('a.pt')
    torch.save(source, tmp_path / 'b.pt')  # a pickled object, not weights
    with pytest.raises(CheckpointError, match='refused'):
        load('b.pt')


def test_a_feature_of_another_width_is_refused(make, make_world, batch, truth):
    world = make_world(
        estimator=make(truth, PLAIN),
        orientation=dict(type='OrientCorrect', feat_dim=12, hidden_dim=16),
    ).eval()
    with pytest.raises(ValueError, match=r'must have shape \(\*, 12\), got \(3, 3\).*set feat_dim'):
        world(batch['inputs'], batch['metas'])


@pytest.mark.parametrize('name', ['theirs', 'timm'])
def test_examples_train(monkeypatch, name):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, 'external_model', raising=False)
    cfg, _ = use_embedded(load_config(EXAMPLES / 'external_model' / f'orient_correct_on_{name}.py'))
    model = MODELS.build(cfg.model).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    wrapper = OptimWrapper(torch.optim.Adam(model.orientation.parameters(), lr=1e-3))
    data = tiny_batch(2, (192, 160), full_side=64)
    losses = [model.train_step(data, wrapper)['loss'].item() for _ in range(3)]
    assert losses[-1] < losses[0]
    changed = {
        k.split('.')[0] for k, v in model.state_dict().items() if not torch.equal(v, before[k])
    }
    assert changed == {'orientation'}
    with torch.inference_mode():
        samples = model.eval().val_step(data)
    assert samples[0].pred_instances.vertices_world.shape == (1, 6890, 3)
