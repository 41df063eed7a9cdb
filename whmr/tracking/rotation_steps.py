"""Steps from rotation to rotation: what averaging and filtering of rotations are made of."""

import numpy as np
import torch

from whmr.geometry import axis_angle_to_rotmat, rotmat_to_axis_angle

MEDIAN_STEPS = 50
MEDIAN_TOLERANCE = 1e-7  # rad


def rotation_step(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The shortest turn that leads from one rotation to another, `log(start^T end)`.

    Shapes: start, end: (..., 3, 3), broadcast together.  returns: (..., 3) float64 rad.
    """
    relative = np.swapaxes(start, -1, -2).astype(np.float64) @ end.astype(np.float64)
    return rotmat_to_axis_angle(torch.from_numpy(relative)).numpy()


def take_step(start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The rotation after a turn, `start exp(step)`; undoes `rotation_step`.

    Shapes: start: (..., 3, 3).  step: (..., 3) rad.  returns: (..., 3, 3) float64.
    """
    return start @ axis_angle_to_rotmat(torch.from_numpy(np.asarray(step, np.float64))).numpy()


def median_rotation(rotations: np.ndarray) -> np.ndarray:
    """The rotation with the smallest sum of angles to the given ones, which outliers hardly move.

    Weiszfeld's algorithm on SO(3) (Hartley et al., "L1 rotation averaging using the Weiszfeld
    algorithm", CVPR 2011).

    Shapes: rotations: (N, 3, 3), N > 0.  returns: (3, 3) float64.

    Raises:
        ValueError: If there is no rotation.
    """
    if not len(rotations):
        raise ValueError('the median of no rotations')
    apart = np.stack([np.linalg.norm(rotation_step(one, rotations), axis=-1) for one in rotations])
    middle = rotations[apart.sum(axis=1).argmin()].astype(np.float64)
    for _ in range(MEDIAN_STEPS):
        steps = rotation_step(middle, rotations)
        weights = 1 / np.maximum(np.linalg.norm(steps, axis=-1), MEDIAN_TOLERANCE)
        step = (weights[:, None] * steps).sum(axis=0) / weights.sum()
        middle = take_step(middle, step)
        if np.linalg.norm(step) < MEDIAN_TOLERANCE:
            break
    return middle
