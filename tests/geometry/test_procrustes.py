import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from whmr.geometry import procrustes_align


def fit(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """An independent fit: scipy's rotation, then the least-squares scale and shift."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    s, t = source - source_mean, target - target_mean
    rotation, _ = Rotation.align_vectors(t, s)
    turned = rotation.apply(s)
    scale = (turned * t).sum() / (turned * turned).sum()
    return scale * turned + target_mean


def test_reference(unit) -> None:
    aligned = procrustes_align(unit('procrustes/S1'), unit('procrustes/S2'))
    torch.testing.assert_close(aligned, unit('procrustes/hat'), rtol=0, atol=1e-6)
    error = (aligned - unit('procrustes/S2')).norm(dim=-1).mean(-1)
    torch.testing.assert_close(error, unit('procrustes/err'), rtol=0, atol=1e-6)


@pytest.mark.parametrize('batch', [1, 3, 4])
@pytest.mark.parametrize('mirrored', [False, True])
def test_agrees_with_scipy_row_by_row(batch: int, mirrored: bool) -> None:
    rng = np.random.default_rng(batch)
    source = rng.normal(size=(batch, 14, 3))
    target = source + 0.3 * rng.normal(size=source.shape)
    if mirrored:
        target = target * np.array([-1.0, 1, 1])
    got = procrustes_align(torch.from_numpy(source), torch.from_numpy(target)).numpy()
    for b in range(batch):
        np.testing.assert_allclose(got[b], fit(source[b], target[b]), atol=1e-9)


def test_undoes_a_similarity() -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(size=(3, 20, 3))
    rotation = Rotation.random(3, random_state=0).as_matrix()
    target = 1.7 * np.einsum('bij,bkj->bki', rotation, source) + rng.normal(size=(3, 1, 3))
    got = procrustes_align(torch.from_numpy(source), torch.from_numpy(target))
    np.testing.assert_allclose(got, target, atol=1e-12)


def test_never_mirrors() -> None:
    source = torch.randn(1, 10, 3, dtype=torch.float64)
    target = source * torch.tensor([-1.0, 1.0, 1.0])
    aligned = procrustes_align(source, target)
    assert (aligned - target).norm(dim=-1).mean() > 0.1
    # The map that was applied is proper: the determinant of the linear part is positive.
    centred = (source - source.mean(1, keepdim=True))[0]
    linear = torch.linalg.lstsq(centred, (aligned - aligned.mean(1, keepdim=True))[0]).solution
    assert torch.linalg.det(linear) > 0


def test_coplanar_points_are_fitted() -> None:
    source = torch.randn(2, 8, 3, dtype=torch.float64)
    source[..., 2] = 0
    rotation = torch.from_numpy(Rotation.random(random_state=1).as_matrix())
    target = 0.5 * source @ rotation.T + 1
    torch.testing.assert_close(procrustes_align(source, target), target, rtol=0, atol=1e-12)


def test_points_all_in_one_place_go_to_the_middle_of_the_target() -> None:
    target = torch.randn(1, 5, 3)
    aligned = procrustes_align(torch.ones(1, 5, 3), target)
    torch.testing.assert_close(aligned, target.mean(1, keepdim=True).expand(1, 5, 3))


def test_float32_input_is_solved_in_float64() -> None:
    source = torch.randn(2, 14, 3) + 100.0
    target = torch.randn(2, 14, 3)
    got = procrustes_align(source, target)
    assert got.dtype == torch.float32
    expected = procrustes_align(source.double(), target.double())
    torch.testing.assert_close(got.double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_row_that_is_not_finite_spoils_only_itself(value: float) -> None:
    source, target = torch.randn(3, 14, 3), torch.randn(3, 14, 3)
    expected = procrustes_align(source, target)
    source[1, 2, 0] = value
    got = procrustes_align(source, target)
    assert got[1].isnan().all()
    torch.testing.assert_close(got[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize('shape', [(3, 14, 3), (2, 13, 3), (14, 3)])
def test_sets_that_do_not_pair_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='target'):
        procrustes_align(torch.zeros(2, 14, 3), torch.zeros(shape))
