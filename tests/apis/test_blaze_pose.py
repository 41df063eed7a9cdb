"""The way from a box to the network's square, turned and mirrored, and back to the photo."""

from pathlib import Path

import numpy as np
import pytest

from whmr.apis.detectors import BlazePose, blaze_pose
from whmr.keypoints import JOINT_SETS

JOINTS = JOINT_SETS['blazepose33']
FLIP = list(JOINTS.flip_permutation)
SIDE = 240


def photo() -> np.ndarray:
    """Each pixel's colour says where it is: red = x, green = y."""
    place = np.arange(SIDE, dtype=np.uint8)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[..., 2], image[..., 1] = place[None], place[:, None]
    image[..., 0] = 255  # inside the photo
    return image


def person(turn_deg: float) -> np.ndarray:
    """33 points in a photo, hips in the middle, the trunk turned from upright."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-40, 40, (33, 2))
    for name, place in (('hip_lsp', (8, 0)), ('shoulder', (14, -40))):
        points[JOINTS.index(f'left_{name}')] = place
        points[JOINTS.index(f'right_{name}')] = (-place[0], place[1])
    angle = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T + SIDE / 2


class Network:
    """Finds the points by their colours, and takes left for right in a mirror image."""

    def __init__(self, points: np.ndarray) -> None:
        self.points, self.looks = points, []

    def get_inputs(self) -> list:
        return [self]

    name = 'input'

    def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        crop = feed['input'][0] * 255
        inside = crop[..., 2] > 250
        mirrored = np.linalg.det(self._turn(crop, inside)) < 0
        targets = self.points[FLIP] if mirrored else self.points
        out = np.zeros((39, 5), np.float32)
        for joint, (x, y) in enumerate(targets):
            distance = np.hypot(crop[..., 0] + 0.5 - x, crop[..., 1] + 0.5 - y) + 1e3 * ~inside
            row, col = np.argwhere(distance <= distance.min() + 0.3).mean(0)
            out[joint] = col + 0.5, row + 0.5, 0, joint - 16, 0
        self.looks.append(self._turn(crop, inside))
        return [np.zeros((1, 117), np.float32), out.reshape(1, 195)]

    @staticmethod
    def _turn(crop: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """(2, 2) photo px per crop px, columns x and y."""
        rows, cols = np.nonzero(inside)
        design = np.column_stack([cols, rows, np.ones(len(rows))])
        return np.linalg.lstsq(design, crop[inside][:, :2], rcond=None)[0][:2].T


@pytest.mark.parametrize('turn_deg', [0.0, 35.0, -100.0])
def test_joints_are_found_where_they_are(monkeypatch, turn_deg: float) -> None:
    points = person(turn_deg)
    network = Network(points)
    monkeypatch.setattr(blaze_pose, 'open_session', lambda *args, **kwargs: network)
    box = np.concatenate([points.min(0), points.max(0)])
    joints, visible, disagreement = BlazePose('any.onnx')(photo(), box)
    assert np.abs(joints - points).max() < 1.0
    assert disagreement.max() < 1.5
    assert visible[16] == pytest.approx((0.5 + 1 / (1 + np.exp(16 - FLIP[16]))) / 2)
    first, second, mirror = network.looks
    assert np.rad2deg(np.arctan2(first[1, 0], first[0, 0])) == pytest.approx(0, abs=1)
    assert np.rad2deg(np.arctan2(second[1, 0], second[0, 0])) == pytest.approx(turn_deg, abs=1)
    assert np.abs(mirror * [-1, 1] - second).max() < 0.02


def test_what_is_not_blazepose_is_refused(monkeypatch, tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    with pytest.raises(FileNotFoundError, match='BlazePose: no such model file'):
        BlazePose(tmp_path / 'none.onnx')
    (tmp_path / 'broken.onnx').write_bytes(b'no network')
    with pytest.raises(ValueError, match=r'BlazePose: .* is damaged or no ONNX model'):
        BlazePose(tmp_path / 'broken.onnx')
    network = Network(person(0))
    network.run = lambda *args: [np.zeros((1, 10), np.float32)]
    monkeypatch.setattr(blaze_pose, 'open_session', lambda *args, **kwargs: network)
    with pytest.raises(ValueError, match='no output of 195 numbers'):
        BlazePose('other.onnx')(photo(), np.array([10.0, 10, 100, 200]))
