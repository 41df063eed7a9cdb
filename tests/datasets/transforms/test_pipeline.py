"""The whole training pipeline at once, from a row to a packed sample."""

import numpy as np
import pytest
import torch

from whmr.body_models import FreeBody
from whmr.testing import TinyDataset

PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetBox', padding=1.2),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRoll', prob=0.6, sigma_deg=30),
    dict(type='RandomBoxScale'),
    dict(type='RandomBoxShift'),
    dict(type='CropPerson', crop_shape=(64, 48)),
    dict(type='ResizeFull', short_side=90),
    dict(type='PhotometricJitter', channel_gain=(0.6, 1.4), blur_prob=0.3, jpeg_prob=0.3),
    dict(type='RandomOcclusion'),
    dict(type='PackHMRInputs'),
]


@pytest.fixture(scope='module')
def dataset() -> TinyDataset:
    return TinyDataset(4, pipeline=PIPELINE)


def test_labels_agree_after_everything(dataset: TinyDataset) -> None:
    body = FreeBody()
    seen = set()
    for index in range(12):
        sample = dataset[index % 4]['data_samples']
        labels, camera = sample.gt_instances, sample.gt_camera
        seen.add(sample.flipped)
        out = body(labels.betas, labels.global_orient, labels.body_pose)
        joints = body.joints49(out.joints)
        pixels = (joints + labels.cam_t) @ camera.intrinsics.mT
        assert torch.allclose(
            pixels[..., :2] / pixels[..., 2:], labels.keypoints_2d, atol=2e-2, rtol=0
        )
        assert torch.allclose(joints - out.joints[:, :1], labels.keypoints_3d, atol=1e-5, rtol=0)
        turned = camera.world2cam_rotmat[:, None] @ labels.global_orient_world
        assert torch.allclose(turned, labels.global_orient, atol=1e-5)
    assert seen == {True, False}


def test_the_same_random_numbers_give_the_same_sample(dataset: TinyDataset) -> None:
    def draw(seed: int) -> dict:
        np.random.seed(seed)  # noqa: NPY002
        return dataset[1]

    first, again, other = draw(5), draw(5), draw(6)
    assert torch.equal(first['inputs']['crop'], again['inputs']['crop'])
    assert torch.equal(first['inputs']['full'], again['inputs']['full'])
    assert not torch.equal(first['inputs']['crop'], other['inputs']['crop'])
    assert np.array_equal(first['data_samples'].crop2full, again['data_samples'].crop2full)


def test_transforms_say_their_keys() -> None:
    from whmr.datasets import transforms
    from whmr.registry import TRANSFORMS

    for step in PIPELINE:
        cls = getattr(transforms, step['type'])
        assert TRANSFORMS.get(step['type']) is cls
        assert 'Required Keys:' in cls.__doc__
        assert 'Added Keys:' in cls.__doc__ or 'Modified Keys:' in cls.__doc__
        assert 'Shapes:' in cls.__doc__
