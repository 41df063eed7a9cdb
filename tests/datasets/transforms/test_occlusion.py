"""Shapes hide parts of the crop: some of it, not always, within the asked sizes."""

import numpy as np
import pytest

from whmr.datasets.transforms import RandomOcclusion


def hidden(options: dict, runs: int = 200) -> np.ndarray:
    """Share of hidden pixels in each run."""
    crop, photo = np.zeros((64, 48, 3), np.uint8), np.full((200, 300, 3), 255, np.uint8)
    occlude = RandomOcclusion(**options)
    return np.array(
        [(occlude(dict(crop=crop, img=photo))['crop'] > 0).any(2).mean() for _ in range(runs)]
    )


@pytest.mark.parametrize('prob', [0.0, 0.3, 0.9])
def test_some_samples_stay_free(prob: float) -> None:
    shares = hidden(dict(prob=prob, num=(3, 5), shapes=('rectangle',), fills=('photo',)))
    assert abs((shares > 0).mean() - prob) < 0.12


def test_the_size_is_what_is_asked() -> None:
    options = dict(prob=0.99, num=(1, 1), shapes=('rectangle',), fills=('photo',))
    shares = hidden(dict(options, size=(0.25, 0.25)))
    assert np.isclose(shares.max(), 16 * 16 / (64 * 48))
    assert (shares < shares.max()).any()  # some reach over the border
    ellipses = hidden(dict(options, size=(0.25, 0.25), shapes=('ellipse',)))
    assert 0.6 * shares.max() < ellipses.max() < 0.95 * shares.max()


@pytest.mark.parametrize('shape', ['rectangle', 'ellipse', 'polygon'])
@pytest.mark.parametrize('fill', ['color', 'noise', 'photo'])
def test_every_shape_and_fill(shape: str, fill: str) -> None:
    shares = hidden(dict(prob=0.99, shapes=(shape,), fills=(fill,)), 40)
    assert (shares > 0).mean() > 0.8
    assert shares.max() < 0.6


def test_fills_look_as_named(rng) -> None:
    occlude = RandomOcclusion()
    noise = occlude._fill(40, 40, np.zeros((9, 9, 3), np.uint8), rng)
    assert noise.shape == (40, 40, 3)
    color = RandomOcclusion(fills=('color',))._fill(20, 30, np.zeros((9, 9, 3), np.uint8), rng)
    assert (color == color[0, 0]).all()


def test_inputs_are_not_written_to() -> None:
    crop = np.zeros((64, 48, 3), np.uint8)
    for _ in range(20):
        RandomOcclusion(prob=0.99)(dict(crop=crop, img=crop))
    assert not crop.any()


def test_tiny_crops_and_photos_work() -> None:
    small = np.zeros((3, 2, 3), np.uint8)
    for _ in range(100):
        RandomOcclusion(prob=0.99)(dict(crop=small, img=small[:1]))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(prob=1.0), 'some samples stay free'),
        (dict(num=(0, 3)), 'num must be'),
        (dict(size=(0.5, 0.2)), 'size must be'),
        (dict(shapes=('star',)), 'shapes must be some of'),
        (dict(fills=()), 'fills must be some of'),
    ],
)
def test_wrong_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomOcclusion(**options)
