import pytest
import torch
from torch.autograd import gradcheck

from whmr.geometry import (
    CROP_FOCAL_LENGTH,
    crop_affine,
    denormalize_full,
    estimate_translation,
    focal_from_distance,
    full_cam_t,
    global_info,
    intrinsics_matrix,
    normalize_full,
    project_crop,
    project_full,
    square_crop_denormalize,
    weak_cam_to_crop_t,
)


def scene(batch: int) -> dict[str, torch.Tensor]:
    """A random person in a random photo, float64."""
    rand = lambda *shape: torch.rand(*shape, dtype=torch.float64)  # noqa: E731
    full_shape = torch.tensor([480.0, 640.0], dtype=torch.float64) * (1 + rand(batch, 1))
    return {
        'points': rand(batch, 6, 3) - 0.5,
        'weak_cam': torch.cat([0.7 + 0.4 * rand(batch, 1), rand(batch, 2) - 0.5], -1),
        'distance': 3 + 5 * rand(batch),
        'bbox_center': full_shape.flip(-1) * (0.3 + 0.4 * rand(batch, 2)),
        'bbox_size': 150 + 200 * rand(batch),
        'full_shape': full_shape,
    }


def full_projection(s: dict[str, torch.Tensor]) -> torch.Tensor:
    focal = focal_from_distance(s['distance'], s['weak_cam'][:, 0], s['bbox_size'])
    cam_t = full_cam_t(
        s['weak_cam'], s['distance'], s['bbox_center'], s['bbox_size'], s['full_shape']
    )
    return project_full(s['points'], cam_t, focal, s['full_shape'])


@pytest.mark.parametrize('size', [224, 256])
def test_crop_camera_reference(unit, size: int) -> None:
    name = f'projection_{size}'
    got = project_crop(unit(f'{name}/joints'), unit(f'{name}/cam'), size)
    torch.testing.assert_close(got, unit(f'{name}/out'), rtol=0, atol=1e-6)


def test_full_image_camera_reference(unit) -> None:
    name = 'full_image_camera'
    cam, distance, size = unit(f'{name}/cam'), unit(f'{name}/Tz'), unit(f'{name}/bbox_height')
    shape = unit(f'{name}/orig_shape_hw')
    focal = focal_from_distance(distance, cam[:, 0], size)
    cam_t = full_cam_t(cam, distance, unit(f'{name}/center'), size, shape)
    points = project_full(unit(f'{name}/joints'), cam_t, focal, shape)
    torch.testing.assert_close(focal, unit(f'{name}/focal'), rtol=1e-6, atol=0)
    torch.testing.assert_close(cam_t, unit(f'{name}/cam_t'), rtol=0, atol=1e-6)
    torch.testing.assert_close(points, unit(f'{name}/uv_pixels'), rtol=1e-6, atol=1e-4)
    torch.testing.assert_close(
        normalize_full(points, shape), unit(f'{name}/uv_norm'), rtol=0, atol=1e-6
    )


def test_estimate_translation_reference(unit) -> None:
    # The release solves with its 24 annotated joints, on a 256 px crop.
    keypoints = unit('estimate_translation/kp')[:, 25:]
    got = estimate_translation(
        unit('estimate_translation/joints')[:, 25:],
        keypoints[..., :2] - 128,
        keypoints[..., 2],
        torch.full((2,), CROP_FOCAL_LENGTH),
    )
    torch.testing.assert_close(got, unit('estimate_translation/out'), rtol=0, atol=1e-5)


def test_crop_camera_closed_form() -> None:
    weak_cam = torch.tensor([[0.8, 0.1, -0.2]], dtype=torch.float64)
    depth = 2 * 1000 / (256 * 0.8)
    expected = torch.tensor([[0.1, -0.2, depth]], dtype=torch.float64)
    torch.testing.assert_close(weak_cam_to_crop_t(weak_cam, 256), expected)
    point = torch.tensor([[[0.3, 0.4, 0.5]]], dtype=torch.float64)
    u = 1000 * 0.4 / (depth + 0.5) / 128
    v = 1000 * 0.2 / (depth + 0.5) / 128
    got = project_crop(point, weak_cam, 256)
    torch.testing.assert_close(got, torch.tensor([[[u, v]]], dtype=torch.float64))


@pytest.mark.parametrize('crop_shape', [(256, 192), (224, 224), (192, 144)])
def test_both_cameras_put_a_flat_body_on_the_same_pixels(crop_shape: tuple[int, int]) -> None:
    # At the depth of the pelvis (Z = 0) crop and full camera are the same similarity.
    s = scene(3)
    s['points'][..., 2] = 0
    in_full = full_projection(s)
    on_square = project_crop(s['points'], s['weak_cam'], max(crop_shape))
    for b in range(3):
        affine = crop_affine(s['bbox_center'][b].numpy(), float(s['bbox_size'][b]), crop_shape)
        on_crop = square_crop_denormalize(on_square[b], crop_shape).numpy()
        expected = torch.from_numpy(on_crop @ affine[:, :2].T + affine[:, 2])
        torch.testing.assert_close(in_full[b], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize('batch', [1, 2, 3])
def test_a_batch_is_its_rows(batch: int) -> None:
    s = scene(batch)
    together = full_projection(s)
    info = global_info(s['bbox_center'], s['bbox_size'], s['full_shape'])
    for b in range(batch):
        row = {name: value[b : b + 1] for name, value in s.items()}
        torch.testing.assert_close(together[b : b + 1], full_projection(row), rtol=0, atol=1e-12)
        one = global_info(row['bbox_center'], row['bbox_size'], row['full_shape'])
        torch.testing.assert_close(info[b : b + 1], one, rtol=0, atol=0)


def test_projection_through_intrinsics_is_the_same() -> None:
    s = scene(3)
    cam_t = torch.tensor([[0.1, 0.2, 4.0]], dtype=torch.float64).expand(3, 3)
    focal = torch.tensor([500.0, 600.0, 700.0], dtype=torch.float64)
    principal = torch.tensor([[300.0, 200.0], [310, 250], [400, 300]], dtype=torch.float64)
    got = project_full(s['points'], cam_t, focal, s['full_shape'], principal)
    homogeneous = (s['points'] + cam_t[:, None]) @ intrinsics_matrix(focal, principal).mT
    torch.testing.assert_close(got, homogeneous[..., :2] / homogeneous[..., 2:])


def test_full_normalisation_spans_the_image_and_round_trips() -> None:
    shape = torch.tensor([[480.0, 640.0]])
    corners = torch.tensor([[[0.0, 0.0], [640.0, 480.0], [320.0, 240.0], [640.0, 0.0]]])
    normalised = normalize_full(corners, shape)
    assert normalised.tolist() == [[[-1, -1], [1, 1], [0, 0], [1, -1]]]
    assert torch.equal(denormalize_full(normalised, shape), corners)


def test_global_info_closed_form() -> None:
    got = global_info(
        torch.tensor([[500.0, 300.0]]), torch.tensor([200.0]), torch.tensor([[600.0, 800.0]])
    )
    expected = torch.tensor([[100.0, 0.0, 200.0, 800.0, 600.0]]) / 1000
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize('batch', [1, 2, 3])
def test_estimate_translation_recovers_the_truth(batch: int) -> None:
    joints = torch.randn(batch, 12, 3, dtype=torch.float64) * 0.4
    truth = torch.tensor([0.3, -0.2, 5.0], dtype=torch.float64) + torch.rand(batch, 3).double()
    focal = torch.linspace(400, 900, batch, dtype=torch.float64)
    placed = joints + truth[:, None]
    keypoints = focal[:, None, None] * placed[..., :2] / placed[..., 2:]
    conf = torch.rand(batch, 12, dtype=torch.float64)
    conf[:, :3] = 0
    keypoints[:, :3] = 1e4  # unlabelled keypoints may say anything
    got = estimate_translation(joints, keypoints, conf, focal)
    torch.testing.assert_close(got, truth, rtol=0, atol=1e-9)


def test_estimate_translation_solves_the_weighted_normal_equations() -> None:
    joints, keypoints = torch.randn(1, 5, 3).double(), 100 * torch.randn(1, 5, 2).double()
    conf, focal = torch.rand(1, 5).double(), torch.tensor([600.0]).double()
    x, y = (keypoints[0] / 600).unbind(-1)
    one, zero = torch.ones(5).double(), torch.zeros(5).double()
    a = torch.cat([torch.stack([one, zero, -x], -1), torch.stack([zero, one, -y], -1)])
    b = torch.cat([x * joints[0, :, 2] - joints[0, :, 0], y * joints[0, :, 2] - joints[0, :, 1]])
    root = conf[0].sqrt().repeat(2)
    expected = torch.linalg.lstsq(root[:, None] * a, (root * b)[:, None]).solution[:, 0]
    got = estimate_translation(joints, keypoints, conf, focal)[0]
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-10)


def test_rows_that_fix_no_translation_give_zeros_and_clean_gradients() -> None:
    joints = torch.randn(3, 4, 3, requires_grad=True)
    keypoints = 50 * torch.randn(3, 4, 2)
    conf = torch.tensor([[0.0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
    got = estimate_translation(joints, keypoints, conf, torch.full((3,), 500.0))
    assert torch.equal(got[:2], torch.zeros(2, 3))
    assert (got[2] != 0).all()
    got.sum().backward()
    assert torch.isfinite(joints.grad).all()
    assert joints.grad[2].abs().sum() > 0


def test_camera_gradients() -> None:
    s = scene(3)
    inputs = tuple(value.requires_grad_() for value in s.values())
    assert gradcheck(lambda *v: full_projection(dict(zip(s, v))), inputs)
    assert gradcheck(lambda p, c: project_crop(p, c, 256), (s['points'], s['weak_cam']))


@pytest.mark.parametrize(
    ('function', 'fields', 'name'),
    [
        (project_crop, 'points row:weak_cam size', 'weak_cam'),
        (project_crop, 'row0:points weak_cam size', 'points'),
        (weak_cam_to_crop_t, 'row0:weak_cam size', 'weak_cam'),
        (focal_from_distance, 'col:distance distance bbox_size', 'distance'),
        (focal_from_distance, 'distance col:distance bbox_size', 'scale'),
        (project_full, 'points bbox_t row:bbox_size full_shape', 'focal_length'),
        (project_full, 'points bbox_t bbox_size row0:full_shape', 'full_shape'),
        (project_full, 'points row:bbox_t bbox_size full_shape', 'cam_t'),
        (normalize_full, 'bbox_center full_shape', 'points'),
        (denormalize_full, 'points full_shape', 'points'),
        (global_info, 'bbox_center col:bbox_size full_shape', 'bbox_size'),
        (global_info, 'row0:bbox_center bbox_size full_shape', 'bbox_center'),
        (intrinsics_matrix, 'distance row:bbox_center', 'principal_point'),
        (full_cam_t, 'weak_cam row:distance bbox_center bbox_size full_shape', 'distance'),
        (estimate_translation, 'points points distance distance', 'keypoints'),
    ],
)
def test_shapes_that_would_broadcast_are_refused(function, fields: str, name: str) -> None:
    s = scene(3)
    s['bbox_t'] = s['weak_cam']
    cut = {
        'row': lambda value: value[:1],
        'row0': lambda value: value[0],
        'col': lambda value: value[:, None],
    }
    arguments = []
    for field in fields.split():
        how, _, key = field.rpartition(':')
        value = 256 if key == 'size' else s[key]
        arguments.append(cut[how](value) if how else value)
    with pytest.raises(ValueError, match=f'^{name}(:| must have shape)'):
        function(*arguments)
