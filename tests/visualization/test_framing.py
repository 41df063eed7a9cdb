import numpy as np
import pytest

from whmr.visualization import frame_points


@pytest.mark.parametrize('shape', [(100, 100), (90, 160), (160, 90)])
@pytest.mark.parametrize('direction', [(0, 0, 1), (-1, 0.3, 0), (1, -0.2, 2)])
@pytest.mark.parametrize('spread', [(1, 1, 1), (5, 0.2, 3), (0.1, 2, 0.1)])
def test_points_fill_the_picture_and_stay_inside(rng, shape, direction, spread) -> None:
    points = rng.uniform(-1, 1, (200, 3)) * spread + [3, -2, 8]
    margin = 0.1
    camera = frame_points(points, np.array(direction), image_shape=shape, margin=margin)
    seen = points @ camera.rotation.T + camera.translation
    assert (seen[:, 2] > 0).all()
    pixels = (seen @ camera.intrinsics.T)[:, :2] / seen[:, 2:]
    share = pixels / [shape[1], shape[0]]
    border = np.concatenate([share, 1 - share]).min()
    assert margin - 0.02 <= border <= margin + 0.02


def test_nothing_to_look_at() -> None:
    with pytest.raises(ValueError, match='nothing'):
        frame_points(np.zeros((0, 3)), np.array([0, 0, 1.0]), image_shape=(10, 10))
