"""Cached batches, in the place of photos."""

import pytest
import torch
from mmengine.registry import init_default_scope

from whmr.body_models import FreeBody
from whmr.models import HMRDataPreprocessor, ReplayDataPreprocessor
from whmr.models.replay_preprocessor import pack, unpack
from whmr.structures import BodyEstimate, OrientationInputs
from whmr.testing import tiny_batch


@pytest.fixture(scope='module')
def body():
    return FreeBody()


@pytest.fixture(scope='module')
def scene(body):
    """A preprocessor, its batch, and an estimate that is not the label."""
    init_default_scope('whmr')
    plain = HMRDataPreprocessor(body)
    batch = plain(tiny_batch(3, body=body), True)
    targets = batch['targets']
    targets.has_world[1] = False
    rotmat = targets.body_pose.flip(0)
    posed = body(targets.betas, targets.global_orient, rotmat)
    ready = OrientationInputs(
        body_feat=torch.randn(3, 7),
        global_info=torch.randn(3, 5),
        world2cam_rotmat=targets.world2cam_rotmat,
        global_orient=targets.global_orient.flip(0),
        own_global_orient=targets.global_orient,
        vertices=posed.vertices,
        joints=body.joints49(posed.joints),
    )
    estimate = BodyEstimate(ready.body_feat, ready.global_orient, rotmat, targets.betas)
    return plain, targets, ready, estimate


@pytest.mark.parametrize('meshes', [True, False])
def test_what_is_packed_comes_back(scene, meshes):
    plain, targets, ready, estimate = scene
    fields = pack(ready, estimate, targets, meshes=meshes)
    assert ('input.vertices' in fields) is meshes
    assert all(value.dtype == torch.float32 for value in fields.values())
    assert torch.equal(fields['label.world2cam_rotmat'], targets.world2cam_rotmat)
    samples = {name: list(value) for name, value in fields.items()}
    batch = ReplayDataPreprocessor(plain)({'inputs': {'cached': samples}}, True)
    again, labels = batch['inputs']['orientation'], batch['targets']
    for name, value in vars(ready).items():
        torch.testing.assert_close(getattr(again, name), value, atol=1e-5, rtol=0)
    assert labels.has_world.tolist() == [True, False, True]
    for name in ('global_orient_world', 'vertices_world', 'joints_world'):
        rows = labels.has_world  # where nothing is known, nothing is looked at
        torch.testing.assert_close(
            getattr(labels, name)[rows], getattr(targets, name)[rows], atol=2e-5, rtol=0
        )


def test_flags_and_parameters_do_not_mix(scene, body):
    _, targets, ready, estimate = scene
    fields = pack(ready, estimate, targets, meshes=False)
    fields['estimate.betas'] = fields['estimate.betas'] + 1
    changed, labels = unpack(fields, body)
    assert (changed.vertices - ready.vertices).abs().max() > 1e-3
    rows = labels.has_world
    torch.testing.assert_close(
        labels.vertices_world[rows], targets.vertices_world[rows], atol=2e-5, rtol=0
    )


def test_photos_go_to_the_other_preprocessor(scene, body):
    plain, *_ = scene
    data = tiny_batch(2, body=body)
    batch = ReplayDataPreprocessor(plain)(data, False)
    expected = plain(data, False)
    torch.testing.assert_close(batch['inputs']['crop'], expected['inputs']['crop'])
    assert batch['data_samples'][0].gt_instances.vertices.shape == (1, body.num_vertices, 3)
