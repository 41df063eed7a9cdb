import numpy as np
import pytest
import torch

from whmr.geometry import (
    apply_affine,
    compose_affine,
    crop_affine,
    invert_affine,
    square_crop_denormalize,
    square_crop_normalize,
    square_to_feature,
)

KINDS = ['numpy', 'torch']


def make(kind: str, array: np.ndarray):
    return array if kind == 'numpy' else torch.from_numpy(array)


def random_affines(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(*shape, 2, 3)) + np.array([[2.0, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize('crop_shape', [(256, 192), (224, 224), (192, 144)])
def test_crop_affine_puts_the_box_on_the_square_crop(crop_shape: tuple[int, int]) -> None:
    h, w = crop_shape
    affine = crop_affine((300.5, 200.25), 320.0, crop_shape)
    assert affine.dtype == np.float64
    crop_points = np.array([[w / 2, h / 2], [w / 2, 0], [w / 2, h], [0, 0]])
    scale = 320 / h
    expected = np.array(
        [[300.5, 200.25], [300.5, 40.25], [300.5, 360.25], [300.5 - w / 2 * scale, 40.25]]
    )
    np.testing.assert_allclose(apply_affine(affine, crop_points), expected, atol=1e-12)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('shape', [(), (1,), (3,), (3, 3)])
def test_inverse_and_composition(kind: str, shape: tuple[int, ...]) -> None:
    a, b = (
        make(kind, random_affines(*shape)),
        make(kind, random_affines(*shape)[..., ::-1, :].copy()),
    )
    points = make(kind, np.random.default_rng(1).normal(size=(*shape, 5, 2)))
    once = apply_affine(compose_affine(a, b), points)
    np.testing.assert_allclose(once, apply_affine(a, apply_affine(b, points)), atol=1e-12)
    back = apply_affine(invert_affine(a), apply_affine(a, points))
    np.testing.assert_allclose(back, points, atol=1e-10)
    assert type(once) is type(points)


@pytest.mark.parametrize('kind', KINDS)
def test_a_batch_is_its_rows(kind: str) -> None:
    affines, points = random_affines(3), np.random.default_rng(1).normal(size=(3, 3, 2))
    together = apply_affine(make(kind, affines), make(kind, points))
    for b in range(3):
        expected = points[b] @ affines[b, :, :2].T + affines[b, :, 2]
        np.testing.assert_allclose(together[b], expected, atol=1e-12)


def test_one_affine_maps_a_single_point() -> None:
    affine = np.array([[2.0, 0, 1], [0, 3, -1]])
    np.testing.assert_allclose(apply_affine(affine, np.array([1.0, 1.0])), [3.0, 2.0])


def test_affines_that_do_not_pair_with_points_are_refused() -> None:
    with pytest.raises(ValueError, match='does not pair'):
        apply_affine(random_affines(3), np.zeros((3, 2)))
    with pytest.raises(ValueError, match='does not pair'):
        apply_affine(random_affines(3), np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match=r'\(2, 3\)'):
        invert_affine(np.eye(3))
    with pytest.raises(ValueError, match='points'):
        apply_affine(random_affines(), np.zeros((4, 3)))


@pytest.mark.parametrize('kind', KINDS)
def test_square_and_true_crop_coordinates(kind: str) -> None:
    crop_shape = (256, 192)
    points = make(kind, np.array([[0.0, 0.0], [192.0, 256.0], [96.0, 128.0]]))
    square = square_crop_normalize(points, crop_shape)
    np.testing.assert_allclose(square, [[-0.75, -1], [0.75, 1], [0, 0]])
    np.testing.assert_allclose(square_crop_denormalize(square, crop_shape), points)
    feature = square_to_feature(square, crop_shape)
    np.testing.assert_allclose(feature, [[-1, -1], [1, 1], [0, 0]])
    assert type(feature) is type(points)


def test_float32_stays_float32() -> None:
    points = np.zeros((4, 2), np.float32)
    for function in (square_crop_normalize, square_crop_denormalize, square_to_feature):
        assert function(points, (256, 192)).dtype == np.float32
        assert function(torch.from_numpy(points), (256, 192)).dtype == torch.float32


def test_affines_are_differentiable() -> None:
    affine = torch.from_numpy(random_affines(3)).requires_grad_()
    points = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    inputs = (affine, points)
    assert torch.autograd.gradcheck(apply_affine, inputs)
    assert torch.autograd.gradcheck(invert_affine, affine)
    assert torch.autograd.gradcheck(compose_affine, (affine, affine.detach().flip(0)))


@pytest.mark.parametrize(
    ('center', 'size', 'name'),
    [((1.0, 2.0, 3.0), 5.0, 'bbox_center'), ((1.0, 2.0), 0.0, 'bbox_size')],
)
def test_bad_boxes_are_refused(center, size: float, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        crop_affine(center, size, (256, 192))
