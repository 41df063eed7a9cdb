"""BlazePose, a 2D pose network, run by onnxruntime."""

import os
from pathlib import Path

import numpy as np

from whmr.apis.detectors.base import check_image
from whmr.apis.detectors.onnx_session import open_session
from whmr.datasets.transforms import warp_photo
from whmr.keypoints import JOINT_SETS

JOINT_SET = 'blazepose33'
INPUT_SIZE = 256
NUM_POINTS, NUMBERS = 39, 5  # 33 joints and 6 helpers; x, y, z, visibility, presence
_JOINTS = JOINT_SETS[JOINT_SET]
_HIPS = [_JOINTS.index(f'{side}_hip_lsp') for side in ('left', 'right')]
_SHOULDERS = [_JOINTS.index(f'{side}_shoulder') for side in ('left', 'right')]
# The region is a square around the hips, upright along the trunk.
_HIP_HEIGHT = 0.53  # of the box, from its top
_REACH = 1.25  # half the region's side, as a multiple of the farthest joint's distance
_MARGIN = 0.95  # of that distance, found in the first pass


class BlazePose:
    """33 joints of a person in a box (Bazarevsky et al., 2020), for pseudo-labels.

    The network looks three times: at a square made from the box, at the square that the joints
    found there ask for, and at the mirror image of that. The last two are averaged.

    Args:
        model_path: The network as ONNX: input (1, 256, 256, 3) RGB in [0, 1], one output of 195
            numbers. It is not part of this package.
        num_threads: Threads of the runtime; None lets the runtime choose.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: onnxruntime is not installed.
        ValueError: The file is damaged.
    """

    def __init__(self, model_path: str | os.PathLike, *, num_threads: int | None = None) -> None:
        self._session = open_session(Path(model_path), owner='BlazePose', num_threads=num_threads)
        self._input_name = self._session.get_inputs()[0].name

    def __call__(
        self, image: np.ndarray, box: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the joints of one person.

        Args:
            image: The photo.
            box: Around the person.

        Returns:
            Joints of the set `blazepose33`, how visible each is, and how far the two looks
            disagree.

        Raises:
            ValueError: The photo is not (H, W, 3) uint8, or the network is another.

        Shapes:
            image: (H, W, 3) uint8 BGR.  box: (4,) xyxy full px.
            returns: (33, 2) full px, (33,) in [0, 1], (33,) full px.
        """
        check_image(image, 'BlazePose')
        x0, y0, x1, y1 = (float(value) for value in box)
        hip = np.array([(x0 + x1) / 2, y0 + _HIP_HEIGHT * (y1 - y0)])
        reach = 0.55 * max(y1 - y0, 1.1 * (x1 - x0))
        crop2full = _region(hip, np.array([0.0, -1.0]), reach)
        joints, _ = self._look(image, crop2full, mirror=False)
        hip = joints[_HIPS].mean(0)
        up = joints[_SHOULDERS].mean(0) - hip
        reach = _MARGIN * np.linalg.norm(joints - hip, axis=1).max()
        crop2full = _region(hip, up / max(np.linalg.norm(up), 1e-6), reach)
        joints, visible = self._look(image, crop2full, mirror=False)
        mirrored, visible_mirrored = self._look(image, crop2full, mirror=True)
        return (
            (joints + mirrored) / 2,
            (visible + visible_mirrored) / 2,
            np.linalg.norm(joints - mirrored, axis=1),
        )

    def _look(
        self, image: np.ndarray, crop2full: np.ndarray, *, mirror: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        crop = warp_photo(image, crop2full, (INPUT_SIZE, INPUT_SIZE))
        if mirror:
            crop = crop[:, ::-1]
        pixels = crop[None, ..., ::-1].astype(np.float32) / 255
        outputs = self._session.run(None, {self._input_name: pixels})
        found = [out for out in outputs if out.size == NUM_POINTS * NUMBERS]
        if not found:
            raise ValueError('BlazePose: the model has no output of 195 numbers; give BlazePose')
        points = found[0].reshape(NUM_POINTS, NUMBERS)[: len(_JOINTS)].astype(np.float64)
        if mirror:
            points = points[list(_JOINTS.flip_permutation)]
            points[:, 0] = INPUT_SIZE - points[:, 0]
        visible = 1 / (1 + np.exp(-points[:, 3]))
        return points[:, :2] @ crop2full[:, :2].T + crop2full[:, 2], visible


def _region(hip: np.ndarray, up: np.ndarray, reach: float) -> np.ndarray:
    """(2, 3) crop px -> full px of the square around the hips in which `up` points up."""
    scale = 2 * _REACH * reach / INPUT_SIZE
    right, down = np.array([-up[1], up[0]]) * scale, -up * scale
    return np.column_stack([right, down, hip - INPUT_SIZE / 2 * (right + down)])
