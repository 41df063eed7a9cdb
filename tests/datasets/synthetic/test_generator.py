"""Images and labels of the synthetic world fit each other, and follow from the index alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from whmr.datasets.synthetic import SyntheticWorldGenerator, SyntheticWorldSettings
from whmr.geometry import (
    axis_angle_to_rotmat,
    pitch_roll_to_rotmat,
    rotmat_to_pitch_roll,
    up_vector,
)
from whmr.rendering import rasterize


def relabelled(body, columns: dict, row: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Vertices and 49 joints in camera coordinates, from the labels of one row alone."""
    label = {
        name: torch.from_numpy(columns[name][row : row + 1])
        for name in ('betas', 'global_orient', 'body_pose', 'cam_t')
    }
    output = body(label['betas'], label['global_orient'], label['body_pose'], label['cam_t'])
    return output.vertices, body.joints49(output.joints)


def project(points: torch.Tensor, intrinsics: np.ndarray) -> np.ndarray:
    points = points[0].double().numpy()
    return (points @ intrinsics.T.astype(float))[:, :2] / points[:, 2:]


@pytest.mark.parametrize(
    ('supersample', 'size', 'number', 'overlap'),
    [(1, (256, 192), 6, 0.99), (2, (512, 384), 3, 0.97)],
)
def test_labels_reproduce_mask_and_keypoints(body, supersample, size, number, overlap) -> None:
    settings = SyntheticWorldSettings(
        image_size=size, max_people=1, max_boxes=0, supersample=supersample
    )
    generator = SyntheticWorldGenerator(settings)
    shape = settings.image_shape
    for index in range(number):
        image = generator(index)
        columns = image.columns
        vertices, joints = relabelled(body, columns, 0)
        k = torch.from_numpy(columns['intrinsics'][:1])
        mask = rasterize(vertices, body.faces, k, shape).face_id[0].numpy() >= 0
        seen = image.scene.mesh_id == 0
        assert (mask & seen).sum() / (mask | seen).sum() > overlap
        depth = rasterize(vertices, body.faces, k, shape).depth[0].numpy()
        assert np.median(np.abs(depth - image.scene.depth)[mask & seen]) < 0.005
        pixels = project(joints, columns['intrinsics'][0])
        np.testing.assert_allclose(columns['keypoints_2d'][0], pixels, atol=0.02)
        np.testing.assert_allclose(
            columns['keypoints_3d'][0], (joints - joints[:, 8:9])[0].numpy(), atol=2e-5
        )
        outline = project(vertices, columns['intrinsics'][0])
        low, high = outline.min(0).clip(0), np.minimum(outline.max(0), size)
        np.testing.assert_allclose(columns['bbox'][0], [*low, *high], atol=0.05)
        np.testing.assert_allclose(
            columns['pelvis'][0], (joints[0, 8] - columns['cam_t'][0]).numpy(), atol=2e-5
        )


def test_several_people_cover_each_other_as_labelled(body) -> None:
    generator = SyntheticWorldGenerator(
        SyntheticWorldSettings(image_size=(256, 192), max_people=6, max_boxes=0, supersample=1)
    )
    checked = 0
    for index in range(8):
        image = generator(index)
        number = len(image.columns['bbox'])
        if number < 2 or number < len(image.layout.people):
            continue
        k = torch.from_numpy(image.columns['intrinsics'][:1])
        depths = []
        for row in range(number):
            vertices, _ = relabelled(body, image.columns, row)
            depth = rasterize(vertices, body.faces, k, (192, 256)).depth[0].numpy()
            depths.append(np.where(depth > 0, depth, np.inf))
        nearest = np.argmin(depths, axis=0)
        nearest[np.isinf(np.min(depths, axis=0))] = -1
        for row in range(number):
            mask, seen = nearest == row, image.scene.mesh_id == row
            if mask.sum() > 300:
                assert (mask & seen).sum() / (mask | seen).sum() > 0.95
                checked += 1
    assert checked >= 2


def test_world_labels_obey_their_identity(images) -> None:
    for image in images:
        columns = image.columns
        rotation = torch.from_numpy(columns['world2cam_rotmat']).double()
        orient = axis_angle_to_rotmat(torch.from_numpy(columns['global_orient']).double())
        world = axis_angle_to_rotmat(torch.from_numpy(columns['global_orient_world']).double())
        torch.testing.assert_close(rotation @ world, orient, atol=1e-5, rtol=0)
        pitch, roll = rotmat_to_pitch_roll(rotation)
        exact = pitch_roll_to_rotmat(pitch, roll)
        torch.testing.assert_close(exact, rotation, atol=1e-5, rtol=0)
        assert pitch.abs().max() <= 0.6
        assert roll.abs().max() <= 0.6
        camera = image.layout.camera
        assert pitch[0].item() == pytest.approx(camera.pitch, abs=1e-5)
        assert roll[0].item() == pytest.approx(camera.roll, abs=1e-5)


def test_people_stand_on_the_ground(images) -> None:
    for image in images:
        for person in image.layout.people:
            lowest = person.world_vertices[:, 1].max()  # y is down
            assert lowest + person.clearance == pytest.approx(image.layout.ground, abs=1e-6)
            assert 0 <= person.clearance < 1


def test_standing_people_are_upright_in_the_world(body, rest_joints) -> None:
    generator = SyntheticWorldGenerator(
        SyntheticWorldSettings(image_size=(128, 96), clip_share=0.0, max_people=1)
    )
    for index in range(5):
        columns = generator(index).columns
        world = axis_angle_to_rotmat(torch.from_numpy(columns['global_orient_world']))
        assert up_vector(world)[0, 1] < -0.9  # the body's up is against gravity, +y
        head, ankle = columns['keypoints_3d'][0][[0, 11]] @ columns['world2cam_rotmat'][0]
        assert head[1] < ankle[1] - 0.8


def test_people_do_not_run_into_one_another(images) -> None:
    for image in images:
        people = image.layout.people
        for i, person in enumerate(people):
            for other in people[:i]:
                assert not person.touches(other, gap=0.05)


def test_visible_joints_are_in_the_image_and_on_the_person(images) -> None:
    some_hidden = False
    for image in images:
        columns = image.columns
        inside = columns['keypoints_2d_conf'] > 0
        assert not (columns['visibility'] & ~inside).any()
        some_hidden |= bool((inside & ~columns['visibility']).any())
        x, y = columns['keypoints_2d'][..., 0], columns['keypoints_2d'][..., 1]
        assert ((x >= 0) & (x <= 128) & (y >= 0) & (y <= 96))[inside].all()
    assert some_hidden


def test_image_follows_from_its_index_alone(generator_, images, settings) -> None:
    fresh = SyntheticWorldGenerator(settings)
    for index in (9, 2):  # another order, another instance
        again = fresh(index)
        assert again.jpeg == images[index].jpeg
        for name, column in images[index].columns.items():
            assert np.array_equal(column, again.columns[name]), name
    assert images[0].jpeg != images[1].jpeg


def test_splits_and_seeds_give_other_worlds(images, other_seed, settings) -> None:
    assert SyntheticWorldGenerator(other_seed)(0).jpeg != images[0].jpeg
    assert SyntheticWorldGenerator(replace(settings, split='val'))(0).jpeg != images[0].jpeg


def test_images_look_like_photos(images) -> None:
    means, spreads = [], []
    for image in images:
        picture = cv2.imdecode(np.frombuffer(image.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (96, 128, 3)
        means.append(picture.mean())
        spreads.append(picture.std())
        share = (image.scene.mesh_id >= 0).mean()
        assert 0.003 < share < 0.95
    assert 60 < np.mean(means) < 180
    assert np.std(means) > 10
    assert np.mean(spreads) > 20


def test_cameras_vary(images) -> None:
    cameras = [image.layout.camera for image in images]
    assert np.std([camera.pitch for camera in cameras]) > 0.1
    assert np.std([camera.roll for camera in cameras]) > 0.03
    vfov = [camera.vfov for camera in cameras]
    assert np.std(vfov) > 0.15
    assert min(vfov) >= 0.2617
    assert max(vfov) <= 2.1
    heights = [image.layout.ground for image in images]
    assert min(heights) >= 0.1
    assert max(heights) <= 7


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(split='tset'), "split must be one of .* got 'tset'"),
        (dict(image_size=(16, 16)), 'image_size must be'),
        (dict(max_people=0), 'max_people must lie in 1..20'),
        (dict(clip_share=1.5), 'clip_share must lie in 0..1'),
    ],
)
def test_wrong_settings_are_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SyntheticWorldSettings(**changes)
