"""From lists to batched records: pictures, metas, targets, and what the metrics get."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from whmr.body_models import FreeBody
from whmr.geometry import apply_affine, project_full, square_crop_denormalize
from whmr.models import HMRDataPreprocessor
from whmr.registry import MODELS
from whmr.structures import HMRTargets
from whmr.testing import tiny_batch as make_batch

BODY = FreeBody()


def tiny_batch(num: int, crop_shape: tuple[int, int] = (64, 48), **options) -> dict:
    """A batch whose labels are made with the one body of this file."""
    return make_batch(num, crop_shape, body=BODY, **options)


@pytest.fixture
def body() -> FreeBody:
    return BODY


@pytest.fixture
def preprocessor(body: FreeBody) -> HMRDataPreprocessor:
    return HMRDataPreprocessor(body, render_maps=dict(shape=(32, 24)))


def test_it_is_built_from_a_config() -> None:
    config = dict(type='HMRDataPreprocessor', body_model=dict(type='FreeBody'))
    built = MODELS.build(config)
    assert isinstance(built.body_model, FreeBody)
    assert not built.state_dict()  # body data never gets into a checkpoint


def test_pictures_are_stacked_and_normalised(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(3, full_side=60)
    out = preprocessor(batch)['inputs']
    assert out['crop'].shape == (3, 3, 64, 48)
    mean = torch.tensor([123.675, 116.28, 103.53])
    std = torch.tensor([58.395, 57.12, 57.375])
    pictures = [(batch['inputs']['crop'], out['crop']), (batch['inputs']['full'], out['full'])]
    for raw, made in pictures:
        for one, other in zip(raw, made):
            rgb = one.flip(0).permute(1, 2, 0).float()
            assert torch.allclose(other.permute(1, 2, 0), (rgb - mean) / std, atol=1e-5)
    bgr = HMRDataPreprocessor(mean=(0, 0, 0), std=(1, 1, 1), bgr_to_rgb=False)(batch)
    assert torch.equal(bgr['inputs']['crop'][0], batch['inputs']['crop'][0].float())
    assert 'full' not in preprocessor(tiny_batch(2))['inputs']


def test_metas_follow_from_the_samples(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(3, train=True)
    metas = preprocessor(batch)['metas']
    assert metas.crop_shape == (64, 48)
    assert metas.full_shape.tolist() == [[120, 160]] * 3
    assert metas.image_index.tolist() == [0, 1, 2]
    assert metas.known_focal_length is None
    assert metas.known_world2cam_rotmat is None
    for index, sample in enumerate(batch['data_samples']):
        assert np.allclose(metas.crop2full[index], sample.crop2full, atol=1e-4)
        middle = sample.crop2full @ (24, 32, 1)
        assert np.allclose(metas.bbox_center[index], middle, atol=1e-3)
        assert metas.bbox_size[index].item() == pytest.approx(sample.crop2full[0, 0] * 64)


def test_several_people_of_one_photo(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(3, full_side=60)
    batch['inputs']['full'] = batch['inputs']['full'][:2]
    with pytest.raises(ValueError, match='3 samples have 2 full image'):
        preprocessor(batch)
    for sample, index in zip(batch['data_samples'], (0, 1, 1)):
        sample.set_metainfo(dict(image_index=index))
    out = preprocessor(batch)
    assert out['metas'].image_index.tolist() == [0, 1, 1]
    assert len(out['inputs']['full']) == 2


def test_known_cameras(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(3, labelled=False)
    batch['data_samples'][0].camera = InstanceData(focal_length=torch.tensor([500.0]))
    batch['data_samples'][2].camera = InstanceData(world2cam_rotmat=torch.eye(3)[None])
    metas = preprocessor(batch)['metas']
    assert metas.known_focal_length[0] == 500
    assert metas.known_focal_length[1:].isnan().all()
    assert torch.equal(metas.known_world2cam_rotmat[2], torch.eye(3))
    assert metas.known_world2cam_rotmat[:2].isnan().all()


@pytest.mark.parametrize('train', [False, True])
def test_targets_describe_one_body(
    preprocessor: HMRDataPreprocessor, body: FreeBody, train: bool
) -> None:
    batch = tiny_batch(4, train=train)
    out = preprocessor(batch, training=True)
    targets, metas = out['targets'], out['metas']
    again = body(targets.betas, targets.global_orient, targets.body_pose)
    assert torch.equal(targets.vertices, again.vertices)
    full = project_full(
        body.joints49(again.joints),
        targets.cam_t,
        targets.focal_length,
        metas.full_shape,
        torch.stack([s.gt_camera.intrinsics[0, :2, 2] for s in batch['data_samples']]),
    )
    size = metas.full_shape.flip(-1)[:, None]
    assert torch.allclose((targets.keypoints_2d_full + 1) / 2 * size, full, atol=2e-2)
    crop = square_crop_denormalize(targets.keypoints_2d_crop, metas.crop_shape)
    assert torch.allclose(apply_affine(metas.crop2full, crop), full, atol=2e-2)
    for name in ('has_smpl', 'has_world', 'has_world2cam', 'has_cam_t', 'has_focal_length'):
        assert getattr(targets, name).all()
    assert (targets.keypoints_2d_conf == 1).all()


@pytest.mark.parametrize('train', [False, True])
def test_world_meshes_are_the_second_pass_of_the_body(
    preprocessor: HMRDataPreprocessor, body: FreeBody, train: bool
) -> None:
    targets = preprocessor(tiny_batch(3, train=train), training=True)['targets']
    world = body(targets.betas, targets.global_orient_world, targets.body_pose)
    assert torch.allclose(targets.vertices_world, world.vertices, atol=1e-5)
    assert torch.allclose(targets.joints_world, body.joints49(world.joints), atol=1e-5)


def test_missing_labels_are_zeros(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(3)
    first, second = batch['data_samples'][:2]
    for name in ('global_orient', 'body_pose', 'betas', 'global_orient_world', 'cam_t'):
        first.gt_instances[name] = torch.zeros_like(first.gt_instances[name])
    for name in ('has_smpl', 'has_world', 'has_cam_t'):
        first.gt_instances[name] = torch.tensor([False])
    del second.gt_instances
    del second.gt_camera
    whole = preprocessor(tiny_batch(3), training=True)['targets']
    targets = preprocessor(batch, training=True)['targets']
    assert targets.has_smpl.tolist() == [False, False, True]
    assert targets.has_world2cam.tolist() == [True, False, True]
    for name in ('vertices', 'vertices_world', 'joints_world'):
        assert not getattr(targets, name)[:2].any()
        assert torch.allclose(getattr(targets, name)[2], getattr(whole, name)[2], atol=1e-6)
    assert targets.keypoints_2d_conf[0].all()
    assert not targets.keypoints_2d_conf[1].any()
    for field in fields(HMRTargets):
        value = getattr(targets, field.name)
        assert torch.isfinite(value).all(), field.name
        assert len(value) == 3


def test_a_batch_without_any_label_works(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(2)
    for sample in batch['data_samples']:
        for name in list(sample.gt_instances.all_keys()):
            value = sample.gt_instances[name]
            sample.gt_instances[name] = torch.zeros_like(value)
        sample.gt_camera = InstanceData(
            intrinsics=torch.zeros(1, 3, 3), has_focal_length=torch.tensor([False])
        )
    targets = preprocessor(batch, training=True)['targets']
    for field in fields(HMRTargets):
        value = getattr(targets, field.name)
        if field.name.startswith('has_'):
            assert value.dtype == torch.bool
            assert not value.any()
        assert torch.isfinite(value).all()
    assert not targets.iuv_index.any()


def test_inference_has_no_targets(preprocessor: HMRDataPreprocessor) -> None:
    out = preprocessor(tiny_batch(2, labelled=False, full_side=60))
    assert out['targets'] is None
    assert len(out['data_samples']) == 2
    assert 'gt_instances' not in out['data_samples'][0]


def test_metrics_get_the_meshes_only_when_not_training(preprocessor: HMRDataPreprocessor) -> None:
    training = preprocessor(tiny_batch(2), training=True)
    assert 'vertices' not in training['data_samples'][0].gt_instances
    targets = training['targets']
    testing = preprocessor(tiny_batch(2))
    for index, sample in enumerate(testing['data_samples']):
        labels = sample.gt_instances
        assert torch.equal(labels.vertices[0], targets.vertices[index])
        assert torch.equal(labels.vertices_world[0], targets.vertices_world[index])
        assert torch.equal(labels.joints_world[0], targets.joints_world[index])
        pelvis = labels.joints[:, 8:9]  # op_mid_hip is the model's pelvis
        assert torch.allclose(labels.joints - pelvis, labels.keypoints_3d, atol=1e-5)
        assert labels.vertices.shape == (1, 6890, 3)
        assert labels.joints.shape == labels.joints_world.shape == (1, 49, 3)
    assert testing['targets'].iuv_index is None


def test_keypoints_3d_are_never_made_up(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(2)
    labels = batch['data_samples'][0].gt_instances
    labels.has_keypoints_3d = torch.tensor([False])
    labels.keypoints_3d = torch.zeros(1, 49, 3)
    targets = preprocessor(batch, training=True)['targets']
    assert targets.has_keypoints_3d.tolist() == [False, True]
    assert not targets.keypoints_3d[0].any()
    assert targets.has_smpl.all()


def test_a_row_does_not_depend_on_its_batch(preprocessor: HMRDataPreprocessor) -> None:
    whole = preprocessor(tiny_batch(3), training=True)
    batch = tiny_batch(3)
    alone = {
        'inputs': {'crop': batch['inputs']['crop'][1:2]},
        'data_samples': batch['data_samples'][1:2],
    }
    single = preprocessor(alone, training=True)
    for field in fields(HMRTargets):
        one, many = getattr(single['targets'], field.name), getattr(whole['targets'], field.name)
        assert torch.allclose(one[0].float(), many[1].float(), atol=1e-5), field.name
    assert torch.equal(single['inputs']['crop'][0], whole['inputs']['crop'][1])


def test_foreign_labels_are_refused(preprocessor: HMRDataPreprocessor) -> None:
    batch = tiny_batch(2)
    batch['data_samples'][1].set_metainfo(dict(topology='smpl'))
    with pytest.raises(ValueError, match=r"the label of 0001\.png is made for topology 'smpl'"):
        preprocessor(batch)
    batch['data_samples'][1].gt_instances.has_smpl = torch.tensor([False])
    preprocessor(batch)  # keypoints have no topology


def test_gendered_labels_need_gendered_bodies(body: FreeBody) -> None:
    batch = tiny_batch(2)
    batch['data_samples'][1].set_metainfo(dict(gender='male'))
    with pytest.raises(ValueError, match='belongs to the male body: give gendered_body_models'):
        HMRDataPreprocessor(body)(batch)
    male = FreeBody()
    male.v_template.mul_(1.1)
    male.j_template.mul_(1.1)
    targets = HMRDataPreprocessor(body, gendered_body_models=dict(male=male))(batch)['targets']
    plain = HMRDataPreprocessor(body)(tiny_batch(2))['targets']
    assert torch.allclose(targets.vertices[0], plain.vertices[0], atol=1e-6)
    taller = np.ptp(targets.vertices[1].numpy(), axis=0) / np.ptp(plain.vertices[1].numpy(), axis=0)
    assert (taller > 1.05).all()


def test_camera_only_batches_need_no_body() -> None:
    batch = tiny_batch(2, full_side=60)
    del batch['inputs']['crop']
    out = HMRDataPreprocessor()(batch, training=True)
    assert out['inputs'].keys() == {'full'}
    assert out['targets'].vertices.shape == (2, 0, 3)
    assert out['targets'].has_world2cam.all()
    assert out['metas'].crop_shape == (120, 160)
    assert torch.equal(out['metas'].crop2full[0], torch.eye(3)[:2])


def test_more_or_fewer_betas(body: FreeBody) -> None:
    batch = tiny_batch(2)
    with pytest.raises(ValueError, match='uses only 4: build it with num_betas=10'):
        HMRDataPreprocessor(FreeBody(num_betas=4))(batch)
    for sample in batch['data_samples']:
        sample.gt_instances.betas[:, 4:] = 0
    targets = HMRDataPreprocessor(FreeBody(num_betas=4))(batch)['targets']
    assert targets.betas.shape == (2, 4)
    assert torch.allclose(
        targets.vertices, HMRDataPreprocessor(body)(batch)['targets'].vertices, atol=1e-5
    )


def test_mistakes_are_named(body: FreeBody) -> None:
    with pytest.raises(ValueError, match='need a body_model'):
        HMRDataPreprocessor(render_maps=dict(shape=(8, 8)))
    with pytest.raises(ValueError, match='3 numbers, std positive'):
        HMRDataPreprocessor(std=(1, 0, 1))
    with pytest.raises(ValueError, match="'male' and 'female'"):
        HMRDataPreprocessor(body, gendered_body_models=dict(neutral=body))
    batch = tiny_batch(2)
    batch['inputs']['crop'][1] = batch['inputs']['crop'][1][:, :32]
    with pytest.raises(ValueError, match='use one crop_shape'):
        HMRDataPreprocessor(body)(batch)
    batch = tiny_batch(2)
    batch['data_samples'][0].gt_instances.betas = torch.zeros(1, 11)
    with pytest.raises(ValueError, match=r'gt_instances\.betas must have shape \(1, 10\)'):
        HMRDataPreprocessor(body)(batch)


@pytest.mark.gpu
def test_the_device_makes_no_difference(body: FreeBody) -> None:
    batch = tiny_batch(3, full_side=60)
    cpu = HMRDataPreprocessor(body, render_maps=dict(shape=(32, 24)))
    reference = cpu(batch, training=True)
    device = torch.device('cuda', 0)
    found = HMRDataPreprocessor(FreeBody(), render_maps=dict(shape=(32, 24))).to(device)(
        tiny_batch(3, full_side=60), training=True
    )
    assert found['inputs']['crop'].device == found['metas'].crop2full.device == device
    assert found['inputs']['full'][0].device == device
    for field in fields(HMRTargets):
        one, other = (
            getattr(found['targets'], field.name),
            getattr(reference['targets'], field.name),
        )
        assert one.device == device
        close = torch.isclose(one.cpu().float(), other.float(), atol=1e-3)
        assert close.float().mean() > 0.999, field.name
