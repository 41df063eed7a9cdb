"""What a packed sample holds."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from whmr.datasets.transforms import CropPerson, GetBox, PackHMRInputs, ResizeFull, apply_flip
from whmr.structures import HMRDataSample
from whmr.testing import tiny_rows


def prepared(**changes) -> dict:
    row = GetBox()(tiny_rows(1)[0])
    return {**ResizeFull(60)(CropPerson((64, 48))(row)), **changes}


def test_everything_is_there_with_a_leading_one() -> None:
    row = prepared()
    packed = PackHMRInputs()(row)
    assert packed.keys() == {'inputs', 'data_samples'}
    crop, full = packed['inputs']['crop'], packed['inputs']['full']
    assert crop.dtype == full.dtype == torch.uint8
    assert crop.shape == (3, 64, 48)
    assert full.shape == (3, 60, 80)
    assert np.array_equal(crop.permute(1, 2, 0), row['crop'])
    sample = packed['data_samples']
    assert isinstance(sample, HMRDataSample)
    shapes = dict(
        bboxes=(1, 4),
        bbox_scores=(1,),
        keypoints_2d=(1, 49, 2),
        keypoints_2d_conf=(1, 49),
        keypoints_3d=(1, 49, 3),
        keypoints_3d_conf=(1, 49),
        global_orient=(1, 1, 3, 3),
        body_pose=(1, 23, 3, 3),
        betas=(1, 10),
        cam_t=(1, 3),
        global_orient_world=(1, 1, 3, 3),
        has_keypoints_3d=(1,),
        has_smpl=(1,),
        has_cam_t=(1,),
        has_world=(1,),
    )
    assert set(sample.gt_instances.keys()) == set(shapes)
    assert len(sample.gt_instances) == 1
    for name, shape in shapes.items():
        value = sample.gt_instances[name]
        assert value.shape == shape, name
        assert value.dtype == (torch.bool if name.startswith('has_') else torch.float32)
    assert np.array_equal(sample.gt_instances.keypoints_2d[0], row['keypoints_2d'])
    camera = sample.gt_camera
    assert camera.intrinsics.shape == camera.world2cam_rotmat.shape == (1, 3, 3)
    assert camera.has_focal_length.item()
    assert camera.has_world2cam.item()
    assert sample.ori_shape == (120, 160)
    assert sample.crop_shape == (64, 48)
    assert sample.crop2full.shape == (2, 3)
    assert sample.dataset == 'tiny'
    assert sample.topology == 'free_body'
    assert sample.flipped is False
    assert 'camera' not in sample


def test_packed_tensors_do_not_share_memory_with_the_row() -> None:
    row = prepared()
    sample = PackHMRInputs()(row)['data_samples']
    row['betas'][:] = 7
    assert (sample.gt_instances.betas != 7).all()


def test_unlabelled_samples_have_no_labels() -> None:
    row = prepared()
    keep = ('crop', 'crop_shape', 'crop2full', 'ori_shape', 'img_path', 'bbox')
    sample = PackHMRInputs()({key: row[key] for key in keep})['data_samples']
    assert 'gt_instances' not in sample
    assert 'gt_camera' not in sample


def test_what_the_user_knows_of_the_camera() -> None:
    turn = np.eye(3, dtype='f8')
    packed = PackHMRInputs()(prepared(known_focal_length=1000, known_world2cam_rotmat=turn))
    camera = packed['data_samples'].camera
    assert camera.focal_length.tolist() == [1000]
    assert camera.world2cam_rotmat.dtype == torch.float32
    row = prepared()
    camera = PackHMRInputs(('focal_length', 'world2cam_rotmat'))(row)['data_samples'].camera
    assert camera.focal_length.item() == row['intrinsics'][0, 0]
    assert np.array_equal(camera.world2cam_rotmat[0], row['world2cam_rotmat'])
    row['has_world2cam'] = False
    camera = PackHMRInputs(('focal_length', 'world2cam_rotmat'))(row)['data_samples'].camera
    assert 'world2cam_rotmat' not in camera


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match='known_camera must be some of'):
        PackHMRInputs(('pitch',))
    with pytest.raises(KeyError, match='put CropPerson before'):
        PackHMRInputs()(tiny_rows(1)[0])
    with pytest.raises(KeyError, match="meta_keys \\['mood'\\] are not in the sample"):
        PackHMRInputs(meta_keys=('mood',))(prepared())


def test_more_meta_keys_and_flips() -> None:
    row = apply_flip(GetBox()(tiny_rows(1)[0]))
    sample = PackHMRInputs(meta_keys=('bbox_size',))(CropPerson((64, 48))(row))['data_samples']
    assert sample.flipped is True
    assert sample.bbox_size == row['bbox_size']


def test_samples_collate_to_lists() -> None:
    batch = pseudo_collate([PackHMRInputs()(prepared()) for _ in range(3)])
    assert len(batch['inputs']['crop']) == len(batch['data_samples']) == 3
