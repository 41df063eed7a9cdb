from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from whmr.geometry import axis_angle_to_rotmat, pitch_roll_to_rotmat
from whmr.registry import VISUALIZERS
from whmr.structures import HMRDataSample
from whmr.visualization import HMRVisualizer, draw_horizon, draw_overlay

ARMS_DOWN = {15: -1.1, 16: 1.1}  # row of body_pose -> turn about z, rad; as `make_people` has it
PHOTO_SIZE = (160, 120)  # W, H


def sample_of(people, *, prefix: str = 'pred', world: bool = True) -> HMRDataSample:
    """A data sample that holds the only one of `people`."""
    body = InstanceData(
        vertices=torch.from_numpy(people.vertices),
        cam_t=torch.from_numpy(people.cam_t),
        joints=torch.zeros(1, 49, 3),
    )
    camera = InstanceData(
        intrinsics=torch.diag(torch.tensor([*[float(people.focal_length[0])] * 2, 1.0]))[None]
    )
    camera.intrinsics[0, :2, 2] = torch.tensor(PHOTO_SIZE) / 2
    if world:
        body.vertices_world = torch.from_numpy(people.vertices_world)
        camera.world2cam_rotmat = torch.from_numpy(people.world2cam_rotmat)[None]
    sample = HMRDataSample()
    sample.set_field(body, f'{prefix}_instances')
    sample.set_field(camera, f'{prefix}_camera')
    return sample


@pytest.fixture
def visualizer(tmp_path: Path, body) -> HMRVisualizer:
    return VISUALIZERS.build(
        dict(
            type='HMRVisualizer',
            name=f'visualizer_{tmp_path.name}',
            body_model=body,
            vis_backends=[dict(type='LocalVisBackend')],
            save_dir=str(tmp_path),
        )
    )


def with_horizon(picture: np.ndarray, focal: float) -> np.ndarray:
    """A picture with the horizon of a level camera."""
    height, width = picture.shape[:2]
    k = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return draw_horizon(picture, k, np.eye(3))


def pictures(folder: Path) -> dict[str, np.ndarray]:
    found = sorted(folder.rglob('vis_image/*.png'))
    return {path.name: cv2.imread(str(path))[..., ::-1] for path in found}


def test_pictures_reach_the_backend(visualizer, make_people, photo, tmp_path) -> None:
    people = make_people([[0, 0, 3.0]], [150.0])
    visualizer.add_datasample('val', photo, sample_of(people), step=7)
    found = pictures(tmp_path)
    assert set(found) == {'val_7.png', 'val_world_7.png'}
    expected = with_horizon(draw_overlay(photo, people), 150)
    np.testing.assert_array_equal(found['val_7.png'], expected)
    np.testing.assert_array_equal(visualizer.get_image(), found['val_7.png'])


def test_labels_stand_beside_predictions(visualizer, make_people, photo, tmp_path) -> None:
    sample = sample_of(make_people([[0, 0, 3.0]], [150.0]), world=False)
    label = sample_of(make_people([[0.5, 0, 3.0]], [150.0]), prefix='gt', world=False)
    sample.gt_instances, sample.gt_camera = label.gt_instances, label.gt_camera
    visualizer.add_datasample('val', photo, sample)
    found = pictures(tmp_path)
    assert list(found) == ['val_0.png']
    left, right = np.split(found['val_0.png'], 2, axis=1)
    assert np.abs(left.astype(int) - right).max() > 30
    visualizer.add_datasample('gt', photo, sample, draw_pred=False)
    np.testing.assert_array_equal(pictures(tmp_path)['gt_0.png'], left)


def test_several_people_and_a_file(visualizer, make_people, photo, tmp_path) -> None:
    samples = [sample_of(make_people([[x, 0, 4.0]], [150.0])) for x in (-0.7, 0.7)]
    visualizer.add_datasample('all', photo, samples, out_file=tmp_path / 'all.png')
    both = make_people([[-0.7, 0, 4.0], [0.7, 0, 4.0]], [150.0, 150.0])
    drawn = cv2.imread(str(tmp_path / 'all.png'))[..., ::-1]
    np.testing.assert_array_equal(drawn, with_horizon(draw_overlay(photo, both), 150))


@pytest.mark.parametrize('sample', [None, HMRDataSample()])
def test_nothing_to_draw_gives_the_photo(visualizer, photo, tmp_path, sample) -> None:
    visualizer.add_datasample('empty', photo, sample)
    np.testing.assert_array_equal(pictures(tmp_path)['empty_0.png'], photo)


def test_mesh_of_another_body_is_refused(visualizer, make_people, photo) -> None:
    sample = sample_of(make_people([[0, 0, 3.0]], [150.0]), world=False)
    sample.pred_instances.vertices = sample.pred_instances.vertices[:, :100]
    with pytest.raises(ValueError, match='100 vertices'):
        visualizer.add_datasample('wrong', photo, sample)


def test_labels_get_their_meshes_from_pose_and_shape(
    visualizer, make_people, photo, body, tmp_path
):
    people = make_people([[0, 0, 3.0]], [150.0])
    turns = torch.zeros(1, 23, 3)
    for row, angle in ARMS_DOWN.items():
        turns[:, row, 2] = angle
    sample = HMRDataSample(metainfo={'topology': body.topology})
    sample.gt_instances = InstanceData(
        betas=torch.zeros(1, body.num_betas),
        global_orient=body.mean_params.global_orient.expand(1, 1, 3, 3),
        body_pose=axis_angle_to_rotmat(turns),
        cam_t=torch.tensor([[0.0, 0.0, 3.0]]),
        has_smpl=torch.tensor([True]),
        has_cam_t=torch.tensor([True]),
    )
    sample.gt_camera = InstanceData(intrinsics=torch.diag(torch.tensor([150.0, 150.0, 1.0]))[None])
    visualizer.add_datasample('label', photo, sample)
    drawn = pictures(tmp_path)['label_0.png'].astype(int)
    assert np.abs(drawn - draw_overlay(photo, people)).mean() < 0.01
    sample.gt_instances.has_smpl = torch.tensor([False])
    visualizer.add_datasample('none', photo, sample)
    np.testing.assert_array_equal(pictures(tmp_path)['none_0.png'], photo)


def test_a_camera_without_people_shows_its_horizon(visualizer, photo, tmp_path) -> None:
    sample = HMRDataSample()
    rotmat = pitch_roll_to_rotmat(torch.tensor(0.1), torch.tensor(0.0))
    camera = dict(world2cam_rotmat=rotmat[None], vfov=torch.tensor([0.8]))
    sample.pred_camera = InstanceData(**camera)
    sample.gt_camera = InstanceData(**camera, has_world2cam=torch.tensor([False]))
    visualizer.add_datasample('camera', photo, sample)
    focal = photo.shape[0] / 2 / np.tan(0.4)
    k = np.array([[focal, 0, photo.shape[1] / 2], [0, focal, photo.shape[0] / 2], [0, 0, 1]])
    expected = draw_horizon(photo, k, rotmat.numpy())
    drawn = pictures(tmp_path)['camera_0.png'].astype(int)
    assert drawn.shape == photo.shape  # the label is not known
    assert np.abs(drawn - expected).mean() < 0.01


def test_a_known_focal_length_counts_before_the_calibrators(visualizer, photo, tmp_path) -> None:
    sample = HMRDataSample()
    rotmat = pitch_roll_to_rotmat(torch.tensor(0.1), torch.tensor(0.0))
    sample.pred_camera = InstanceData(world2cam_rotmat=rotmat[None], vfov=torch.tensor([0.8]))
    sample.camera = InstanceData(focal_length=torch.tensor([60.0]))
    visualizer.add_datasample('known', photo, sample)
    k = np.array([[60.0, 0, photo.shape[1] / 2], [0, 60.0, photo.shape[0] / 2], [0, 0, 1]])
    drawn = pictures(tmp_path)['known_0.png'].astype(int)
    assert np.abs(drawn - draw_horizon(photo, k, rotmat.numpy())).mean() < 0.01


def test_the_world_is_written_beside_the_picture(visualizer, make_people, photo, tmp_path) -> None:
    sample = sample_of(make_people([[0, 0, 3.0]], [150.0]))
    visualizer.add_datasample('both', photo, sample, out_file=tmp_path / 'both.png')
    assert (tmp_path / 'both.png').exists() and (tmp_path / 'both_world.png').exists()
